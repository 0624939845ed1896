//! Who may connect, publish and subscribe: the question that the front asks and whoever keeps credentials answers.
//!
//! The trait lives here because the front asks and the binary answers, and neither may know the other. [`Anonymous`] is the
//! answer for a machine that only serves itself. Absent on purpose: passwords, keys and certificates.

use std::net::SocketAddr;

use compact_str::CompactString;

use crate::topic::Route;

/// Where a client comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// The name in the certificate that the client showed; `None` without TLS or without a certificate.
    pub certificate: Option<CompactString>,
}

impl Peer {
    pub const fn plain(address: SocketAddr) -> Self {
        Self { address, certificate: None }
    }

    pub fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whom the authority knows; `anonymous` for nobody in particular.
    pub name: CompactString,
}

/// Why a client was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("bad user name or password")]
    BadCredentials,
    #[error("not authorised")]
    NotAuthorised,
    /// The authority cannot answer now; trying again may help.
    #[error("credentials cannot be checked now")]
    Unavailable,
}

/// Decides about clients. `authenticate` may take as long as hashing a password takes and is called off the runtime's threads;
/// the other two are called for every publish and subscription and have to answer from memory.
pub trait Authority: Send + Sync + 'static {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, Denied>;
    fn may_publish(&self, principal: &Principal, topic: &str) -> bool;
    fn may_subscribe(&self, principal: &Principal, filter: &str) -> bool;
}

/// Lets anybody in who comes from this machine, or from anywhere when an operator asked for that by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    LoopbackOnly,
    Anywhere,
}

impl Authority for Anonymous {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, Denied> {
        if matches!(self, Self::Anywhere) || credentials.peer.is_loopback() {
            Ok(Principal { name: CompactString::const_new("anonymous") })
        } else {
            Err(Denied::NotAuthorised)
        }
    }

    fn may_publish(&self, _principal: &Principal, topic: &str) -> bool {
        !topic.starts_with('$') && !matches!(Route::of(topic), Route::State)
    }

    fn may_subscribe(&self, _principal: &Principal, _filter: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(authority: Anonymous, address: &str) -> Result<Principal, Denied> {
        let peer = Peer::plain(address.parse().expect("an address"));
        authority.authenticate(&Credentials { client_id: "c", user: None, password: None, peer: &peer })
    }

    #[test]
    fn an_anonymous_client_comes_from_this_machine_unless_told_otherwise() {
        for here in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(ask(Anonymous::LoopbackOnly, here).is_ok(), "{here}");
        }
        assert_eq!(ask(Anonymous::LoopbackOnly, "192.0.2.1:1"), Err(Denied::NotAuthorised));
        assert!(ask(Anonymous::Anywhere, "192.0.2.1:1").is_ok());
    }

    #[test]
    fn only_the_server_publishes_state() {
        let nobody = Principal { name: "anonymous".into() };
        assert!(Anonymous::LoopbackOnly.may_publish(&nobody, "kerbside/v1/parking/a"));
        assert!(!Anonymous::LoopbackOnly.may_publish(&nobody, "kerbside/v1/state/parking/a"));
        assert!(!Anonymous::LoopbackOnly.may_publish(&nobody, "$SYS/uptime"));
    }
}
