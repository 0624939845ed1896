//! The line of versions: which one is current, and from which on changes can still be told.

use std::collections::VecDeque;

use domain::Timestamp;
use domain::time::MICROS_PER_SECOND;

const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
/// Changes are kept for an hour; by whole minutes, so a little longer.
const KEPT_MINUTES: i64 = 61;

/// Microseconds since 1970, and always more than the one before.
#[derive(Clone, Debug)]
pub struct Versions {
    current: u64,
    /// Whoever has this one or a later one can be told what changed since.
    oldest: u64,
    /// The last version of each minute in which there was one.
    minutes: VecDeque<(i64, u64)>,
}

impl Versions {
    pub fn starting(now: Timestamp) -> Self {
        let first = micros(now);
        Self { current: first, oldest: first, minutes: VecDeque::from([(minute(now), first)]) }
    }

    pub fn current(&self) -> u64 {
        self.current
    }

    pub fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Something changed.
    pub fn next(&mut self, now: Timestamp) -> u64 {
        self.current = micros(now).max(self.current + 1);
        match self.minutes.back_mut() {
            Some(last) if last.0 >= minute(now) => last.1 = self.current,
            _ => self.minutes.push_back((minute(now), self.current)),
        }
        self.current
    }

    /// Forgets what is over an hour old; `true` when there is a new oldest.
    pub fn age(&mut self, now: Timestamp) -> bool {
        let before = self.oldest;
        while let Some(&(of, last)) = self.minutes.front()
            && of + KEPT_MINUTES < minute(now)
        {
            self.oldest = last;
            self.minutes.pop_front();
        }
        self.oldest != before
    }
}

fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(0).max(1)
}

fn minute(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(MICROS_PER_MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(minutes: i64) -> Timestamp {
        Timestamp::from_micros(minutes * MICROS_PER_MINUTE)
    }

    #[test]
    fn versions_grow_even_when_the_clock_does_not() {
        let mut versions = Versions::starting(at(100));
        let (a, b, c) = (versions.next(at(100)), versions.next(at(99)), versions.next(at(101)));
        assert!(versions.oldest() < a && a < b && b < c && versions.current() == c);
        assert_eq!(c, 101 * 60_000_000);
    }

    #[test]
    fn a_version_that_was_current_within_the_last_hour_can_be_followed() {
        let mut versions = Versions::starting(at(0));
        let first = versions.current();
        let late = versions.next(at(50));
        versions.age(at(61));
        assert_eq!(versions.oldest(), first, "it was current until 11 minutes ago");
        let later = versions.next(at(200));
        versions.age(at(200));
        assert_eq!(versions.oldest(), late, "it was current until now");
        versions.age(at(262));
        assert_eq!(versions.oldest(), later);
    }
}
