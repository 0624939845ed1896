//! `ts` of a native reading: RFC 3339 with an offset, or integer milliseconds since 1970.
//!
//! A number is an integer by its value, not by its spelling: `1.7e12` and `1700000000000.0` are what some languages print for
//! one. `1.5` is none. CBOR may tag the text as a date-time (tag 0), or give epoch seconds (tag 1), both as RFC 8949 says.

use super::super::token::{Number, Token};
use crate::limits::{OBSERVED_MICROS_MAX, OBSERVED_MICROS_MIN};
use crate::time::{MICROS_PER_SECOND, Timestamp};

/// RFC 8949, 3.4.1 and 3.4.2
pub(super) const DATE_TIME_TEXT: u64 = 0;
pub(super) const EPOCH_SECONDS: u64 = 1;

/// Why `ts` is no instant.
pub(super) enum TimeFault {
    WrongType,
    /// Detail.
    Bad(String),
}

/// `tag` is that before the value, if any.
pub(super) fn read<F>(token: &Token<'_, F>, tag: Option<u64>) -> Result<Timestamp, TimeFault> {
    let at = match (token, tag) {
        (Token::Text(text), None | Some(DATE_TIME_TEXT)) => {
            Timestamp::parse_rfc3339(text).map_err(|error| TimeFault::Bad(format!("ts: {error}")))?
        }
        (Token::Number(number), None) => from_millis(*number)?,
        (Token::Number(number), Some(EPOCH_SECONDS)) => from_seconds(*number)?,
        _ => return Err(TimeFault::WrongType),
    };
    if at.as_micros() < OBSERVED_MICROS_MIN {
        return Err(TimeFault::Bad(format!("ts: {at} is before 2000: a device without a clock")));
    }
    if at.as_micros() > OBSERVED_MICROS_MAX {
        return Err(TimeFault::Bad("ts: after the year 9999".to_owned()));
    }
    Ok(at)
}

fn from_millis(number: Number) -> Result<Timestamp, TimeFault> {
    let bad = || TimeFault::Bad("ts: a number must be integer milliseconds since 1970".to_owned());
    number.as_i64().and_then(Timestamp::from_millis).ok_or_else(bad)
}

fn from_seconds(number: Number) -> Result<Timestamp, TimeFault> {
    let micros = match number {
        Number::Int(seconds) => seconds.checked_mul(MICROS_PER_SECOND),
        Number::Float(seconds) => {
            let micros = (seconds * MICROS_PER_SECOND as f64).floor();
            // Beyond it the cast below would not be exact.
            (micros.abs() < OBSERVED_MICROS_MAX as f64).then_some(micros as i64)
        }
    };
    micros.map(Timestamp::from_micros).ok_or_else(|| TimeFault::Bad("ts: epoch seconds out of range".to_owned()))
}
