//! The accepted readings of one sensor in the order of their own time, a page at a time.
//!
//! A row is named by what identifies its readings: the instant, for air also the averaging time and the first quantity in
//! it (rows of one instant have disjoint quantities). That name does not change when a row moves from memory to the lake or
//! is compacted, so a walk neither misses nor doubles a row. Days are read one after the other and no further than the page
//! needs, so the first page of ten years costs as much as that of one day.

mod item;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, col, lit};
use domain::{Kind, Quantity, SensorId, Timestamp};
use lake::contract::View;
use lake::table::Table;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::{DayWalk, Direction, Engine, EngineError, Question, Sought};

/// Which readings.
pub struct Wish<'a> {
    pub sensor: &'a SensorId,
    /// Inclusive.
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
    pub after: Option<Key>,
    pub limit: usize,
}

/// The name of a row among those of its sensor, in the order of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    at: i64,
    kind: Kind,
    avg_s: i64,
    /// `Quantity as u8` of the first quantity; 0 for parking.
    first: u8,
}

/// A page and, where more follow, the key of its last row.
pub struct Page {
    pub items: Vec<Value>,
    pub last: Option<Key>,
}

/// One row where it lies.
struct Row<'a> {
    key: Key,
    batch: &'a RecordBatch,
    index: usize,
}

/// Rows of one instant and averaging time: one a quantity at most. So many may precede the page and straddle its end.
const SLACK: usize = 2 * Quantity::COUNT + 1;

pub async fn page(engine: &Engine, view: &View, wish: &Wish<'_>) -> Result<Page, EngineError> {
    engine.bounded(in_turn(engine, view, wish)).await
}

async fn in_turn(engine: &Engine, view: &View, wish: &Wish<'_>) -> Result<Page, EngineError> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        found.push((kind, rows_of(engine, view, kind, wish).await?));
    }
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (kind, batches) in &found {
        for batch in batches {
            rows.extend((0..batch.num_rows()).filter_map(|index| Some(Row { key: key(*kind, batch, index)?, batch, index })));
        }
    }
    rows.retain(|row| wish.after.is_none_or(|after| row.key > after));
    rows.sort_by_key(|row| row.key);
    let more = rows.len() > wish.limit;
    rows.truncate(wish.limit);
    let last = rows.last().filter(|_| more).map(|row| row.key);
    let items = rows.iter().map(|row| item::json(row.key.kind, row.batch, row.index)).collect();
    Ok(Page { items, last })
}

/// At least the first rows of the page, oldest days first.
async fn rows_of(engine: &Engine, view: &View, kind: Kind, wish: &Wish<'_>) -> Result<Vec<RecordBatch>, EngineError> {
    let order: &'static [_] = match kind {
        Kind::Parking => &["observed_at"],
        Kind::Air => &["observed_at", "avg_s"],
    };
    let enough = wish.limit + SLACK;
    let question = Question {
        table: Table::of(kind),
        columns: None,
        filter: filter(kind, wish),
        order,
        direction: Direction::Ascending,
        fetch: Some(enough),
    };
    let keys = [wish.sensor.as_str()];
    let mut walk = DayWalk::new(view, &question, Sought { keys: Some(&keys), from: start(wish), to: wish.to });
    let mut batches = engine.hot_rows(&question, view).await?;
    let mut in_files = 0;
    while in_files < enough
        && let Some(rows) = walk.next(engine).await?
    {
        in_files += rows.iter().map(RecordBatch::num_rows).sum::<usize>();
        batches.extend(rows);
    }
    // Hot rows of a later day than the files that were read come after rows that were not.
    let Some(unread) = walk.unread() else {
        return Ok(batches);
    };
    let first_unread = i64::from(unread) * domain::time::MICROS_PER_DAY;
    Ok(batches.iter().map(|batch| before(batch, first_unread)).collect())
}

/// The rows before an instant: batches are in order of it.
fn before(batch: &RecordBatch, micros: i64) -> RecordBatch {
    let observed = batch.column_by_name("observed_at").map(|column| column.as_primitive::<TimestampMicrosecondType>());
    let end = observed.map_or(0, |observed| observed.values().partition_point(|at| *at < micros));
    batch.slice(0, end)
}

/// Rows before it were given already or not asked for.
fn start(wish: &Wish<'_>) -> Option<Timestamp> {
    let after = wish.after.map(|key| Timestamp::from_micros(key.at));
    wish.from.into_iter().chain(after).max()
}

fn filter(kind: Kind, wish: &Wish<'_>) -> Expr {
    let instant = |at: Timestamp| lit(ScalarValue::TimestampMicrosecond(Some(at.as_micros()), Some("UTC".into())));
    let mut filter = col("sensor").eq(lit(wish.sensor.as_str()));
    if let Some(start) = start(wish) {
        filter = filter.and(col("observed_at").gt_eq(instant(start)));
    }
    if let Some(to) = wish.to {
        filter = filter.and(col("observed_at").lt(instant(to)));
    }
    if let Some(after) = wish.after.filter(|after| after.kind == Kind::Air && kind == Kind::Air) {
        let at = Timestamp::from_micros(after.at);
        filter = filter.and(col("observed_at").gt(instant(at)).or(col("avg_s").gt_eq(lit(after.avg_s))));
    }
    filter
}

/// `None` for a row that Kerbside did not write.
fn key(kind: Kind, batch: &RecordBatch, index: usize) -> Option<Key> {
    let at = batch.column_by_name("observed_at")?.as_primitive_opt::<TimestampMicrosecondType>()?.value(index);
    if kind == Kind::Parking {
        return Some(Key { at, kind, avg_s: 0, first: 0 });
    }
    let avg_s = batch.column_by_name("avg_s")?.as_primitive_opt::<Int64Type>()?.value(index);
    let has = |quantity: &Quantity| batch.column_by_name(quantity.name()).is_some_and(|column| column.is_valid(index));
    let first = Quantity::all().find(has)? as u8;
    Some(Key { at, kind, avg_s, first })
}

#[cfg(test)]
mod tests;
