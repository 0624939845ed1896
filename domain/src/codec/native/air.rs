//! The air part of an element: quantities, the units they were sent in, and what the device says of them.
//!
//! `units` and `qc` may come before or after the values they speak of, so everything is judged at the end, quantity by
//! quantity: one that cannot be taken costs no other.

use super::super::Options;
use super::super::token::{SyntaxError, Token, Tokens};
use super::element::{Fault, Finished, number, whole};
use super::field::Field;
use crate::flag::{Flag, Flags};
use crate::kind::air::{Air, AsSent, Qc};
use crate::limits::AVG_S_MAX;
use crate::quantity::{ByQuantity, Quantity};
use crate::reading::{Measured, Refusal};
use crate::rejection::Reason;
use crate::unit::Unit;

#[derive(Default)]
pub(super) struct AirDraft {
    sent: ByQuantity<f64>,
    units: ByQuantity<SentUnit>,
    qc: ByQuantity<Qc>,
    qc_of_all: Option<Qc>,
    /// The inner `None`: given, and nothing that a reading can cover.
    avg_s: Option<Option<u32>>,
}

#[derive(Clone, Copy)]
enum SentUnit {
    Known(Unit),
    /// No word of ours.
    Unknown,
}

impl AirDraft {
    pub fn take<F>(&mut self, field: Field, token: &Token<'_, F>) -> Result<(), Fault> {
        match field {
            Field::Quantity(quantity) => self.sent.set(quantity, number(field, token)?),
            Field::AvgS => {
                let fits = |int| u32::try_from(int).ok().filter(|avg_s| *avg_s <= AVG_S_MAX);
                self.avg_s = Some(whole(field, token)?.and_then(fits));
            }
            Field::Qc => self.qc_of_all = Some(qc_word("qc", token)?),
            Field::Units => return Err(Fault::wrong_type("units", token.name(), "an object")),
            _ => {}
        }
        Ok(())
    }

    /// `{"no2": "ppb"}`
    pub fn units<'a, T: Tokens<'a>>(&mut self, tokens: &mut T, frame: T::Frame) -> Result<Result<(), Fault>, SyntaxError> {
        by_quantity("units", tokens, frame, |quantity, token| {
            let Token::Text(symbol) = token else {
                return Err(Fault::wrong_type(&format!("units.{}", quantity.name()), token.name(), "a text"));
            };
            self.units.set(quantity, Unit::by_symbol(symbol).map_or(SentUnit::Unknown, SentUnit::Known));
            Ok(())
        })
    }

    /// `{"no2": "suspect"}`
    pub fn qc_map<'a, T: Tokens<'a>>(&mut self, tokens: &mut T, frame: T::Frame) -> Result<Result<(), Fault>, SyntaxError> {
        by_quantity("qc", tokens, frame, |quantity, token| {
            self.qc.set(quantity, qc_word(&format!("qc.{}", quantity.name()), token)?);
            Ok(())
        })
    }

    pub fn is_complete(&self) -> Result<(), Fault> {
        if self.sent.is_empty() { Err(Fault::malformed("no known quantity")) } else { Ok(()) }
    }

    pub fn finish(self: Box<Self>, options: &Options) -> Result<Finished, Fault> {
        let covers = || Fault::new(Reason::OutOfRange, format!("avg_s: not an integer from 0 to {AVG_S_MAX}"));
        let mut air = Box::new(Air { avg_s: self.avg_s.unwrap_or(Some(0)).ok_or_else(covers)?, ..Air::default() });
        let mut flags = Flags::NONE;
        let mut refused = Vec::new();
        for (quantity, value) in self.sent.iter() {
            let converted = match self.canonical(quantity, value, options) {
                Ok(converted) => converted,
                Err(Fault { reason, detail }) => {
                    refused.push(Refusal { quantity, reason, detail });
                    continue;
                }
            };
            air.values.set(quantity, converted.value);
            if let Some(as_sent) = converted.as_sent {
                air.as_sent.set(quantity, as_sent);
                flags.insert(Flag::Converted);
            }
            if let Some(qc) = self.qc.get(quantity).or(self.qc_of_all) {
                air.qc.set(quantity, qc);
            }
        }
        if air.values.is_empty() {
            // `is_complete` saw a value, so that one was refused.
            let first = refused.into_iter().next();
            return Err(first.map_or_else(|| Fault::malformed("no known quantity"), |r| Fault::new(r.reason, r.detail)));
        }
        Ok(Finished { measured: Measured::Air(air), flags, refused })
    }

    fn canonical(&self, quantity: Quantity, sent: f64, options: &Options) -> Result<Converted, Fault> {
        let name = quantity.name();
        let converted = |unit| quantity.canonical(sent, unit, options.reference_temperature_c);
        let wrong_unit = |what: &str| {
            let units: Vec<_> = Unit::ALL.into_iter().filter(|unit| converted(*unit).is_some()).map(Unit::symbol).collect();
            Fault::new(Reason::BadUnit, format!("units.{name}: {what}, write {}", units.join(" or ")))
        };
        let unit = match self.units.get(quantity) {
            None => quantity.unit(),
            Some(SentUnit::Known(unit)) => unit,
            Some(SentUnit::Unknown) => return Err(wrong_unit("unknown unit")),
        };
        let value = converted(unit).ok_or_else(|| wrong_unit(&format!("{} is no unit of it", unit.symbol())))?;
        if !value.is_finite() {
            return Err(Fault::new(Reason::OutOfRange, format!("{name}: not a finite number")));
        }
        let as_sent = (unit != quantity.unit()).then_some(AsSent { value: sent, unit });
        Ok(Converted { value, as_sent })
    }
}

struct Converted {
    value: f64,
    as_sent: Option<AsSent>,
}

fn qc_word<F>(name: &str, token: &Token<'_, F>) -> Result<Qc, Fault> {
    let Token::Text(word) = token else {
        return Err(Fault::wrong_type(name, token.name(), "a text or an object"));
    };
    Qc::by_name(word).ok_or_else(|| Fault::malformed(format!("{name}: unknown word {word:?}")))
}

/// Reads a map by quantity to its end; the first fault is kept. Unknown keys and nulls are passed over.
fn by_quantity<'a, T: Tokens<'a>>(
    name: &str,
    tokens: &mut T,
    mut frame: T::Frame,
    mut take: impl FnMut(Quantity, &Token<'a, T::Frame>) -> Result<(), Fault>,
) -> Result<Result<(), Fault>, SyntaxError> {
    let mut outcome = Ok(());
    let mut seen: ByQuantity<()> = ByQuantity::default();
    while tokens.another(&mut frame)? {
        let key = tokens.key()?;
        let token = tokens.value()?;
        tokens.skip(&token)?;
        let quantity = key.and_then(|key| Quantity::by_name(&key));
        let (Some(quantity), true) = (quantity, outcome.is_ok() && !matches!(token, Token::Null)) else {
            continue;
        };
        outcome = match seen.get(quantity) {
            Some(()) => Err(Fault::malformed(format!("{name}.{}: given twice", quantity.name()))),
            None => take(quantity, &token),
        };
        seen.set(quantity, ());
    }
    Ok(outcome)
}
