//! Readings of stations as samples: of whichever sensors spoke for them, in the order of their time, of the lake and of memory.
//!
//! Days are read one after the other, so that years of minutes are never in memory at once. Rows in memory are put among those of
//! their day: whatever way a row took, sums over it are the same to the last bit.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use datafusion::logical_expr::{Expr, col};
use domain::air::window::{Base, Grid};
use domain::air::{Layer, Remarks, Sample};
use domain::kind::air::{AsSent, Qc};
use domain::limits::SAMPLES_AT_ONCE;
use domain::registry::{Registry, Span, StationHistory};
use domain::time::MICROS_PER_DAY;
use domain::unit::Unit;
use domain::{Flag, Flags, ObjectId, Quantity, Timestamp};
use lake::contract::View;
use lake::table::Table;

use crate::engine::{DayWalk, Direction, Engine, EngineError, Question, Sought};
use crate::spoken;

/// A quantity of a station, and who spoke for it.
#[derive(Clone, Debug)]
pub struct Source {
    pub quantity: Quantity,
    pub history: StationHistory,
}

/// Of what, observed in [from, to).
pub struct Wish {
    pub sources: Vec<Source>,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Wish {
    /// Every quantity of every station, station by station. `None` when one of them never was.
    pub fn of(
        registry: &Registry,
        stations: &[ObjectId],
        quantities: &[Quantity],
        from: Timestamp,
        to: Timestamp,
    ) -> Option<Self> {
        let of_station = |station| quantities.iter().map(move |quantity| (station, *quantity));
        let source =
            |(station, quantity)| Some(Source { quantity, history: registry.station_history(station, quantity, from, to)? });
        let sources = stations.iter().flat_map(of_station).map(source).collect::<Option<_>>()?;
        Some(Self { sources, from, to })
    }
}

/// One value, and which of the wish's sources it is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    pub source: usize,
    pub sample: Sample,
}

/// Hands every sample up to the view's `as_of` to `take`, which makes the answer of them, until it has enough. Whoever calls it bounds the
/// time that it takes.
pub async fn walk<T: Send + 'static>(
    engine: &Engine,
    view: &View,
    wish: Wish,
    mut state: T,
    take: impl Fn(&mut T, &Taken) -> ControlFlow<()> + Clone + Send + 'static,
) -> Result<T, EngineError> {
    // A reading a little ahead is not yet: windows count it from its own time on.
    let (from, to) = (wish.from, wish.to.min(Timestamp::from_micros(view.as_of.as_micros().saturating_add(1))));
    let reader = Arc::new(Reader::of(wish.sources));
    if reader.speakers.is_empty() {
        return Ok(state);
    }
    let speakers: Vec<&str> = reader.speakers.keys().map(String::as_str).collect();
    let question = Question {
        table: Table::AirReadings,
        columns: Some(reader.columns()),
        filter: reader.filter(from, to),
        order: &["observed_at", "avg_s"],
        direction: Direction::Ascending,
        fetch: None,
    };
    let sought = Sought { keys: Some(&speakers), from: Some(from), to: Some(to) };
    let mut walk = DayWalk::new(view, &question, sought);
    let (hot, of_hot) = (engine.hot_rows(&question, view).await?, Arc::clone(&reader));
    let reading = move || {
        let mut hot = of_hot.read(&hot);
        hot.sort_by_key(order);
        Ok(hot)
    };
    let mut hot = engine.carry_out(reading).await?;
    let mut days_before = walk.days_left();
    loop {
        let rows = walk.next(engine).await?;
        let is_last = rows.is_none();
        let (days_now, samples) =
            (walk.days_left(), rows.iter().flatten().map(|rows| rows.num_rows() * reader.quantities).sum::<usize>());
        let a_day = samples / (days_before - days_now).max(1);
        walk.limit(SAMPLES_AT_ONCE / a_day.max(1));
        days_before = days_now;
        // Rows in memory of later days wait until the files of those days are read.
        let until = walk.unread().map_or(i64::MAX, |day| i64::from(day) * MICROS_PER_DAY);
        let rest = hot.split_off(hot.partition_point(|taken| taken.sample.at.as_micros() < until));
        let (mut taken, reader, take) = (std::mem::replace(&mut hot, rest), Arc::clone(&reader), take.clone());
        let folding = move || {
            taken.extend(reader.read(&rows.unwrap_or_default()));
            taken.sort_by_key(order);
            let flow = taken.iter().try_for_each(|taken| take(&mut state, taken));
            Ok((state, flow))
        };
        let flow;
        (state, flow) = engine.carry_out(folding).await?;
        if is_last || flow.is_break() {
            return Ok(state);
        }
    }
}

/// Base windows of each source, of the samples that count in a layer.
pub async fn bases(engine: &Engine, view: &View, wish: Wish, grid: Grid, layer: Layer) -> Result<Vec<Base>, EngineError> {
    let bases = vec![Base::new(grid); wish.sources.len()];
    let take = move |bases: &mut Vec<Base>, taken: &Taken| {
        if layer.takes(taken.sample.remarks) {
            bases[taken.source].take(&taken.sample);
        }
        ControlFlow::Continue(())
    };
    walk(engine, view, wish, bases, take).await
}

fn order(taken: &Taken) -> (Timestamp, u32, usize) {
    (taken.sample.at, taken.sample.avg_s, taken.source)
}

/// From rows to samples.
struct Reader {
    sources: Vec<Source>,
    /// By sensor the sources that it ever spoke for.
    speakers: BTreeMap<String, Vec<(usize, Span)>>,
    /// Different ones.
    quantities: usize,
}

impl Reader {
    fn of(sources: Vec<Source>) -> Self {
        let mut speakers: BTreeMap<String, Vec<(usize, Span)>> = BTreeMap::new();
        for (place, source) in sources.iter().enumerate() {
            for (sensor, span) in &source.history.sensors {
                speakers.entry(sensor.as_str().to_owned()).or_default().push((place, *span));
            }
        }
        let quantities = different(&sources).len();
        Self { sources, speakers, quantities }
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["sensor", "observed_at", "received_at", "avg_s", "as_sent", "qc", "flags"];
        columns.extend(different(&self.sources).into_iter().map(Quantity::name));
        columns
    }

    fn filter(&self, from: Timestamp, to: Timestamp) -> Expr {
        let sensors: Vec<&str> = self.speakers.keys().map(String::as_str).collect();
        let any = different(&self.sources).into_iter().map(|quantity| col(quantity.name()).is_not_null()).reduce(Expr::or);
        let spoken = spoken::by_any(&sensors, Span { from: Some(from), to: Some(to) });
        match any {
            Some(any) => spoken.and(any),
            None => spoken,
        }
    }

    fn read(&self, rows: &[RecordBatch]) -> Vec<Taken> {
        let mut taken = Vec::new();
        for batch in rows {
            if let Some(columns) = Columns::of(batch) {
                (0..batch.num_rows()).for_each(|row| self.read_row(&columns, row, &mut taken));
            }
        }
        taken
    }

    fn read_row(&self, columns: &Columns<'_>, row: usize, taken: &mut Vec<Taken>) {
        let flags = columns.flags(row);
        // What a network server simulated is no measurement.
        let Some(spoken_for) = self.speakers.get(columns.sensor.value(row)).filter(|_| !flags.has(Flag::Simulated)) else {
            return;
        };
        let at = columns.observed_at(row);
        for &(place, _) in spoken_for.iter().filter(|(_, span)| span.holds(at)) {
            let Source { quantity, history } = &self.sources[place];
            let Some(value) = columns.value(row, *quantity) else {
                continue;
            };
            let remarks = Remarks::of(*quantity, value, columns.as_sent(row, *quantity), columns.qc(row, *quantity), flags);
            let sample = Sample {
                at,
                avg_s: columns.avg_s(row),
                interval_s: history.interval_s(at),
                value,
                received_at: columns.received_at(row),
                remarks,
            };
            taken.push(Taken { source: place, sample });
        }
    }
}

fn different(sources: &[Source]) -> Vec<Quantity> {
    let mut quantities: Vec<_> = sources.iter().map(|source| source.quantity).collect();
    quantities.sort_unstable();
    quantities.dedup();
    quantities
}

/// A batch's columns as what they are.
struct Columns<'a> {
    sensor: &'a arrow::array::StringArray,
    observed_at: &'a arrow::array::TimestampMicrosecondArray,
    received_at: &'a arrow::array::TimestampMicrosecondArray,
    avg_s: &'a arrow::array::Int64Array,
    flags: &'a arrow::array::Int32Array,
    as_sent: &'a arrow::array::MapArray,
    qc: &'a arrow::array::MapArray,
    /// By the number of the quantity, those that were asked for.
    values: Vec<Option<&'a arrow::array::Float64Array>>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        Some(Self {
            sensor: batch.column_by_name("sensor")?.as_string_opt()?,
            observed_at: batch.column_by_name("observed_at")?.as_primitive_opt::<TimestampMicrosecondType>()?,
            received_at: batch.column_by_name("received_at")?.as_primitive_opt::<TimestampMicrosecondType>()?,
            avg_s: batch.column_by_name("avg_s")?.as_primitive_opt::<Int64Type>()?,
            flags: batch.column_by_name("flags")?.as_primitive_opt::<Int32Type>()?,
            as_sent: batch.column_by_name("as_sent")?.as_map_opt()?,
            qc: batch.column_by_name("qc")?.as_map_opt()?,
            values: Quantity::all().map(|quantity| batch.column_by_name(quantity.name())?.as_primitive_opt()).collect(),
        })
    }

    fn value(&self, row: usize, quantity: Quantity) -> Option<f64> {
        self.values[quantity as usize].filter(|values| values.is_valid(row)).map(|values| values.value(row))
    }

    fn observed_at(&self, row: usize) -> Timestamp {
        Timestamp::from_micros(self.observed_at.value(row))
    }

    fn received_at(&self, row: usize) -> Timestamp {
        Timestamp::from_micros(self.received_at.value(row))
    }

    fn avg_s(&self, row: usize) -> u32 {
        u32::try_from(self.avg_s.value(row).max(0)).unwrap_or(u32::MAX)
    }

    fn flags(&self, row: usize) -> Flags {
        Flags::from_bits(u32::try_from(self.flags.value(row)).unwrap_or_default())
    }

    fn as_sent(&self, row: usize, quantity: Quantity) -> Option<AsSent> {
        let place = entry(self.as_sent, row, quantity)?;
        let sent = self.as_sent.values().as_struct_opt()?;
        let value = sent.column_by_name("value")?.as_primitive_opt::<Float64Type>()?.value(place);
        let unit = Unit::by_symbol(sent.column_by_name("unit")?.as_string_opt::<i32>()?.value(place))?;
        Some(AsSent { value, unit })
    }

    fn qc(&self, row: usize, quantity: Quantity) -> Option<Qc> {
        let place = entry(self.qc, row, quantity)?;
        Qc::by_name(self.qc.values().as_string_opt::<i32>()?.value(place))
    }
}

/// Where the value of a quantity stands among those of a map.
fn entry(map: &arrow::array::MapArray, row: usize, quantity: Quantity) -> Option<usize> {
    if map.is_null(row) {
        return None;
    }
    let keys = map.keys().as_string_opt::<i32>()?;
    let offsets = map.value_offsets();
    let (first, last) = (usize::try_from(offsets[row]).ok()?, usize::try_from(offsets[row + 1]).ok()?);
    (first..last).find(|&place| keys.value(place) == quantity.name())
}

#[cfg(test)]
mod tests;
