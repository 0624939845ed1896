//! Clients without credentials: a policy that is an authority of its own where no credentials are kept.

use serde::{Deserialize, Serialize};

use super::{Admission, Authority, Credentials, Denied, Peer, Principal};
use crate::topic::Route;

/// Where clients without credentials may come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anonymous {
    /// From nowhere: everybody shows credentials.
    #[serde(rename = "never")]
    Never,
    /// From this machine, through a listener that only this machine reaches.
    #[default]
    #[serde(rename = "loopback")]
    LoopbackOnly,
    #[serde(rename = "anywhere")]
    Anywhere,
}

impl Anonymous {
    pub fn admits(self, peer: &Peer) -> bool {
        match self {
            Self::Never => false,
            Self::LoopbackOnly => peer.is_local(),
            Self::Anywhere => true,
        }
    }

    /// What nobody in particular may publish: everything but what the server says itself.
    pub fn may_publish(topic: &str) -> bool {
        !topic.starts_with('$') && !matches!(Route::of(topic), Route::State)
    }
}

impl Authority for Anonymous {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Admission {
        Admission::Decided(if self.admits(credentials.peer) { Ok(Principal::Anonymous) } else { Err(Denied::NotAuthorised) })
    }

    fn may_publish(&self, _principal: &Principal, topic: &str) -> bool {
        Self::may_publish(topic)
    }

    fn may_subscribe(&self, _principal: &Principal, _filter: &str) -> bool {
        true
    }

    fn is_in_force(&self, _principal: &Principal) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(policy: Anonymous, address: &str, listener: &str) -> bool {
        policy.admits(&Peer::plain(address.parse().expect("an address"), listener.parse().expect("an address")))
    }

    #[test]
    fn an_anonymous_client_comes_from_this_machine_unless_told_otherwise() {
        for here in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(admits(Anonymous::LoopbackOnly, here, "127.0.0.1:1883"), "{here}");
            assert!(!admits(Anonymous::Never, here, "127.0.0.1:1883"), "{here}");
        }
        assert!(!admits(Anonymous::LoopbackOnly, "192.0.2.1:1", "192.0.2.9:1883"));
        assert!(admits(Anonymous::Anywhere, "192.0.2.1:1", "0.0.0.0:1883"));
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        assert!(!admits(Anonymous::LoopbackOnly, "127.0.0.1:1", "0.0.0.0:1883"));
    }

    #[test]
    fn only_the_server_publishes_state() {
        assert!(Anonymous::may_publish("kerbside/v1/parking/a"));
        assert!(!Anonymous::may_publish("kerbside/v1/state/parking/a"));
        assert!(!Anonymous::may_publish("$SYS/uptime"));
    }
}
