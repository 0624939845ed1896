//! A connection between a device and the server: bytes arrive in order and late, or not any more.
//!
//! It can break, which both ends notice and which loses what is under way; or go silent, which nobody notices. Who drops its end closes
//! the connection: what it said before still arrives.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::Clock as _;
use domain::time::Sleep;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::VirtualClock;
use crate::power::Power;

/// One direction.
#[derive(Default)]
struct Wire {
    under_way: VecDeque<(Duration, Vec<u8>)>,
    is_closed: bool,
    is_broken: bool,
    is_silent: bool,
    reader: Option<Waker>,
}

impl Wire {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// One end of a connection.
pub struct End {
    read: Arc<Mutex<Wire>>,
    write: Arc<Mutex<Wire>>,
    clock: Arc<VirtualClock>,
    delay: Duration,
    timer: Option<(Duration, Sleep)>,
    /// Of the server, at its end.
    power: Option<Power>,
}

/// Breaks or silences a connection.
#[derive(Clone)]
pub struct Cutter([Arc<Mutex<Wire>>; 2]);

/// The device's end, the server's, and what cuts them apart.
pub fn connection(clock: &Arc<VirtualClock>, delay: Duration, power: Power) -> (End, End, Cutter) {
    let wires = [Arc::<Mutex<Wire>>::default(), Arc::default()];
    let end = |read: usize, power| End {
        read: wires[read].clone(),
        write: wires[1 - read].clone(),
        clock: clock.clone(),
        delay,
        timer: None,
        power,
    };
    (end(0, None), end(1, Some(power)), Cutter(wires.clone()))
}

impl Cutter {
    pub fn cut(&self) {
        for wire in &self.0 {
            let mut wire = wire.lock();
            wire.is_broken = true;
            wire.under_way.clear();
            wire.wake();
        }
    }

    pub fn silence(&self) {
        for wire in &self.0 {
            wire.lock().is_silent = true;
        }
    }
}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let now = self.clock.elapsed();
        let arrives = {
            let mut wire = self.read.lock();
            if wire.is_broken {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let is_closed = wire.is_closed;
            match wire.under_way.front_mut() {
                Some((arrives, bytes)) if *arrives <= now => {
                    let length = bytes.len().min(into.remaining());
                    into.put_slice(&bytes[..length]);
                    bytes.drain(..length);
                    if bytes.is_empty() {
                        wire.under_way.pop_front();
                    }
                    return Poll::Ready(Ok(()));
                }
                None if is_closed => return Poll::Ready(Ok(())),
                next => {
                    let arrives = next.map(|(arrives, _)| *arrives);
                    wire.reader = Some(context.waker().clone());
                    arrives
                }
            }
        };
        let Some(arrives) = arrives else {
            return Poll::Pending;
        };
        if self.timer.as_ref().is_none_or(|(at, _)| *at != arrives) {
            self.timer = Some((arrives, self.clock.sleep(arrives.saturating_sub(now))));
        }
        if let Some((_, timer)) = &mut self.timer
            && timer.as_mut().poll(context).is_ready()
        {
            self.timer = None;
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.write.lock();
        let is_dead = self.power.as_ref().is_some_and(|power| !power.is_on());
        if wire.is_broken || wire.is_closed || is_dead {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if !wire.is_silent {
            let arrives = self.clock.elapsed() + self.delay;
            wire.under_way.push_back((arrives, bytes.to_vec()));
            wire.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.write.lock();
        wire.is_closed = true;
        wire.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut wire = self.write.lock();
        // A silent connection says nothing of its end either.
        if !wire.is_silent {
            wire.is_closed = true;
            wire.wake();
        }
        drop(wire);
        self.read.lock().is_broken = true;
    }
}
