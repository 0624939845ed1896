//! Why a payload, an element or a quantity was not taken: a closed list.
//!
//! A rejection is counted and kept with its bytes, so that nothing disappears; sending it again cannot mend it, which is
//! why it is acknowledged all the same.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits::DETAIL_BYTES_MAX;

/// The numbers are persisted in checkpoints: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Reason {
    /// Not the announced format, a wrong type, no known quantity, neither or both of `state` and `free`.
    Malformed = 0,
    /// Over [`PAYLOAD_BYTES_MAX`](crate::limits::PAYLOAD_BYTES_MAX) or too many elements.
    TooLarge = 1,
    /// Under `kerbside/v1/` and none of its topics.
    UnknownTopic = 2,
    /// Not in the registry where that is asked for, or a device without the profile that decoding needs.
    UnknownSensor = 3,
    /// `ts` is missing, no instant, or before 2000.
    BadTimestamp = 4,
    /// Further ahead of the server than allowed: held, and taken by itself when due.
    Future = 5,
    /// Older than the retention of its table.
    Expired = 6,
    /// NaN, infinite, or outside the field's type.
    OutOfRange = 7,
    /// A unit that the quantity does not have.
    BadUnit = 8,
    /// Another value stands under the same identity.
    Conflict = 9,
    /// The client may not publish under that topic.
    NotAuthorised = 10,
}

impl Reason {
    pub const ALL: [Self; 11] = [
        Self::Malformed,
        Self::TooLarge,
        Self::UnknownTopic,
        Self::UnknownSensor,
        Self::BadTimestamp,
        Self::Future,
        Self::Expired,
        Self::OutOfRange,
        Self::BadUnit,
        Self::Conflict,
        Self::NotAuthorised,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::UnknownTopic => "unknown_topic",
            Self::UnknownSensor => "unknown_sensor",
            Self::BadTimestamp => "bad_timestamp",
            Self::Future => "future",
            Self::Expired => "expired",
            Self::OutOfRange => "out_of_range",
            Self::BadUnit => "bad_unit",
            Self::Conflict => "conflict",
            Self::NotAuthorised => "not_authorised",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One refused element with what is needed to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub reason: Reason,
    /// Names the field and what is wrong with it; at most [`DETAIL_BYTES_MAX`] bytes.
    pub detail: String,
    /// The element's own bytes, decodable by themselves.
    pub payload: Bytes,
}

impl Rejection {
    pub fn new(reason: Reason, detail: impl Into<String>, payload: Bytes) -> Self {
        let mut detail = detail.into();
        if detail.len() > DETAIL_BYTES_MAX {
            let cut = (0..=DETAIL_BYTES_MAX).rev().find(|&i| detail.is_char_boundary(i)).unwrap_or(0);
            detail.truncate(cut);
        }
        Self { reason, detail, payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_number_and_name() {
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
            assert_eq!(Reason::by_name(reason.name()), Some(reason));
        }
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let rejection = Rejection::new(Reason::Malformed, "ế".repeat(200), Bytes::new());
        assert!(rejection.detail.len() <= DETAIL_BYTES_MAX);
    }
}
