//! Rows of `air_readings`, both ways.

use arrow::array::{
    Array, AsArray, Date32Builder, Float64Array, Float64Builder, Int64Array, Int64Builder, MapBuilder, RecordBatch, StringArray,
    StringBuilder, StructBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use domain::kind::air::{Air, AsSent, Qc};
use domain::quantity::ByQuantity;
use domain::reading::Transport;
use domain::{Flags, Position, Quantity, SensorId, Timestamp};

use super::transport::{TraceColumns, TransportColumns};
use super::{batch, shared, timestamps};
use crate::Error;
use crate::table::{AS_SENT_FIELDS, MAP_NAMES, Table};

/// Accepted air readings.
pub struct AirRows {
    sensor: StringBuilder,
    observed_at: TimestampMicrosecondBuilder,
    received_at: TimestampMicrosecondBuilder,
    avg_s: Int64Builder,
    values: [Float64Builder; Quantity::COUNT],
    as_sent: MapBuilder<StringBuilder, StructBuilder>,
    qc: MapBuilder<StringBuilder, StringBuilder>,
    transport: TransportColumns,
    trace: TraceColumns,
    day: Date32Builder,
    rows: usize,
}

impl Default for AirRows {
    fn default() -> Self {
        let sent = StructBuilder::from_fields(AS_SENT_FIELDS.clone(), 0);
        Self {
            sensor: StringBuilder::new(),
            observed_at: timestamps(),
            received_at: timestamps(),
            avg_s: Int64Builder::new(),
            values: std::array::from_fn(|_| Float64Builder::new()),
            as_sent: MapBuilder::new(Some(MAP_NAMES.clone()), StringBuilder::new(), sent),
            qc: MapBuilder::new(Some(MAP_NAMES.clone()), StringBuilder::new(), StringBuilder::new()),
            transport: TransportColumns::default(),
            trace: TraceColumns::default(),
            day: Date32Builder::new(),
            rows: 0,
        }
    }
}

impl AirRows {
    /// `position` is that of the record whose effect the row is. Only quantities in `air.values` are stored, so clear those
    /// that were refused or taken before.
    #[expect(clippy::too_many_arguments, reason = "one argument a group of columns, no struct is built a row")]
    pub fn push(
        &mut self,
        sensor: &SensorId,
        observed_at: Timestamp,
        received_at: Timestamp,
        air: &Air,
        transport: &Transport,
        flags: Flags,
        position: Position,
    ) {
        self.sensor.append_value(sensor);
        self.observed_at.append_value(observed_at.as_micros());
        self.received_at.append_value(received_at.as_micros());
        self.avg_s.append_value(i64::from(air.avg_s));
        for (column, quantity) in self.values.iter_mut().zip(Quantity::all()) {
            column.append_option(air.values.get(quantity));
        }
        self.push_as_sent(&air.as_sent);
        self.push_qc(&air.qc);
        self.transport.push(transport);
        self.trace.push(flags, position);
        self.day.append_value(observed_at.utc_day());
        self.rows += 1;
    }

    fn push_as_sent(&mut self, as_sent: &ByQuantity<AsSent>) {
        let mut any = false;
        for (quantity, sent) in as_sent.iter() {
            any = true;
            self.as_sent.keys().append_value(quantity.name());
            let entry = self.as_sent.values();
            if let Some(value) = entry.field_builder::<Float64Builder>(0) {
                value.append_value(sent.value);
            }
            if let Some(unit) = entry.field_builder::<StringBuilder>(1) {
                unit.append_value(sent.unit.symbol());
            }
            entry.append(true);
        }
        self.as_sent.append(any).expect("every key was given its value");
    }

    fn push_qc(&mut self, qc: &ByQuantity<Qc>) {
        let mut any = false;
        for (quantity, qc) in qc.iter() {
            any = true;
            self.qc.keys().append_value(quantity.name());
            self.qc.values().append_value(qc.name());
        }
        self.qc.append(any).expect("every key was given its value");
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
            shared(self.avg_s.finish()),
        ];
        columns.extend(self.values.iter_mut().map(|values| shared(values.finish())));
        columns.push(shared(self.as_sent.finish()));
        columns.push(shared(self.qc.finish()));
        columns.extend(self.transport.finish());
        columns.extend(self.trace.finish());
        columns.push(shared(self.day.finish()));
        batch(Table::AirReadings, columns)
    }
}

/// Identity and measured values of stored air rows: what the duplicate check reads.
pub struct AirColumns<'a> {
    sensor: &'a StringArray,
    observed_at: &'a TimestampMicrosecondArray,
    avg_s: &'a Int64Array,
    values: Vec<&'a Float64Array>,
    journal_offset: &'a Int64Array,
}

impl<'a> AirColumns<'a> {
    /// Of a batch in the lake's schema or of [`Lake::keys`](crate::Lake::keys).
    pub fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        let column = |name: &'static str| batch.column_by_name(name).ok_or(Error::Column(name));
        let values =
            Quantity::ALL.iter().map(|row| column(row.name)?.as_primitive_opt::<Float64Type>().ok_or(Error::Column(row.name)));
        Ok(Self {
            sensor: column("sensor")?.as_string_opt().ok_or(Error::Column("sensor"))?,
            observed_at: column("observed_at")?
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or(Error::Column("observed_at"))?,
            avg_s: column("avg_s")?.as_primitive_opt::<Int64Type>().ok_or(Error::Column("avg_s"))?,
            values: values.collect::<Result<_, _>>()?,
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

    /// Seconds; a value outside `u32` was not written by Kerbside and counts as the nearest.
    pub fn avg_s(&self, row: usize) -> u32 {
        u32::try_from(self.avg_s.value(row).max(0)).unwrap_or(u32::MAX)
    }

    pub fn values(&self, row: usize) -> ByQuantity<f64> {
        let mut values = ByQuantity::default();
        for (column, quantity) in self.values.iter().zip(Quantity::all()) {
            if column.is_valid(row) {
                values.set(quantity, column.value(row));
            }
        }
        values
    }

    /// `None` for a row of a compacted day: at or before a durable checkpoint.
    pub fn position(&self, row: usize) -> Option<Position> {
        self.journal_offset.is_valid(row).then(|| Position(self.journal_offset.value(row).cast_unsigned()))
    }
}
