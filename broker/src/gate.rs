//! How many sockets are open, in all and from one address, and whether one more may be.
//!
//! Counted from the accept to the last byte, so that a client that says nothing takes a place, too.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use domain::access::Peer;
use domain::limits::TURNED_AWAY_AT_ONCE_MAX;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limit::Limit;
use crate::options::Options;

pub struct Gate {
    inside: Mutex<Inside>,
    turned_away: Arc<Semaphore>,
}

#[derive(Default)]
struct Inside {
    count: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place; given back when dropped.
pub struct Pass {
    gate: Arc<Gate>,
    /// Where places are counted by address.
    address: Option<IpAddr>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { inside: Mutex::default(), turned_away: Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE_MAX)) }
    }
}

impl Gate {
    pub fn enter(self: &Arc<Self>, peer: &Peer, options: &Options) -> Result<Pass, Limit> {
        let address_max = options.connections_per_address_max(peer);
        let address = address_max.map(|_| neighbourhood(peer.address.ip()));
        let mut inside = self.inside.lock();
        if inside.count >= options.connections_max {
            return Err(Limit::Connections);
        }
        if let (Some(address), Some(max)) = (address, address_max) {
            let there = inside.by_address.entry(address).or_default();
            if *there >= max {
                return Err(Limit::ConnectionsPerAddress);
            }
            *there += 1;
        }
        inside.count += 1;
        Ok(Pass { gate: self.clone(), address })
    }

    /// A place to be told why in; who finds none is closed without a word.
    pub fn doorstep(&self) -> Option<OwnedSemaphorePermit> {
        self.turned_away.clone().try_acquire_owned().ok()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.gate.inside.lock();
        inside.count -= 1;
        if let Some(address) = self.address
            && let Some(there) = inside.by_address.get_mut(&address)
        {
            *there -= 1;
            if *there == 0 {
                inside.by_address.remove(&address);
            }
        }
    }
}

/// What one party has at its disposal: an IPv4 address, or the 64 bits of network that a household gets of IPv6.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::plain(address.parse().expect("an address"), "192.0.2.1:1883".parse().expect("an address"))
    }

    #[test]
    fn places_are_counted_in_all_and_by_address_and_given_back() {
        let options = Options { connections_max: 3, connections_per_address_max: Some(2), ..Options::default() };
        let gate = Arc::new(Gate::default());
        let enter = |address| gate.enter(&peer(address), &options);
        let first = enter("192.0.2.7:1").expect("free");
        let second = enter("[::ffff:192.0.2.7]:2").expect("free");
        assert_eq!(enter("192.0.2.7:3").err(), Some(Limit::ConnectionsPerAddress));
        let third = enter("192.0.2.8:1").expect("free");
        assert_eq!(enter("192.0.2.9:1").err(), Some(Limit::Connections));
        drop((first, second, third));
        assert!(gate.inside.lock().by_address.is_empty());
        assert!(enter("192.0.2.7:1").is_ok());
    }

    #[test]
    fn one_network_of_ipv6_is_one_party() {
        let one = neighbourhood("2001:db8:1:2::1".parse().expect("an address"));
        assert_eq!(one, neighbourhood("2001:db8:1:2:ffff::9".parse().expect("an address")));
        assert_ne!(one, neighbourhood("2001:db8:1:3::1".parse().expect("an address")));
    }

    #[test]
    fn clients_of_this_machine_have_no_limit_of_their_own_unless_it_is_set() {
        let local = Peer::plain(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 1883).into());
        assert_eq!(Options::default().connections_per_address_max(&local), None);
        assert!(Options::default().connections_per_address_max(&peer("192.0.2.7:1")).is_some());
        let set = Options { connections_per_address_max: Some(1), ..Options::default() };
        assert_eq!(set.connections_per_address_max(&local), Some(1));
        let none = Options { connections_per_address_max: Some(0), ..Options::default() };
        assert_eq!(none.connections_per_address_max(&peer("192.0.2.7:1")), None);
    }
}
