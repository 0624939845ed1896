//! Ingest's end of the link: where processes of query alone learn the running state and hand in what comes by HTTP.
//!
//! ```text
//! accept ──► hello, greeting ──► calls: a request, its reply, the next
//!                           └──► a follower: everything once, then every 50 ms what changed
//! ```
//!
//! A connection is a task and holds nothing of the pipeline: locks are taken for a copy, and what waits for a slow reader is cut off
//! after a while and comes again from where it stands. Deliberately absent: credentials. Whoever reaches the address may do what
//! ingest's handle may, so it is a loopback one unless an operator says otherwise by name (SEC-1).

mod answering;
mod follower;
mod outlet;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::limits::LINK_CONNECTIONS_MAX;
use lake::contract::link::{Follow, Frame, Greeting, LinkError, Request, hail, read, write};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::handle::Handle;
use crate::options::Options;
use crate::shared::Shared;
use follower::Follower;
use outlet::Outlet;

/// Why the link could not be opened or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("link: cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error(
        "link: {address} is not loopback: a link without credentials is opened to other machines only with ingest.allow_link_off_loopback"
    )]
    Exposed { address: SocketAddr },
    /// A task of the link died of a bug; the process should stop rather than go on half alive.
    #[error("a connection of the link panicked")]
    Panicked,
}

/// A bound listener.
pub struct Link {
    listener: TcpListener,
    address: SocketAddr,
    handle: Handle,
}

/// After an error of `accept` that is not the peer's (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a call that is under way at a shutdown may still take.
const LEAVE_MAX: Duration = Duration::from_secs(5);

impl Link {
    /// Port 0 takes a free one: see [`local_addr`](Self::local_addr).
    pub async fn bind(address: SocketAddr, options: &Options, handle: Handle) -> Result<Self, Error> {
        if !address.ip().to_canonical().is_loopback() && !options.allow_link_off_loopback {
            return Err(Error::Exposed { address });
        }
        let listen = |error| Error::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, address, handle })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets calls end that are under way.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let clock = Arc::clone(&self.handle.shared().clock);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < LINK_CONNECTIONS_MAX => match accepted {
                    Ok((stream, peer)) => {
                        let connection = Connection { handle: self.handle.clone(), shutdown: shutdown.clone() };
                        connections.spawn(connection.serve(stream, peer));
                    }
                    Err(error) => {
                        warn!(%error, "link: accept failed");
                        clock.sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = connections.join_next() => ended.map_err(|_| Error::Panicked)?,
                () = shutdown.cancelled() => break,
            }
        }
        drop(self.listener);
        let left = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            () = left => {}
            () = clock.sleep(LEAVE_MAX) => warn!("link: calls under way were cut off"),
        }
        info!(address = %self.address, "link closed");
        Ok(())
    }
}

/// One connection's task.
struct Connection {
    handle: Handle,
    shutdown: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        debug!(%peer, "link: connected");
        match self.converse(stream).await {
            Ok(()) => debug!(%peer, "link: connection ended"),
            Err(error) => info!(%peer, %error, "link: connection ended"),
        }
    }

    async fn converse(&self, stream: TcpStream) -> Result<(), LinkError> {
        stream.set_nodelay(true)?;
        let (mut incoming, mut outgoing) = stream.into_split();
        let shared = self.handle.shared();
        hail(&mut outgoing).await?;
        write(&mut outgoing, &greeting(shared), &[]).await?;
        while let Some(Frame { head, body }) = self.next(&mut incoming).await? {
            match head {
                Request::Follow(follow) => return self.follow(follow, outgoing).await,
                call => {
                    let (reply, body) = answering::answer(&self.handle, call, body).await;
                    write(&mut outgoing, &reply, &body).await?;
                }
            }
        }
        Ok(())
    }

    async fn next(&self, incoming: &mut OwnedReadHalf) -> Result<Option<Frame<Request>>, LinkError> {
        tokio::select! {
            request = read(incoming) => request,
            () = self.shutdown.cancelled() => Ok(None),
        }
    }

    async fn follow(&self, follow: Follow, outgoing: OwnedWriteHalf) -> Result<(), LinkError> {
        let shared = Arc::clone(self.handle.shared());
        let outlet = Outlet::new(outgoing, Arc::clone(&shared.clock));
        let follower = Follower::new(self.handle.clone(), follow)?;
        tokio::select! {
            ended = follower.run(outlet) => ended,
            () = self.shutdown.cancelled() => Ok(()),
        }
    }
}

fn greeting(shared: &Shared) -> Greeting {
    Greeting { journal: shared.journal.id(), city: shared.registry.load().city().clone() }
}
