//! Who may connect, publish, subscribe and ask: the questions of front and API, which whoever keeps credentials answers.
//!
//! The traits live here because front and API ask and the binary answers, and none may know the other. [`Anonymous`] is the
//! answer for a machine that only serves itself. Absent on purpose: how passwords, keys and certificates are kept and checked.

mod anonymous;
mod audit;
mod grants;
mod scope;

use std::net::SocketAddr;

use compact_str::CompactString;

pub use anonymous::Anonymous;
pub use audit::{Act, ActId, Audit, AuditError, NoAudit};
pub use grants::{GrantError, Grants, SensorPattern, TopicPattern};
pub use scope::{Scope, Scopes, UnknownScope};

/// Where a client comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// What the listener was bound to: a proxy on this machine makes the whole world look local, so the exemption of local
    /// clients goes by where they knocked.
    pub listener: SocketAddr,
    /// The name in the certificate that the client showed and the listener verified; `None` without TLS or without a certificate.
    pub certificate: Option<CompactString>,
}

impl Peer {
    pub const fn plain(address: SocketAddr, listener: SocketAddr) -> Self {
        Self { address, listener, certificate: None }
    }

    /// Only this machine reaches the listener.
    pub fn is_local(&self) -> bool {
        let is_loopback = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        is_loopback(&self.listener) && is_loopback(&self.address)
    }
}

/// What a client shows when it connects.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    pub client_id: &'a str,
    pub user: Option<&'a str>,
    pub password: Option<&'a [u8]>,
    pub peer: &'a Peer,
}

/// A client that was let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// A device that the authority knows, by its id.
    Device(CompactString),
}

impl Principal {
    pub fn name(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Device(id) => id,
        }
    }
}

/// Why a client was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("bad user name or password")]
    BadCredentials,
    #[error("not authorised")]
    NotAuthorised,
    /// Too many failures: nothing is checked before some time has passed.
    #[error("too many failed attempts")]
    BackedOff,
    /// The authority cannot answer now; trying again may help.
    #[error("credentials cannot be checked now")]
    Unavailable,
}

/// An answer to [`Authority::authenticate`].
pub enum Admission {
    Decided(Result<Principal, Denied>),
    /// Takes as long as hashing a password takes, and its memory: for a thread that may wait, few at a time.
    Costly(Box<dyn FnOnce() -> Result<Principal, Denied> + Send>),
}

/// Decides about MQTT clients, from memory; what costs more is given back as work.
pub trait Authority: Send + Sync + 'static {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Admission;
    fn may_publish(&self, principal: &Principal, topic: &str) -> bool;
    fn may_subscribe(&self, principal: &Principal, filter: &str) -> bool;
    /// Whether a principal that was let in may stay: it was not revoked since and is not over.
    fn is_in_force(&self, principal: &Principal) -> bool;
}

/// Who asks over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The person or service that the key was given to.
    pub name: CompactString,
    /// Names the key itself without being secret: what limits are counted by.
    pub key: CompactString,
    pub scopes: Scopes,
}

/// Decides about keys of the HTTP API, from memory.
pub trait Keys: Send + Sync + 'static {
    /// `None`: there is no such key, or it is revoked or over. Which of them is nobody's business.
    fn caller(&self, key: &str) -> Option<Caller>;
}

/// Knows no key.
#[derive(Clone, Copy, Debug)]
pub struct NoKeys;

impl Keys for NoKeys {
    fn caller(&self, _key: &str) -> Option<Caller> {
        None
    }
}
