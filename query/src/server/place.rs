//! The listeners behind a fixed number of places. When all are taken, the next caller gets that of a [silent](Waiting) one; those
//! behind wait in the kernel's queue.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use domain::Clock;
use domain::limits::HTTP_STALL_MAX;
use domain::time::Sleep;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use super::waiting::Waiting;

/// A process without a free file descriptor, or a listener without a free place, gets one when a connection ends.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

pub struct Places {
    plain: TcpListener,
    secure: Option<TcpListener>,
    free: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    waiting: Arc<Waiting>,
    /// Accepted, and without a place so far.
    caller: Option<(TcpStream, Heard)>,
}

impl Places {
    pub fn new(plain: TcpListener, secure: Option<TcpListener>, places: usize, clock: Arc<dyn Clock>) -> Self {
        let free = Arc::new(Semaphore::new(places));
        Self { plain, secure, free, clock, waiting: Arc::default(), caller: None }
    }

    pub fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    /// The next caller. A call that is dropped loses none.
    pub async fn accept(&mut self) -> (Place, Heard) {
        if self.caller.is_none() {
            self.caller = Some(self.next_caller().await);
        }
        let permit = self.place().await;
        let (stream, heard) = self.caller.take().expect("it was put there before");
        (Place { stream, clock: Arc::clone(&self.clock), stall: None, _permit: permit }, heard)
    }

    /// A place for the caller who waits.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                return permit;
            }
            self.waiting.send_away();
            tokio::select! {
                permit = Arc::clone(&self.free).acquire_owned() => return permit.expect("the semaphore is never closed"),
                // Whoever was sent away may have an answer to write first.
                () = self.clock.sleep(AFTER_A_FAILURE) => {}
            }
        }
    }

    async fn next_caller(&self) -> (TcpStream, Heard) {
        loop {
            let (accepted, heard) = tokio::select! {
                accepted = self.plain.accept() => (accepted, Heard::Plain),
                accepted = accept_or_never(self.secure.as_ref()) => (accepted, Heard::Secure),
            };
            match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        warn!(%error, "small answers may wait for the peer's acknowledgement");
                    }
                    return (stream, heard);
                }
                Err(error) if is_the_callers(&error) => {}
                Err(error) => {
                    warn!(%error, "no connection could be accepted");
                    self.clock.sleep(AFTER_A_FAILURE).await;
                }
            }
        }
    }
}

async fn accept_or_never(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// By which listener a caller came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Plain,
    Secure,
}

/// The caller was gone before it was accepted.
fn is_the_callers(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

/// A connection and the place that it takes. A caller that reads nothing of its answer for too long gives the place up.
pub struct Place {
    stream: TcpStream,
    clock: Arc<dyn Clock>,
    /// Runs while nothing can be written.
    stall: Option<Sleep>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| self.clock.sleep(HTTP_STALL_MAX));
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the caller does not read its answer")))
    }
}

impl AsyncRead for Place {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Place {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
