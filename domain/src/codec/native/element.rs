//! One element: its fields, whatever their order, into a reading or one rejection.
//!
//! An element with several faults stands under the first of: malformed (the first in the payload), no known quantity, bad
//! timestamp, `avg_s` out of range, then its quantities in the order of [`Quantity::ALL`](crate::Quantity::ALL), so that the
//! verdict does not hang on the order of the other keys. A key that comes twice is malformed: no rule would say which value
//! the device meant. `null` is absent, everywhere.

use bytes::Bytes;

use super::super::Options;
use super::super::token::{SyntaxError, Token, Tokens};
use super::air::AirDraft;
use super::field::Field;
use super::parking::ParkingDraft;
use super::time::{self, TimeFault};
use crate::flag::{Flag, Flags};
use crate::kind::Kind;
use crate::limits::GATEWAY_BYTES_MAX;
use crate::reading::{Decoded, Measured, Reading, Refusal, Transport};
use crate::rejection::{Reason, Rejection};
use crate::time::Timestamp;

/// What stands instead of an element's value.
pub(super) struct Fault {
    pub reason: Reason,
    pub detail: String,
}

impl Fault {
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Reason::Malformed, detail)
    }

    pub fn wrong_type(name: &str, found: &str, expected: &str) -> Self {
        Self::malformed(format!("{name}: expected {expected}, found {found}"))
    }
}

/// The measured part of an element while it is read.
enum Body {
    Parking(ParkingDraft),
    Air(Box<AirDraft>),
}

/// What a finished body gives.
pub(super) struct Finished {
    pub measured: Measured,
    pub flags: Flags,
    pub refused: Vec<Refusal>,
}

struct Draft {
    kind: Kind,
    seen: u32,
    fault: Option<Fault>,
    observed_at: Option<Timestamp>,
    bad_time: Option<String>,
    transport: Transport,
    flags: Flags,
    body: Body,
}

/// Reads the element that begins with `token`, itself at `start`. An `Err` is the whole payload's.
pub(super) fn read<'a, T: Tokens<'a>>(
    kind: Kind,
    tokens: &mut T,
    token: Token<'a, T::Frame>,
    start: usize,
    payload: &Bytes,
    options: &Options,
) -> Result<Result<Decoded, Rejection>, SyntaxError> {
    let outcome = match token {
        Token::Map(mut frame) => {
            let mut draft = Draft::new(kind);
            while tokens.another(&mut frame)? {
                draft.entry(tokens)?;
            }
            draft.finish(options)
        }
        other => {
            tokens.skip(&other)?;
            Err(Fault::malformed(format!("expected an object, found {}", other.name())))
        }
    };
    let bytes = payload.slice(start..tokens.position());
    Ok(match outcome {
        Ok((reading, refused)) => Ok(Decoded { reading, refused, payload: bytes }),
        Err(Fault { reason, detail }) => Err(Rejection::new(reason, detail, bytes)),
    })
}

impl Draft {
    fn new(kind: Kind) -> Self {
        let body = match kind {
            Kind::Parking => Body::Parking(ParkingDraft::default()),
            Kind::Air => Body::Air(Box::default()),
        };
        Self {
            kind,
            seen: 0,
            fault: None,
            observed_at: None,
            bad_time: None,
            transport: Transport::default(),
            flags: Flags::NONE,
            body,
        }
    }

    /// A key and its value.
    fn entry<'a, T: Tokens<'a>>(&mut self, tokens: &mut T) -> Result<(), SyntaxError> {
        let key = tokens.key()?;
        let token = tokens.value()?;
        let field = key.and_then(|key| Field::of(self.kind, &key));
        let (Some(field), false) = (field, self.fault.is_some() || matches!(token, Token::Null)) else {
            return tokens.skip(&token);
        };
        if self.seen & field.bit() != 0 {
            self.fault = Some(Fault::malformed(format!("{}: given twice", field.name())));
            return tokens.skip(&token);
        }
        self.seen |= field.bit();
        let fault = match (field, &mut self.body, token) {
            (Field::Ts, _, Token::Tag(tag @ (time::DATE_TIME_TEXT | time::EPOCH_SECONDS))) => {
                let inner = tokens.value()?;
                tokens.skip(&inner)?;
                self.time(&inner, Some(tag))
            }
            (Field::Units, Body::Air(air), Token::Map(frame)) => air.units(tokens, frame)?,
            (Field::Qc, Body::Air(air), Token::Map(frame)) => air.qc_map(tokens, frame)?,
            (_, _, token) => {
                tokens.skip(&token)?;
                self.scalar(field, &token)
            }
        };
        self.fault = fault.err();
        Ok(())
    }

    fn scalar<F>(&mut self, field: Field, token: &Token<'_, F>) -> Result<(), Fault> {
        let (transport, flags) = (&mut self.transport, &mut self.flags);
        match field {
            Field::Ts => return self.time(token, None),
            Field::Seq => transport.seq = within(whole(field, token)?, flags, |int| u32::try_from(int).ok()),
            Field::BatteryMv => {
                let fits = |int| i32::try_from(int).ok().filter(|mv| (0..=100_000).contains(mv));
                transport.battery_mv = within(whole(field, token)?, flags, fits);
            }
            Field::BatteryPct => transport.battery_pct = ranged(number(field, token)?, flags, 0.0, 100.0),
            Field::RssiDbm => transport.rssi_dbm = ranged(number(field, token)?, flags, -250.0, 50.0),
            Field::SnrDb => transport.snr_db = ranged(number(field, token)?, flags, -100.0, 100.0),
            Field::Gateway => {
                let Token::Text(text) = token else {
                    return Err(Fault::wrong_type(field.name(), token.name(), "a text"));
                };
                transport.gateway = within(Some(text), flags, |text| (text.len() <= GATEWAY_BYTES_MAX).then(|| text[..].into()));
            }
            Field::SensorTempC => {
                let value = ranged(number(field, token)?, flags, f64::MIN, f64::MAX);
                if let Body::Parking(parking) = &mut self.body {
                    parking.temp_c = value;
                }
            }
            field => {
                return match &mut self.body {
                    Body::Parking(parking) => parking.take(field, token),
                    Body::Air(air) => air.take(field, token),
                };
            }
        }
        Ok(())
    }

    fn time<F>(&mut self, token: &Token<'_, F>, tag: Option<u64>) -> Result<(), Fault> {
        match time::read(token, tag) {
            Ok(at) => self.observed_at = Some(at),
            Err(TimeFault::Bad(detail)) => self.bad_time = Some(detail),
            Err(TimeFault::WrongType) => {
                return Err(Fault::wrong_type("ts", token.name(), "RFC 3339 text or integer milliseconds"));
            }
        }
        Ok(())
    }

    fn finish(self, options: &Options) -> Result<(Reading, Vec<Refusal>), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let complete = match &self.body {
            Body::Parking(parking) => parking.is_complete(),
            Body::Air(air) => air.is_complete(),
        };
        complete?;
        let missing = || Fault::new(Reason::BadTimestamp, self.bad_time.unwrap_or_else(|| "ts: missing".to_owned()));
        let observed_at = self.observed_at.ok_or_else(missing)?;
        let Finished { measured, mut flags, refused } = match self.body {
            Body::Parking(parking) => parking.finish()?,
            Body::Air(air) => air.finish(options)?,
        };
        flags = Flags::from_bits(flags.bits() | self.flags.bits());
        if !refused.is_empty() {
            flags.insert(Flag::Partial);
        }
        Ok((Reading { observed_at, measured, transport: self.transport, flags }, refused))
    }
}

/// The number of a field that must be one.
pub(super) fn number<F>(field: Field, token: &Token<'_, F>) -> Result<f64, Fault> {
    match token {
        Token::Number(number) => Ok(number.as_f64()),
        other => Err(Fault::wrong_type(field.name(), other.name(), "a number")),
    }
}

/// The integer of a field that must be a number; `None` when it is none.
pub(super) fn whole<F>(field: Field, token: &Token<'_, F>) -> Result<Option<i64>, Fault> {
    match token {
        Token::Number(number) => Ok(number.as_i64()),
        other => Err(Fault::wrong_type(field.name(), other.name(), "a number")),
    }
}

/// A transport value that fits, or nothing and a flag: it never costs the reading.
fn within<V, W>(value: Option<V>, flags: &mut Flags, fits: impl FnOnce(V) -> Option<W>) -> Option<W> {
    let fitting = value.and_then(fits);
    if fitting.is_none() {
        flags.insert(Flag::TransportDropped);
    }
    fitting
}

fn ranged(value: f64, flags: &mut Flags, min: f64, max: f64) -> Option<f64> {
    within(Some(value), flags, |value| (min..=max).contains(&value).then_some(value))
}
