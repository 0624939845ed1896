//! The parking part of an element: `state`, or `free` with an optional `capacity`.
//!
//! Both numbers of a counter are one measured value: when either does not fit its type, the reading is out of range.
//! A `capacity` beside a `state` says nothing of a bay and is ignored like an unknown key.

use super::super::token::Token;
use super::element::{Fault, Finished, whole};
use super::field::Field;
use crate::flag::{Flag, Flags};
use crate::kind::parking::{BayState, Parking, ParkingValue};
use crate::reading::Measured;
use crate::rejection::Reason;

#[derive(Default)]
pub(super) struct ParkingDraft {
    state: Option<BayState>,
    /// The inner `None`: given, and no integer.
    free: Option<Option<i64>>,
    capacity: Option<Option<i64>>,
    pub temp_c: Option<f64>,
}

impl ParkingDraft {
    pub fn take<F>(&mut self, field: Field, token: &Token<'_, F>) -> Result<(), Fault> {
        match field {
            Field::State => {
                let Token::Text(word) = token else {
                    return Err(Fault::wrong_type("state", token.name(), "a text"));
                };
                let unknown = || Fault::malformed(format!("state: {word:?} is not occupied, vacant or unknown"));
                self.state = Some(BayState::by_name(word).ok_or_else(unknown)?);
            }
            Field::Free => self.free = Some(whole(field, token)?),
            Field::Capacity => self.capacity = Some(whole(field, token)?),
            _ => {}
        }
        Ok(())
    }

    pub fn is_complete(&self) -> Result<(), Fault> {
        match (self.state, self.free) {
            (Some(_), Some(_)) => Err(Fault::malformed("both state and free")),
            (None, None) => Err(Fault::malformed("neither state nor free")),
            _ => Ok(()),
        }
    }

    pub fn finish(self) -> Result<Finished, Fault> {
        let mut flags = Flags::NONE;
        let value = match (self.state, self.free) {
            (Some(state), _) => ParkingValue::Bay(state),
            (None, free) => {
                let free = free.flatten().and_then(|free| i32::try_from(free).ok());
                let free = free.ok_or_else(|| Fault::new(Reason::OutOfRange, "free: not an integer of 32 bits"))?;
                let capacity = self.capacity.map(fitting_capacity).transpose()?;
                if free < 0 || capacity.is_some_and(|capacity| free > capacity) {
                    flags.insert(Flag::Clamped);
                }
                ParkingValue::Counter { free, capacity }
            }
        };
        let measured = Measured::Parking(Parking { value, temp_c: self.temp_c });
        Ok(Finished { measured, flags, refused: Vec::new() })
    }
}

fn fitting_capacity(capacity: Option<i64>) -> Result<i32, Fault> {
    let fitting = capacity.and_then(|capacity| i32::try_from(capacity).ok()).filter(|capacity| *capacity >= 0);
    fitting.ok_or_else(|| Fault::new(Reason::OutOfRange, "capacity: not an integer from 0 to 2147483647"))
}
