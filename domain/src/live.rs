//! What live answers show: the last reading at once, and never a stale one as if it were fresh (PARK-1).
//!
//! A reading up to some minutes ahead of the server is shown at once, with age 0. Settling (`min_dwell_s`) is for events and
//! windows, not for here.

use crate::bay::{Seen, State};
use crate::time::Timestamp;

/// A sensor is silent when it missed two of its messages and half the time of a third.
pub const fn silence_micros(period_s: u32) -> i64 {
    period_s as i64 * 2_500_000
}

/// Microseconds since a reading; 0 for one ahead of `now`.
pub fn age_micros(observed_at: Timestamp, now: Timestamp) -> i64 {
    now.micros_since(observed_at).max(0)
}

/// `period_s`: a bay's or site's `heartbeat_s`; of a station's quantity the larger of `interval_s` and its `avg_s`.
pub fn is_stale(observed_at: Timestamp, period_s: u32, now: Timestamp) -> bool {
    age_micros(observed_at, now) > silence_micros(period_s)
}

/// A bay now, of its last reading; `closed` as the registry says.
pub fn bay(last: Option<Seen>, heartbeat_s: u32, closed: bool, now: Timestamp) -> State {
    match last {
        _ if closed => State::Closed,
        Some(seen) if !is_stale(seen.at, heartbeat_s, now) => seen.state.into(),
        _ => State::Unknown,
    }
}

/// How the places of a site stand; their sum is its capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub free: u32,
    pub occupied: u32,
    pub unknown: u32,
    pub closed: u32,
}

/// What a counter lot's last reading says of its places; `None` when it is stale or there is none.
pub fn counter(free: Option<i32>, capacity: u32, closed: bool) -> Places {
    match free {
        _ if closed => Places { closed: capacity, ..Places::default() },
        None => Places { unknown: capacity, ..Places::default() },
        Some(free) => {
            let free = clamp_free(free, capacity);
            Places { free, occupied: capacity - free, ..Places::default() }
        }
    }
}

/// Counters drift: `free` within 0 and the capacity. The reading keeps what was sent, under [`Flag::Clamped`](crate::Flag::Clamped).
pub fn clamp_free(free: i32, capacity: u32) -> u32 {
    u32::try_from(free).unwrap_or(0).min(capacity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::parking::BayState;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_bay_is_shown_until_two_and_a_half_heartbeats_are_over() {
        let seen = Seen { at: at(0), state: BayState::Occupied };
        assert_eq!(bay(Some(seen), 60, false, at(150)), State::Occupied);
        assert_eq!(bay(Some(seen), 60, false, Timestamp::from_micros(150_000_001)), State::Unknown);
        assert_eq!(bay(Some(seen), 60, false, at(-200)), State::Occupied);
        assert_eq!(bay(Some(seen), 60, true, at(0)), State::Closed);
        assert_eq!(bay(None, 60, false, at(0)), State::Unknown);
    }

    #[test]
    fn places_of_a_counter_lot_add_up_to_its_capacity_whatever_it_counts() {
        for free in [None, Some(i32::MIN), Some(-3), Some(0), Some(7), Some(10), Some(11), Some(i32::MAX)] {
            for closed in [false, true] {
                let places = counter(free, 10, closed);
                assert_eq!(places.free + places.occupied + places.unknown + places.closed, 10);
            }
        }
        assert_eq!(counter(Some(-3), 10, false), Places { occupied: 10, ..Places::default() });
        assert_eq!(counter(Some(99), 10, false), Places { free: 10, ..Places::default() });
    }
}
