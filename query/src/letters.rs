//! Dead letters, newest first, a page at a time.
//!
//! A letter is named by (journal position, element); its rows have one `received_at`. Of the two rows that a name may have,
//! standing and resolved, the resolved one counts, wherever each of them lies. Days are read one after the other and no further
//! than the page needs.

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, col, lit};
use domain::time::MICROS_PER_DAY;
use domain::{Reason, SensorId, Timestamp};
use lake::contract::View;
use lake::table::Table;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{DayWalk, Direction, Engine, EngineError, Question, Sought, cell_json};

/// Which letters.
pub struct Wish<'a> {
    pub reason: Option<Reason>,
    pub sensor: Option<&'a SensorId>,
    /// Received at or after.
    pub from: Option<Timestamp>,
    /// Received before.
    pub to: Option<Timestamp>,
    pub after: Option<Key>,
    pub limit: usize,
}

/// A letter's name, and where it stands in the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    received_at: i64,
    position: i64,
    element: i32,
}

/// A page and, where more follow, the key of its last letter.
pub struct Page {
    pub items: Vec<Value>,
    pub last: Option<Key>,
}

struct Row<'a> {
    key: Key,
    resolved: Option<i64>,
    batch: &'a RecordBatch,
    index: usize,
}

/// Standing and resolved: a name is resolved once.
const ROWS_A_NAME: usize = 2;
const ORDER: [&str; 3] = ["received_at", "journal_offset", "element"];

pub async fn page(engine: &Engine, view: &View, wish: &Wish<'_>) -> Result<Page, EngineError> {
    engine.bounded(in_turn(engine, view, wish)).await
}

async fn in_turn(engine: &Engine, view: &View, wish: &Wish<'_>) -> Result<Page, EngineError> {
    let found = rows(engine, view, wish).await?;
    let mut rows: Vec<Row<'_>> = Vec::new();
    for batch in &found.batches {
        rows.extend((0..batch.num_rows()).filter_map(|index| row(batch, index)));
    }
    rows.retain(|row| row.key.received_at >= found.complete_from);
    // Newest first, and of one name the resolved row first.
    rows.sort_by_key(|row| std::cmp::Reverse((row.key, row.resolved)));
    rows.dedup_by_key(|row| row.key);
    let more = rows.len() > wish.limit;
    rows.truncate(wish.limit);
    let last = rows.last().filter(|_| more).map(|row| row.key);
    Ok(Page { items: rows.iter().map(item).collect(), last })
}

struct Found {
    batches: Vec<RecordBatch>,
    /// Rows before this instant are not all there.
    complete_from: i64,
}

/// At least the first rows of the page, newest days first.
async fn rows(engine: &Engine, view: &View, wish: &Wish<'_>) -> Result<Found, EngineError> {
    let enough = ROWS_A_NAME * (wish.limit + 1);
    let question = Question {
        table: Table::DeadLetters,
        columns: None,
        filter: filter(wish),
        order: &ORDER,
        direction: Direction::Descending,
        fetch: Some(enough),
    };
    let key = wish.sensor.map(|sensor| [sensor.as_str()]);
    let upto = wish.after.map(|after| Timestamp::from_micros(after.received_at.saturating_add(1)));
    let to = wish.to.into_iter().chain(upto).min();
    let sought = Sought { keys: key.as_ref().map(<[_; 1]>::as_slice), from: wish.from, to };
    let mut walk = DayWalk::new(view, &question, sought);
    let mut batches = engine.hot_rows(&question, view).await?;
    let mut in_files = 0;
    while in_files < enough
        && let Some(rows) = walk.next(engine).await?
    {
        in_files += rows.iter().map(RecordBatch::num_rows).sum::<usize>();
        batches.extend(rows);
    }
    let complete_from = walk.unread().map_or(i64::MIN, |unread| (i64::from(unread) + 1) * MICROS_PER_DAY);
    Ok(Found { batches, complete_from })
}

fn filter(wish: &Wish<'_>) -> Expr {
    let instant = |micros: i64| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    let mut filter = col("journal_offset").is_not_null();
    if let Some(reason) = wish.reason {
        filter = filter.and(col("reason").eq(lit(reason.name())));
    }
    if let Some(sensor) = wish.sensor {
        filter = filter.and(col("sensor").eq(lit(sensor.as_str())));
    }
    if let Some(from) = wish.from {
        filter = filter.and(col("received_at").gt_eq(instant(from.as_micros())));
    }
    if let Some(to) = wish.to {
        filter = filter.and(col("received_at").lt(instant(to.as_micros())));
    }
    if let Some(Key { received_at, position, element }) = wish.after {
        let same_record = col("journal_offset").eq(lit(position)).and(col("element").lt(lit(element)));
        let same_instant = col("received_at").eq(instant(received_at));
        let older = col("received_at").lt(instant(received_at));
        filter = filter.and(older.or(same_instant.and(col("journal_offset").lt(lit(position)).or(same_record))));
    }
    filter
}

/// `None` for a row that Kerbside did not write.
fn row(batch: &RecordBatch, index: usize) -> Option<Row<'_>> {
    let whole = |name| batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let key = Key {
        received_at: batch.column_by_name("received_at")?.as_primitive_opt::<TimestampMicrosecondType>()?.value(index),
        position: whole("journal_offset")?.value(index),
        element: batch.column_by_name("element")?.as_primitive_opt::<Int32Type>()?.value(index),
    };
    let resolved = whole("resolved_offset")?;
    Some(Row { key, resolved: resolved.is_valid(index).then(|| resolved.value(index)), batch, index })
}

fn item(row: &Row<'_>) -> Value {
    let cell = |name: &str| row.batch.column_by_name(name).map_or(Value::Null, |column| cell_json(column, row.index));
    let payload = row.batch.column_by_name("payload").and_then(|column| column.as_binary_opt::<i32>());
    let payload = payload.map_or(&[][..], |payload| payload.value(row.index));
    let mut item = json!({
        "received_at": cell("received_at"),
        "reason": cell("reason"),
        "detail": cell("detail"),
        "topic": cell("topic"),
        "sensor": cell("sensor"),
        "client": cell("client"),
        "position": row.key.position,
        "element": row.key.element,
        "resolved": row.resolved,
        "length": cell("length"),
        "hash": cell("hash"),
    });
    match std::str::from_utf8(payload) {
        Ok(text) => item["payload"] = json!(text),
        Err(_) => item["payload_base64"] = json!(STANDARD.encode(payload)),
    }
    item
}
