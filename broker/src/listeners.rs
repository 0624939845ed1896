//! Every address that the front is heard at, and that none of them is in the clear beyond this machine unasked (SEC-1).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use domain::access::Peer;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::listener::{Accepted, Listener, Stream, Transport};
use crate::options::Options;
use crate::tls::Tls;

/// Where clients come from.
pub enum Doors {
    Sockets(Box<Listeners>),
    /// From the caller, until it has none any more.
    Carried(mpsc::UnboundedReceiver<(Box<dyn Stream>, Peer)>),
}

impl Doors {
    /// The next client. Cancel-safe.
    pub async fn accept(&mut self) -> io::Result<Accepted> {
        match self {
            Self::Sockets(listeners) => listeners.accept().await,
            Self::Carried(streams) => match streams.recv().await {
                Some((stream, peer)) => Ok(Accepted::carried(stream, peer)),
                None => std::future::pending().await,
            },
        }
    }

    pub fn listeners(&self) -> Option<&Listeners> {
        match self {
            Self::Sockets(listeners) => Some(listeners),
            Self::Carried(_) => None,
        }
    }
}

pub struct Listeners {
    pub plain: Listener,
    pub websocket: Option<Listener>,
    pub secure: Option<Listener>,
    pub secure_websocket: Option<Listener>,
}

impl Listeners {
    pub async fn bind(options: &Options, tls: Option<Arc<dyn Tls>>) -> Result<Self, Error> {
        for address in std::iter::once(options.listen).chain(options.websocket) {
            if !address.ip().to_canonical().is_loopback() && !options.allow_plaintext_off_loopback {
                return Err(Error::Exposed { address });
            }
        }
        let with_tls = |address: SocketAddr| tls.clone().ok_or(Error::NoCertificate { address });
        let bound = async |address: Option<SocketAddr>, transport, is_secure: bool| match address {
            Some(address) => {
                let tls = if is_secure { Some(with_tls(address)?) } else { None };
                Listener::bind(address, transport, tls).await.map(Some)
            }
            None => Ok(None),
        };
        Ok(Self {
            plain: Listener::bind(options.listen, Transport::Tcp, None).await?,
            websocket: bound(options.websocket, Transport::WebSocket, false).await?,
            secure: bound(options.secure, Transport::Tcp, true).await?,
            secure_websocket: bound(options.secure_websocket, Transport::WebSocket, true).await?,
        })
    }

    /// The next socket of any. Cancel-safe.
    pub async fn accept(&self) -> io::Result<Accepted> {
        tokio::select! {
            accepted = self.plain.accept() => accepted,
            accepted = accept_or_never(self.websocket.as_ref()) => accepted,
            accepted = accept_or_never(self.secure.as_ref()) => accepted,
            accepted = accept_or_never(self.secure_websocket.as_ref()) => accepted,
        }
    }
}

async fn accept_or_never(listener: Option<&Listener>) -> io::Result<Accepted> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}
