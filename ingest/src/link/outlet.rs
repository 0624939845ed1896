//! What a follower is told goes out here, within a time: one that does not read is cut off rather than waited for.

use std::sync::Arc;

use bytes::Bytes;
use domain::Clock;
use domain::limits::LINK_SILENCE_MAX;
use lake::contract::link::{LinkError, News, write};
use tokio::io::AsyncWrite;

pub struct Outlet<W> {
    stream: W,
    clock: Arc<dyn Clock>,
}

impl<W: AsyncWrite + Unpin> Outlet<W> {
    pub fn new(stream: W, clock: Arc<dyn Clock>) -> Self {
        Self { stream, clock }
    }

    pub async fn say(&mut self, news: News) -> Result<(), LinkError> {
        self.say_with(news, Bytes::new()).await
    }

    pub async fn say_with(&mut self, news: News, body: Bytes) -> Result<(), LinkError> {
        tokio::select! {
            written = write(&mut self.stream, &news, &body) => written,
            () = self.clock.sleep(LINK_SILENCE_MAX) => Err(LinkError::Lost(std::io::ErrorKind::TimedOut.into())),
        }
    }
}
