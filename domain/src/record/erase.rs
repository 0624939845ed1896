//! An erasure on request, as the pipeline has to know it: the period is closed to this sensor, and so much of it went.
//!
//! The numbers are counted before the record is written, by whoever holds the data directory alone: a replay cannot count what is gone.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{RecordError, VERSION, put_text, take_text, take_version};
use crate::erasure::Erasure;
use crate::id::SensorId;
use crate::position::Position;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erase {
    pub of: Erasure,
    /// Rows of the reading tables that go.
    pub readings: u64,
    /// Standing dead letters that go.
    pub letters: u64,
    /// Those of the letters that the pipeline holds for later: the record, and the element in it.
    pub held: Vec<(Position, u32)>,
}

impl Erase {
    pub(super) fn encode(&self, body: &mut BytesMut) {
        body.put_u8(VERSION);
        put_text(body, self.of.sensor.as_str());
        body.put_i64_le(self.of.from.as_micros());
        body.put_i64_le(self.of.to.as_micros());
        body.put_u64_le(self.readings);
        body.put_u64_le(self.letters);
        for (of, element) in &self.held {
            body.put_u64_le(of.0);
            body.put_u32_le(*element);
        }
    }

    pub(super) fn decode(mut body: Bytes) -> Result<Self, RecordError> {
        take_version(&mut body)?;
        let sensor = take_text(&mut body, "sensor")?;
        let sensor = SensorId::new(&sensor).map_err(|_| RecordError::Field("sensor"))?;
        let mut instant = || body.try_get_i64_le().map(Timestamp::from_micros).map_err(|_| RecordError::Short);
        let of = Erasure { sensor, from: instant()?, to: instant()? };
        let readings = body.try_get_u64_le().map_err(|_| RecordError::Short)?;
        let letters = body.try_get_u64_le().map_err(|_| RecordError::Short)?;
        let mut held = Vec::with_capacity(body.len() / (8 + 4));
        while body.has_remaining() {
            let position = Position(body.try_get_u64_le().map_err(|_| RecordError::Short)?);
            held.push((position, body.try_get_u32_le().map_err(|_| RecordError::Short)?));
        }
        Ok(Self { of, readings, letters, held })
    }
}
