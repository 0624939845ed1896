//! Rows of `parking_readings`, both ways.

use arrow::array::{
    Array, AsArray, Date32Builder, Float64Builder, Int32Array, Int32Builder, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use domain::kind::parking::{BayState, Parking, ParkingValue};
use domain::reading::Transport;
use domain::{Flags, Position, SensorId, Timestamp};

use super::transport::{TraceColumns, TransportColumns};
use super::{batch, shared, timestamps};
use crate::Error;
use crate::table::Table;

/// Accepted parking readings.
pub struct ParkingRows {
    sensor: StringBuilder,
    observed_at: TimestampMicrosecondBuilder,
    received_at: TimestampMicrosecondBuilder,
    state: StringBuilder,
    free: Int32Builder,
    capacity: Int32Builder,
    transport: TransportColumns,
    temp_c: Float64Builder,
    trace: TraceColumns,
    day: Date32Builder,
    rows: usize,
}

impl Default for ParkingRows {
    fn default() -> Self {
        Self {
            sensor: StringBuilder::new(),
            observed_at: timestamps(),
            received_at: timestamps(),
            state: StringBuilder::new(),
            free: Int32Builder::new(),
            capacity: Int32Builder::new(),
            transport: TransportColumns::default(),
            temp_c: Float64Builder::new(),
            trace: TraceColumns::default(),
            day: Date32Builder::new(),
            rows: 0,
        }
    }
}

impl ParkingRows {
    /// `position` is that of the record whose effect the row is.
    #[expect(clippy::too_many_arguments, reason = "one argument a group of columns, no struct is built a row")]
    pub fn push(
        &mut self,
        sensor: &SensorId,
        observed_at: Timestamp,
        received_at: Timestamp,
        parking: &Parking,
        transport: &Transport,
        flags: Flags,
        position: Position,
    ) {
        self.sensor.append_value(sensor);
        self.observed_at.append_value(observed_at.as_micros());
        self.received_at.append_value(received_at.as_micros());
        match parking.value {
            ParkingValue::Bay(state) => {
                self.state.append_value(state.name());
                self.free.append_null();
                self.capacity.append_null();
            }
            ParkingValue::Counter { free, capacity } => {
                self.state.append_null();
                self.free.append_value(free);
                self.capacity.append_option(capacity);
            }
        }
        self.transport.push(transport);
        self.temp_c.append_option(parking.temp_c);
        self.trace.push(flags, position);
        self.day.append_value(observed_at.utc_day());
        self.rows += 1;
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What was pushed, in that order; the builder is empty after it.
    pub fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let mut columns = vec![
            shared(self.sensor.finish()),
            shared(self.observed_at.finish()),
            shared(self.received_at.finish()),
            shared(self.state.finish()),
            shared(self.free.finish()),
            shared(self.capacity.finish()),
        ];
        columns.extend(self.transport.finish());
        columns.push(shared(self.temp_c.finish()));
        columns.extend(self.trace.finish());
        columns.push(shared(self.day.finish()));
        batch(Table::ParkingReadings, columns)
    }
}

/// Identity and measured value of stored parking rows: what the duplicate check reads.
pub struct ParkingColumns<'a> {
    sensor: &'a StringArray,
    observed_at: &'a TimestampMicrosecondArray,
    state: &'a StringArray,
    free: &'a Int32Array,
    capacity: &'a Int32Array,
    journal_offset: &'a Int64Array,
}

impl<'a> ParkingColumns<'a> {
    /// Of a batch in the lake's schema or of [`Lake::keys`](crate::Lake::keys).
    pub fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        let column = |name: &'static str| batch.column_by_name(name).ok_or(Error::Column(name));
        Ok(Self {
            sensor: column("sensor")?.as_string_opt().ok_or(Error::Column("sensor"))?,
            observed_at: column("observed_at")?
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or(Error::Column("observed_at"))?,
            state: column("state")?.as_string_opt().ok_or(Error::Column("state"))?,
            free: column("free")?.as_primitive_opt::<Int32Type>().ok_or(Error::Column("free"))?,
            capacity: column("capacity")?.as_primitive_opt::<Int32Type>().ok_or(Error::Column("capacity"))?,
            journal_offset: column("journal_offset")?.as_primitive_opt::<Int64Type>().ok_or(Error::Column("journal_offset"))?,
        })
    }

    pub fn len(&self) -> usize {
        self.sensor.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sensor.is_empty()
    }

    pub fn sensor(&self, row: usize) -> &'a str {
        self.sensor.value(row)
    }

    pub fn observed_at(&self, row: usize) -> Timestamp {
        Timestamp::from_micros(self.observed_at.value(row))
    }

    /// `None` for a row that holds neither a known state nor a count: not written by Kerbside.
    pub fn value(&self, row: usize) -> Option<ParkingValue> {
        if self.free.is_valid(row) {
            let capacity = self.capacity.is_valid(row).then(|| self.capacity.value(row));
            return Some(ParkingValue::Counter { free: self.free.value(row), capacity });
        }
        if self.state.is_null(row) {
            return None;
        }
        BayState::by_name(self.state.value(row)).map(ParkingValue::Bay)
    }

    /// `None` for a row of a compacted day: at or before a durable checkpoint.
    pub fn position(&self, row: usize) -> Option<Position> {
        self.journal_offset.is_valid(row).then(|| Position(self.journal_offset.value(row).cast_unsigned()))
    }
}
