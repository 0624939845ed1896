//! A lake in a temporary folder with a clock that tests set, and readings to fill it. Tests only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use domain::kind::air::Air;
use domain::kind::parking::{BayState, Parking, ParkingValue};
use domain::reading::Transport;
use domain::{Clock, Flags, JournalId, Position, Quantity, Reason, SensorId, Timestamp};
use futures::TryStreamExt;
use tempfile::TempDir;

use crate::rows::{AirRows, DeadLetter, DeadLetterRows, ParkingRows};
use crate::table::Table;
use crate::{Lake, Options};

pub(crate) const JOURNAL: JournalId = JournalId(7);

/// Stands still until it is set.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) -> domain::time::Sleep {
        Box::pin(std::future::ready(()))
    }
}

pub(crate) struct Fixture {
    pub folder: TempDir,
    pub clock: Arc<TestClock>,
    pub lake: Lake,
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("valid instant")
}

pub(crate) fn sensor(name: &str) -> SensorId {
    SensorId::new(name).expect("valid id")
}

impl Fixture {
    /// Starts at noon of 2026-11-24.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let clock = Arc::new(TestClock(AtomicI64::new(at("2026-11-24T12:00:00Z").as_micros())));
        let mut options = Options::at(folder.path().join("a/lake").to_str().expect("utf-8"));
        change(&mut options);
        let lake = Lake::open(options, clock.clone()).await.expect("a new lake opens");
        Self { folder, clock, lake }
    }

    pub async fn reopen(&mut self) {
        let options = self.lake.inner.options.clone();
        self.lake = Lake::open(options, self.clock.clone()).await.expect("the lake opens again");
    }

    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn disk(&self, table: Table) -> std::path::PathBuf {
        self.lake.inner.location.table_disk(table).expect("on the local disk")
    }

    pub async fn commit_parking(&self, upto: u64, rows: RecordBatch) {
        self.lake.commit(Table::ParkingReadings, JOURNAL, Position(upto), vec![rows]).await.expect("commits");
    }

    /// Every row of the newest version as (sensor, micros, journal offset), file by file, in the files' order.
    pub async fn rows(&self, table: Table) -> Vec<(String, i64, Option<i64>)> {
        let mut all = Vec::new();
        for batch in self.batches(table).await {
            let order = table.order();
            let keys = batch.column_by_name(order.key).expect("key").as_string::<i32>().clone();
            let times = batch.column_by_name(order.time).expect("time").as_primitive::<TimestampMicrosecondType>().clone();
            let offsets = batch.column_by_name("journal_offset").expect("offset").as_primitive::<Int64Type>().clone();
            for row in 0..batch.num_rows() {
                let key = if keys.is_null(row) { "" } else { keys.value(row) };
                all.push((key.to_owned(), times.value(row), offsets.is_valid(row).then(|| offsets.value(row))));
            }
        }
        all
    }

    pub async fn batches(&self, table: Table) -> Vec<RecordBatch> {
        let (lake, mut all) = (&self.lake, Vec::new());
        for file in &lake.snapshot(table).files {
            let opened = lake.inner.footers.open(&lake.object_store(), &lake.table_root(table), file).await.expect("opens");
            let stream = opened.build().expect("readable");
            all.extend(stream.try_collect::<Vec<_>>().await.expect("readable"));
        }
        all
    }

    pub async fn sorted_rows(&self, table: Table) -> Vec<(String, i64)> {
        let mut rows = self.rows(table).await.into_iter().map(|(key, time, _)| (key, time)).collect::<Vec<_>>();
        rows.sort();
        rows
    }
}

/// One bay reading each, positions from `first` on.
pub(crate) fn parking(first: u64, readings: &[(&str, &str)]) -> RecordBatch {
    let mut rows = ParkingRows::default();
    for (n, (name, time)) in readings.iter().enumerate() {
        let value = Parking { value: ParkingValue::Bay(BayState::ALL[n % 3]), temp_c: None };
        let (observed, position) = (at(time), Position(first + n as u64));
        rows.push(&sensor(name), observed, observed, &value, &Transport::default(), Flags::NONE, position);
    }
    rows.finish()
}

/// One reading of the given quantities.
pub(crate) fn air(position: u64, name: &str, time: &str, values: &[(Quantity, f64)]) -> RecordBatch {
    let mut rows = AirRows::default();
    let mut air = Air::default();
    for (quantity, value) in values {
        air.values.set(*quantity, *value);
    }
    rows.push(&sensor(name), at(time), at(time), &air, &Transport::default(), Flags::NONE, Position(position));
    rows.finish()
}

/// A dead letter of `position`, taken again by `resolved`.
pub(crate) fn letter(position: u64, resolved: Option<u64>) -> RecordBatch {
    let mut rows = DeadLetterRows::default();
    rows.push(&DeadLetter {
        received_at: at("2026-11-24T10:00:00Z"),
        topic: "kerbside/v1/parking/x",
        payload: b"{}",
        reason: Reason::Future,
        detail: "",
        sensor: Some("x"),
        client: None,
        length: None,
        hash: None,
        element: 0,
        position: Position(position),
        resolved: resolved.map(Position),
    });
    rows.finish()
}

/// All files of a folder and below, by their path in it.
pub(crate) fn files_below(folder: &std::path::Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                found.insert(path, entry.metadata().expect("metadata").len());
            }
        }
    }
    found
}
