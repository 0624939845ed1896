//! Failed logins, and the pause that follows too many of them.
//!
//! Counted by address and user, so that a device with a wrong password holds up nobody else behind the same address; and by address alone,
//! for whoever tries many users. IPv6 addresses count by their /64, which one subscriber has whole.

use std::mem;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use compact_str::CompactString;
use domain::limits::{
    ADDRESS_FAILURES_MAX, ID_BYTES_MAX, LOGIN_FAILURES_MAX, LOGIN_FAILURES_REMEMBERED_MAX, LOGIN_PAUSE, LOGIN_PAUSE_MAX,
};
use hashbrown::HashMap;

/// Who failed. No user: whoever the address said it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    address: IpAddr,
    user: Option<CompactString>,
}

impl Who {
    /// A user name longer than any that exists is as good as its beginning.
    pub fn user(address: IpAddr, user: &str) -> Self {
        let end = user.floor_char_boundary(ID_BYTES_MAX + 1);
        Self { address: network_of(address), user: Some(user[..end].into()) }
    }

    pub fn anybody(address: IpAddr) -> Self {
        Self { address: network_of(address), user: None }
    }

    fn failures_max(&self) -> u32 {
        if self.user.is_some() { LOGIN_FAILURES_MAX } else { ADDRESS_FAILURES_MAX }
    }
}

/// What an address counts as.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[derive(Clone, Copy)]
struct Failed {
    times: u32,
    last: Duration,
}

/// Remembers in two halves: when one is full the older is dropped, so that whoever invents users takes no memory and no time.
#[derive(Default)]
pub struct Failures {
    newer: HashMap<Who, Failed>,
    older: HashMap<Who, Failed>,
}

impl Failures {
    /// How long `who` has still to wait; nothing is checked until then.
    pub fn pause(&self, who: &Who, now: Duration) -> Option<Duration> {
        let failed = self.find(who, now)?;
        let beyond = failed.times.checked_sub(who.failures_max())?;
        let pause = LOGIN_PAUSE.saturating_mul(1 << beyond.min(16)).min(LOGIN_PAUSE_MAX);
        (failed.last + pause).checked_sub(now).filter(|left| !left.is_zero())
    }

    pub fn note(&mut self, who: Who, now: Duration) {
        let times = self.find(&who, now).map_or(0, |failed| failed.times).saturating_add(1);
        if self.newer.len() >= LOGIN_FAILURES_REMEMBERED_MAX / 2 {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(who, Failed { times, last: now });
    }

    /// It was right in the end.
    pub fn forget(&mut self, who: &Who) {
        self.newer.remove(who);
        self.older.remove(who);
    }

    fn find(&self, who: &Who, now: Duration) -> Option<Failed> {
        let failed = self.newer.get(who).or_else(|| self.older.get(who)).copied();
        failed.filter(|failed| now.saturating_sub(failed.last) <= LOGIN_PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> IpAddr {
        IpAddr::from([192, 0, 2, 1])
    }

    fn fail(failures: &mut Failures, who: &Who, times: u32, now: Duration) {
        (0..times).for_each(|_| failures.note(who.clone(), now));
    }

    #[test]
    fn the_pause_begins_after_some_failures_and_doubles_up_to_its_longest() {
        let (mut failures, who) = (Failures::default(), Who::user(here(), "bay-1"));
        fail(&mut failures, &who, LOGIN_FAILURES_MAX - 1, Duration::ZERO);
        assert_eq!(failures.pause(&who, Duration::ZERO), None);
        fail(&mut failures, &who, 1, Duration::ZERO);
        assert_eq!(failures.pause(&who, Duration::ZERO), Some(LOGIN_PAUSE));
        assert_eq!(failures.pause(&who, LOGIN_PAUSE), None);
        fail(&mut failures, &who, 1, LOGIN_PAUSE);
        assert_eq!(failures.pause(&who, LOGIN_PAUSE), Some(LOGIN_PAUSE * 2));
        fail(&mut failures, &who, 40, LOGIN_PAUSE);
        assert_eq!(failures.pause(&who, LOGIN_PAUSE), Some(LOGIN_PAUSE_MAX));
    }

    #[test]
    fn a_device_with_a_wrong_password_holds_up_nobody_else_of_its_address() {
        let mut failures = Failures::default();
        fail(&mut failures, &Who::user(here(), "bay-1"), 40, Duration::ZERO);
        assert_eq!(failures.pause(&Who::user(here(), "bay-2"), Duration::ZERO), None);
        assert_eq!(failures.pause(&Who::anybody(here()), Duration::ZERO), None);
    }

    #[test]
    fn a_right_password_and_time_make_all_forgotten() {
        let (mut failures, who) = (Failures::default(), Who::user(here(), "bay-1"));
        fail(&mut failures, &who, 40, Duration::ZERO);
        assert_eq!(failures.pause(&who, LOGIN_PAUSE_MAX * 2), None);
        fail(&mut failures, &who, 1, LOGIN_PAUSE_MAX * 2);
        assert_eq!(failures.pause(&who, LOGIN_PAUSE_MAX * 2), None);
        fail(&mut failures, &who, 40, LOGIN_PAUSE_MAX * 2);
        failures.forget(&who);
        assert_eq!(failures.pause(&who, LOGIN_PAUSE_MAX * 2), None);
    }

    #[test]
    fn invented_users_take_a_bounded_memory() {
        let mut failures = Failures::default();
        for n in 0..LOGIN_FAILURES_REMEMBERED_MAX * 2 {
            failures.note(Who::user(here(), &n.to_string()), Duration::ZERO);
        }
        assert!(failures.newer.len() + failures.older.len() <= LOGIN_FAILURES_REMEMBERED_MAX);
        assert_eq!(Who::user(here(), &"x".repeat(100_000)), Who::user(here(), &"x".repeat(90_000)));
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_address() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(network_of(address("2001:db8::1")), network_of(address("2001:db8::ffff:2")));
        assert_ne!(network_of(address("2001:db8::1")), network_of(address("2001:db8:0:1::1")));
        assert_eq!(network_of(address("::ffff:192.0.2.1")), here());
    }
}
