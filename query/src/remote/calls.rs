//! Calls: each on a connection of its own while it is under way; idle connections wait for the next one.

use std::sync::Arc;

use bytes::Bytes;
use domain::Clock;
use domain::limits::{LINK_CALLS_MAX, LINK_SILENCE_MAX};
use lake::contract::Away;
use lake::contract::link::{Frame, Greeting, LinkError, Reply, Request, meet, read, write};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use super::copy::Standing;

pub struct Calls {
    address: String,
    standing: watch::Receiver<Standing>,
    clock: Arc<dyn Clock>,
    idle: Mutex<Vec<TcpStream>>,
    turns: Semaphore,
}

impl Calls {
    pub fn new(address: String, standing: watch::Receiver<Standing>, clock: Arc<dyn Clock>) -> Self {
        Self { address, standing, clock, idle: Mutex::default(), turns: Semaphore::new(LINK_CALLS_MAX) }
    }

    /// Fails at once while ingest is away, and as soon as it goes away. It may then have taken what was sent: sending it again
    /// changes nothing (ONE-1).
    pub async fn call(&self, request: Request, body: Bytes) -> Result<Frame<Reply>, Away> {
        let mut standing = self.standing.clone();
        if let Some(why) = standing.borrow().obstacle(&self.address) {
            return Err(Away(why));
        }
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let lost = async {
            match standing.wait_for(|standing| standing.obstacle(&self.address).is_some()).await {
                Ok(standing) => standing.obstacle(&self.address).unwrap_or_default(),
                Err(_) => "this process ends".to_owned(),
            }
        };
        tokio::select! {
            answer = self.exchange(&request, &body) => {
                answer.map_err(|error| Away(format!("ingest at {} did not answer: {error}", self.address)))
            }
            why = lost => Err(Away(why)),
        }
    }

    async fn exchange(&self, request: &Request, body: &[u8]) -> Result<Frame<Reply>, LinkError> {
        let mut stream = match self.rested() {
            Some(stream) => stream,
            None => open(&self.address, &self.clock).await?.0,
        };
        write(&mut stream, request, body).await?;
        let answer = read(&mut stream).await?.ok_or(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
        self.idle.lock().push(stream);
        Ok(answer)
    }

    /// An idle connection that the other side has not ended meanwhile.
    fn rested(&self) -> Option<TcpStream> {
        let is_alive = |stream: &TcpStream| matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
        let mut idle = self.idle.lock();
        std::iter::from_fn(|| idle.pop()).find(is_alive)
    }
}

/// A new connection, and whom it leads to.
pub async fn open(address: &str, clock: &Arc<dyn Clock>) -> Result<(TcpStream, Greeting), LinkError> {
    let opening = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        meet(&mut stream).await?;
        let greeting: Frame<Greeting> =
            read(&mut stream).await?.ok_or(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
        Ok((stream, greeting.head))
    };
    tokio::select! {
        opened = opening => opened,
        () = clock.sleep(LINK_SILENCE_MAX) => Err(LinkError::Lost(std::io::ErrorKind::TimedOut.into())),
    }
}
