//! Listening sockets, and the way of an accepted socket to a stream that speaks MQTT.
//!
//! A listener gives a byte stream and who is at its other end; TCP gives it at once, TLS after its handshake, WebSocket after an upgrade.
//! All of that happens in the connection's task.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::access::Peer;
use domain::limits::{PEER_PROBE_EVERY, PEER_PROBES, PEER_SILENCE_MAX};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::error::Error;
use crate::tls::{self, Tls};
use crate::websocket;

/// Anything that carries MQTT.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// What is spoken below MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    WebSocket,
}

pub struct Listener {
    socket: TcpListener,
    bound: SocketAddr,
    transport: Transport,
    tls: Option<Arc<dyn Tls>>,
}

/// A client that was accepted and not yet spoken to.
pub struct Accepted {
    way: Way,
    /// What is known of it before it has said anything.
    pub peer: Peer,
}

/// How its bytes come.
enum Way {
    Socket {
        socket: TcpStream,
        transport: Transport,
        tls: Option<Arc<dyn Tls>>,
    },
    /// The caller brought them.
    Carried(Box<dyn Stream>),
}

impl Listener {
    pub async fn bind(address: SocketAddr, transport: Transport, tls: Option<Arc<dyn Tls>>) -> Result<Self, Error> {
        let failed = |error| Error::Listen { address, error };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        // Accepted sockets inherit it: a device that lost its power or its network is noticed whatever keep alive it asked for.
        let probes = TcpKeepalive::new().with_time(PEER_SILENCE_MAX).with_interval(PEER_PROBE_EVERY).with_retries(PEER_PROBES);
        SockRef::from(&socket).set_tcp_keepalive(&probes).map_err(failed)?;
        Ok(Self { socket, bound, transport, tls })
    }

    pub fn address(&self) -> SocketAddr {
        self.bound
    }

    /// Cancel-safe.
    pub async fn accept(&self) -> std::io::Result<Accepted> {
        let (socket, address) = self.socket.accept().await?;
        let way = Way::Socket { socket, transport: self.transport, tls: self.tls.clone() };
        Ok(Accepted { way, peer: Peer::plain(address, self.bound) })
    }
}

impl Accepted {
    pub fn carried(stream: Box<dyn Stream>, peer: Peer) -> Self {
        Self { way: Way::Carried(stream), peer }
    }

    /// The stream that MQTT is spoken on, and who is at its other end.
    pub async fn open(self) -> std::io::Result<(Box<dyn Stream>, Peer)> {
        let Self { way, mut peer } = self;
        let (socket, transport, tls) = match way {
            Way::Socket { socket, transport, tls } => (socket, transport, tls),
            Way::Carried(stream) => return Ok((stream, peer)),
        };
        // Acknowledgements are small and their batches are ours.
        socket.set_nodelay(true)?;
        let stream = match tls {
            Some(tls) => {
                let (stream, name) = tls::accept(&*tls, socket).await?;
                peer.certificate = name;
                carry(stream, transport).await?
            }
            None => carry(socket, transport).await?,
        };
        Ok((stream, peer))
    }
}

async fn carry(stream: impl Stream, transport: Transport) -> std::io::Result<Box<dyn Stream>> {
    Ok(match transport {
        Transport::Tcp => Box::new(stream),
        Transport::WebSocket => Box::new(Box::pin(websocket::upgrade(stream)).await?),
    })
}
