//! Instants and the clock that gives them: the only file that may ask the machine for the time.
//!
//! An instant is a [`Timestamp`]: microseconds since 1970 in UTC, as stored in the journal and the lake. Who needs "now" is
//! handed a [`Clock`], so that a simulation can drive the same code on virtual time. The timer behind
//! [`Clock::sleep`] is passed in by the front binary: this crate knows no runtime.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored as in POSIX time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Why a text is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    #[error("not an RFC 3339 date-time with an offset")]
    Syntax,
    #[error("outside the years -9999 to 9999")]
    Range,
}

impl Timestamp {
    pub const UNIX_EPOCH: Self = Self(0);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// `None` when the product leaves 64 bits.
    pub const fn from_millis(millis: i64) -> Option<Self> {
        match millis.checked_mul(1_000) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// RFC 3339 with an offset (`Z`, `+07:00`); digits finer than a microsecond are cut, not rounded.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampError> {
        if !has_rfc3339_shape(text.as_bytes()) {
            return Err(TimestampError::Syntax);
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError::Syntax)?;
        let nanos = instant.as_nanosecond();
        i64::try_from(nanos.div_euclid(1_000)).map(Self).map_err(|_| TimestampError::Range)
    }

    /// Later by `duration`, at the end of time at most.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros_of(duration)))
    }

    /// Earlier by `duration`, at the start of time at most.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros_of(duration)))
    }

    /// Microseconds from `earlier` to here; negative when `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Days since 1970-01-01 of the UTC day that holds this instant: the lake's partition.
    pub const fn utc_day(self) -> i32 {
        self.0.div_euclid(MICROS_PER_DAY) as i32
    }
}

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many fraction digits as are needed: `2026-11-24T03:36:34.5Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// `YYYY-MM-DDTHH:MM:SS[.f](Z|±HH:MM)`: what jiff accepts beyond RFC 3339 (week dates, annotations, no seconds) is refused.
fn has_rfc3339_shape(text: &[u8]) -> bool {
    let digit = |i: usize| text.get(i).is_some_and(u8::is_ascii_digit);
    let is = |i: usize, any: &[u8]| text.get(i).is_some_and(|c| any.contains(c));
    let date_time = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18].into_iter().all(digit)
        && is(4, b"-")
        && is(7, b"-")
        && is(10, b"Tt ")
        && is(13, b":")
        && is(16, b":");
    let mut end = 19;
    if is(end, b".") {
        end += 1;
        let start = end;
        while digit(end) {
            end += 1;
        }
        if end == start || end - start > 9 {
            return false;
        }
    }
    let zulu = is(end, b"Zz") && text.len() == end + 1;
    let offset = is(end, b"+-")
        && digit(end + 1)
        && digit(end + 2)
        && is(end + 3, b":")
        && digit(end + 4)
        && digit(end + 5)
        && text.len() == end + 6;
    date_time && (zulu || offset)
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// What [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time as it is handed to services. Decisions of the pipeline use a record's `received_at` instead.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: may jump, is what people read.
    fn now(&self) -> Timestamp;
    /// Time since some fixed start: never goes back; for durations and time-outs.
    fn elapsed(&self) -> Duration;
    /// Completes once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The machine's clock, with the runtime's timer passed in.
pub struct SystemClock {
    start: Instant,
    sleep: fn(Duration) -> Sleep,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn new(sleep: fn(Duration) -> Sleep) -> Self {
        Self { start: Instant::now(), sleep }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Timestamp(micros_of(since)),
            Err(before) => Timestamp(-micros_of(before.duration())),
        }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        (self.sleep)(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_cut_to_microseconds_and_printed_in_utc() {
        let at = Timestamp::parse_rfc3339("2026-11-24T10:36:34.1234569+07:00").expect("valid");
        assert_eq!(at.to_string(), "2026-11-24T03:36:34.123456Z");
        assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Ok(at));
    }

    #[test]
    fn a_text_without_offset_or_seconds_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-11-24",
            "2026-11-24T10:36:34",
            "2026-11-24T10:36Z",
            "2026-13-24T10:36:34Z",
            "2026-11-24T10:36:34Z[UTC]",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Err(TimestampError::Syntax), "{text}");
        }
    }

    #[test]
    fn a_day_before_1970_is_the_day_that_holds_the_instant() {
        assert_eq!(Timestamp::from_micros(-1).utc_day(), -1);
        assert_eq!(Timestamp::from_micros(MICROS_PER_DAY).utc_day(), 1);
    }
}
