//! A real lake in a temporary folder, an engine on it, and views that split its rows between files and memory. Tests only.

use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use domain::kind::air::Air;
use domain::kind::parking::{BayState, Parking, ParkingValue};
use domain::reading::Transport;
use domain::time::{SystemClock, Timestamp};
use domain::{Clock, Flags, JournalId, Position, Quantity, Reason, SensorId};
use lake::Lake;
use lake::contract::{HotChunk, TableView, View};
use lake::rows::{AirRows, DeadLetter, DeadLetterRows, ParkingRows};
use lake::table::Table;
use tempfile::TempDir;

use crate::engine::{Engine, EngineLimits, LakeFiles};

pub struct Fixture {
    _folder: TempDir,
    pub lake: Lake,
    pub engine: Engine,
    /// Per table, rows by the position that brought them.
    pub hot: Vec<(Table, u64, RecordBatch)>,
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a valid instant")
}

pub fn sensor(name: &str) -> SensorId {
    SensorId::new(name).expect("a valid id")
}

/// What a test says of a dead letter.
pub struct Letter {
    pub position: u64,
    pub element: u32,
    pub received_at: Timestamp,
    pub sensor: &'static str,
    pub reason: Reason,
    pub payload: &'static [u8],
    pub resolved: Option<u64>,
}

impl Default for Letter {
    fn default() -> Self {
        Self {
            position: 1,
            element: 0,
            received_at: Timestamp::UNIX_EPOCH,
            sensor: "bay-1",
            reason: Reason::BadTimestamp,
            payload: b"{}",
            resolved: None,
        }
    }
}

impl Fixture {
    pub async fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(|duration: Duration| Box::pin(tokio::time::sleep(duration))));
        let options = lake::Options::at(folder.path().join("lake").to_str().expect("UTF-8"));
        let lake = Lake::open(options, Arc::clone(&clock)).await.expect("a new lake opens");
        let limits = EngineLimits { threads: 2, memory_bytes: 64 << 20, footer_cache_bytes: 1 << 20, statements: 2 };
        let engine = Engine::new(LakeFiles::of(&lake), limits, clock).expect("an engine");
        Self { _folder: folder, lake, engine, hot: Vec::new() }
    }

    pub fn parking(&mut self, position: u64, name: &str, observed: Timestamp, state: BayState) {
        let mut rows = ParkingRows::default();
        let value = Parking { value: ParkingValue::Bay(state), temp_c: None };
        rows.push(&sensor(name), observed, observed, &value, &Transport::default(), Flags::NONE, Position(position));
        self.hot.push((Table::ParkingReadings, position, rows.finish()));
    }

    pub fn air(&mut self, position: u64, name: &str, observed: Timestamp, values: &[(Quantity, f64)]) {
        let mut rows = AirRows::default();
        let mut air = Air { avg_s: 60, ..Air::default() };
        values.iter().for_each(|(quantity, value)| air.values.set(*quantity, *value));
        rows.push(&sensor(name), observed, observed, &air, &Transport::default(), Flags::NONE, Position(position));
        self.hot.push((Table::AirReadings, position, rows.finish()));
    }

    /// The row of a letter, brought by the record at `position`: its own, or the one that resolved it.
    pub fn letter(&mut self, position: u64, letter: &Letter) {
        let mut rows = DeadLetterRows::default();
        rows.push(&DeadLetter {
            received_at: letter.received_at,
            topic: &format!("kerbside/v1/parking/{}", letter.sensor),
            payload: letter.payload,
            reason: letter.reason,
            detail: "ts: is missing",
            sensor: Some(letter.sensor),
            client: None,
            length: None,
            hash: None,
            element: letter.element,
            position: Position(letter.position),
            resolved: letter.resolved.map(Position),
        });
        self.hot.push((Table::DeadLetters, position, rows.finish()));
    }

    /// Moves the rows up to a position from memory into the lake.
    pub async fn commit(&mut self, upto: u64) {
        for table in [Table::ParkingReadings, Table::AirReadings, Table::DeadLetters] {
            let (moved, kept) = self.hot.drain(..).partition(|(of, position, _)| *of == table && *position <= upto);
            self.hot = kept;
            let moved: Vec<(Table, u64, RecordBatch)> = moved;
            let rows = moved.into_iter().map(|(_, _, rows)| rows).collect();
            self.lake.commit(table, JournalId(7), Position(upto), rows).await.expect("commits");
        }
    }

    pub fn view(&self) -> View {
        let tables = Table::ALL.map(|table| {
            let rows = self.hot.iter().filter(|(of, _, _)| *of == table);
            let hot = rows.map(|(_, position, rows)| {
                let position = Position(*position);
                HotChunk { first: position, last: position, rows: rows.clone() }
            });
            (table, TableView { lake: self.lake.snapshot(table), hot: hot.collect() })
        });
        View::new(Position(u64::MAX), at("2026-11-24T12:00:00Z"), tables.into())
    }
}
