//! A pipeline with a storage model behind it: rows by position, key sets answered from them, restarts from saved states.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use domain::identity::{Fingerprint, Identity};
use domain::kind::air::Air;
use domain::kind::parking::{BayState, Parking, ParkingValue};
use domain::reading::{Decoded, Element, Measured, Reading, Refusal, Transport};
use domain::record::{Publish, RegistryPart, Source};
use domain::registry::{CityOptions, Registry};
use domain::{Flags, Kind, Position, Quantity, Reason, Rejection, SensorId, Timestamp, topic};
use lake::contract::Counts;
use lake::rows::{AirColumns, ParkingColumns};
use lake::table::Table;

use crate::batch::{Again, Batch, Message, Taken, What, Whole};
use crate::options::UnknownSensors;
use crate::pipeline::{AppliedEdit, Committed, KeySet, LetterId, Pipeline, Rules, SetId, State};

/// One measured value as storage holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub kind: Kind,
    pub sensor: String,
    pub identity: Identity,
    pub fingerprint: Fingerprint,
    pub position: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LetterRow {
    pub position: Position,
    pub element: u32,
    pub reason: Reason,
    pub detail: String,
    pub resolved: Option<Position>,
}

pub struct Bench {
    pub rules: Rules,
    pub pipeline: Pipeline,
    /// A row a measured value, hot or committed.
    pub rows: Vec<Row>,
    /// Rows pushed, as the lake counts them.
    pub readings: usize,
    pub letters: Vec<LetterRow>,
    pub committed: Committed,
    pub edits: Vec<AppliedEdit>,
    /// Rows for the lake's registry table.
    pub versions: usize,
    /// Edits are judged before their step, as the service does.
    pub judges_aside: bool,
    now: Timestamp,
}

impl Default for Bench {
    fn default() -> Self {
        let rules = Rules {
            unknown_sensors: UnknownSensors::Accept,
            future: Duration::from_secs(300),
            retention_days: [None, None],
            letter_days: None,
            weakness: Default::default(),
        };
        let pipeline = pipeline(&rules, State::default(), Arc::new(Registry::empty(CityOptions::default())));
        Self {
            rules,
            pipeline,
            rows: Vec::new(),
            readings: 0,
            letters: Vec::new(),
            committed: Committed::default(),
            edits: Vec::new(),
            versions: 0,
            judges_aside: true,
            now: second(1_000_000),
        }
    }
}

fn pipeline(rules: &Rules, state: State, registry: Arc<Registry>) -> Pipeline {
    Pipeline::new(rules.clone(), state, registry, 1 << 20)
}

impl Bench {
    /// Records from here on are received at this second.
    pub fn at(&mut self, seconds: i64) {
        self.now = second(seconds);
    }

    pub fn committed(&mut self, table: Table, upto: u64) {
        self.committed.set(table, Position(upto));
    }

    /// The same state through its bytes, under the rules as they stand.
    pub fn restart(&mut self) {
        let bytes = postcard::to_stdvec(self.pipeline.state()).expect("a state can be written");
        self.restart_from(&bytes);
    }

    pub fn saved(&self) -> Vec<u8> {
        postcard::to_stdvec(self.pipeline.state()).expect("a state can be written")
    }

    pub fn restart_from(&mut self, bytes: &[u8]) {
        let state = postcard::from_bytes(bytes).expect("a written state reads back");
        self.pipeline = pipeline(&self.rules, state, self.pipeline.registry().clone());
    }

    pub fn message(&mut self, kind: Kind, sensor: &str, elements: Vec<Element>) {
        let records = vec![(kind, sensor.to_owned(), elements)];
        self.batch(records);
    }

    /// Several messages in one step.
    pub fn batch(&mut self, messages: Vec<(Kind, String, Vec<Element>)>) {
        let mut batch = Batch::default();
        for (kind, sensor, elements) in messages {
            let message = message(kind, &sensor, elements.len());
            batch.elements.extend(elements);
            self.push(&mut batch, What::Message(message));
        }
        self.step(batch);
    }

    pub fn foreign(&mut self) {
        let publish = Publish::new(Source::Mqtt, "home/lamp", Bytes::new());
        let message = Message { publish, sender: None, elements: 0, is_foreign: true, whole: None, count: 1 };
        self.one(What::Message(message), Vec::new());
    }

    pub fn refused(&mut self, reason: Reason, count: u32) {
        let publish = Publish::new(Source::Mqtt, "kerbside/v1/parking/a", Bytes::new());
        let whole = Some(Whole { length: 9, hash: None });
        let message = Message { publish, sender: None, elements: 1, is_foreign: false, whole, count };
        self.one(What::Message(message), vec![rejection(reason)]);
    }

    pub fn tick(&mut self, seconds: i64) {
        self.at(seconds);
        self.one(What::Tick, Vec::new());
    }

    pub fn edit(&mut self, features: &str) {
        self.one(What::Registry { author: "test".into(), features: Bytes::copy_from_slice(features.as_bytes()) }, Vec::new());
    }

    /// The position of the part.
    pub fn part(&mut self, part: RegistryPart) -> Position {
        self.one(What::RegistryPart(part), Vec::new());
        self.pipeline.state().position
    }

    /// Takes a dead letter again, as the element that its payload decodes to.
    pub fn again(&mut self, id: LetterId, was: Reason, kind: Kind, sensor: &str, element: Element) {
        let again = Again {
            of: id.of,
            element: id.element,
            was,
            received_at: self.now,
            detail: String::new(),
            message: message(kind, sensor, 1),
        };
        self.one(What::Reprocess(again), vec![element]);
    }

    fn one(&mut self, what: What, elements: Vec<Element>) {
        let mut batch = Batch { elements, ..Batch::default() };
        self.push(&mut batch, what);
        self.step(batch);
    }

    fn push(&self, batch: &mut Batch, what: What) {
        let position = Position(self.pipeline.state().position.0 + batch.records.len() as u64 + 1);
        batch.records.push(Taken { position, received_at: self.now, what });
    }

    fn step(&mut self, batch: Batch) {
        let plan = self.pipeline.plan(&batch);
        let loaded = plan.load.iter().map(|id| (*id, self.stored(*id))).collect();
        let judging = self.pipeline.next_edit(&batch, &self.committed).filter(|_| self.judges_aside);
        let judged = judging.map(|judging| {
            let mut judged = judging.judge();
            judged.rebuild(self.pipeline.state());
            judged
        });
        let mut effects = self.pipeline.step(batch, plan, loaded, judged, &self.committed);
        self.versions += effects.registry.iter().map(RecordBatch::num_rows).sum::<usize>();
        self.edits.append(&mut effects.edits);
        self.readings += effects.parking.len() + effects.air.len();
        self.take_parking(&effects.parking.finish());
        self.take_air(&effects.air.finish());
        self.take_letters(&effects.dead_letters.finish());
        assert!(self.ledger().adds_up());
    }

    /// What storage answers: rows before the batch's first position.
    fn stored(&self, id: SetId) -> KeySet {
        let sensor = self.pipeline.state().sensors.get(id.sensor).id.as_str();
        let mut set = KeySet::default();
        for row in &self.rows {
            let at = row.identity;
            let of_set = row.kind == id.kind && row.sensor == sensor && observed_at(at).utc_day() == id.day;
            if of_set && row.position <= self.pipeline.state().position {
                set.insert(at, row.fingerprint);
            }
        }
        set
    }

    fn take_parking(&mut self, rows: &RecordBatch) {
        let columns = ParkingColumns::of(rows).expect("the table's schema");
        for row in 0..columns.len() {
            let identity = Identity::Parking { observed_at: columns.observed_at(row) };
            let value = columns.value(row).expect("a value");
            let position = columns.position(row).expect("a position");
            let (sensor, fingerprint) = (columns.sensor(row).to_owned(), Fingerprint::of_parking(value));
            self.rows.push(Row { kind: Kind::Parking, sensor, identity, fingerprint, position });
        }
    }

    fn take_air(&mut self, rows: &RecordBatch) {
        let columns = AirColumns::of(rows).expect("the table's schema");
        for row in 0..columns.len() {
            for (quantity, value) in columns.values(row).iter() {
                let identity = Identity::Air { observed_at: columns.observed_at(row), avg_s: columns.avg_s(row), quantity };
                let position = columns.position(row).expect("a position");
                let (sensor, fingerprint) = (columns.sensor(row).to_owned(), Fingerprint::of_air(value));
                self.rows.push(Row { kind: Kind::Air, sensor, identity, fingerprint, position });
            }
        }
    }

    fn take_letters(&mut self, rows: &RecordBatch) {
        let column = |name: &str| rows.column_by_name(name).expect("the table's schema");
        let (offsets, resolved) = (column("journal_offset").as_primitive::<Int64Type>(), column("resolved_offset"));
        let resolved = resolved.as_primitive::<Int64Type>();
        let (elements, reasons) = (column("element").as_primitive::<Int32Type>(), column("reason").as_string::<i32>());
        let details = column("detail").as_string::<i32>();
        for row in 0..rows.num_rows() {
            self.letters.push(LetterRow {
                position: Position(offsets.value(row) as u64),
                element: elements.value(row) as u32,
                reason: Reason::by_name(reasons.value(row)).expect("a reason"),
                detail: details.value(row).to_owned(),
                resolved: resolved.is_valid(row).then(|| Position(resolved.value(row) as u64)),
            });
        }
    }

    pub fn ledger(&self) -> Counts {
        self.pipeline.state().ledger.counts.clone()
    }

    pub fn ledger_of(&self, sensor: &str) -> Counts {
        let id = SensorId::new(sensor).expect("a valid id");
        self.pipeline.state().sensors.find(&id).expect("heard of").counts.clone()
    }
}

pub fn observed_at(identity: Identity) -> Timestamp {
    match identity {
        Identity::Parking { observed_at } | Identity::Air { observed_at, .. } => observed_at,
    }
}

pub fn second(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn message(kind: Kind, sensor: &str, elements: usize) -> Message {
    let sensor = SensorId::new(sensor).expect("a valid id");
    let publish = Publish::new(Source::Mqtt, &topic::native(kind, &sensor).to_string(), Bytes::from_static(b"{}"));
    Message { publish, sender: Some((kind, sensor)), elements, is_foreign: false, whole: None, count: 1 }
}

pub fn counts(received: u64, accepted: u64, duplicate: u64, rejected: &[(Reason, u64)]) -> Counts {
    let mut counts = Counts { received, accepted, duplicate, ..Counts::default() };
    rejected.iter().for_each(|(reason, count)| counts.rejected[*reason as usize] = *count);
    counts
}

pub fn rejection(reason: Reason) -> Element {
    Element { index: 1, outcome: Err(Rejection::new(reason, "as told", Bytes::from_static(b"?"))) }
}

/// State 0 is vacant, 1 occupied.
pub fn bay(seconds: i64, state: u8) -> Element {
    let value = ParkingValue::Bay(BayState::ALL[usize::from(state)]);
    element(seconds, Measured::Parking(Parking { value, temp_c: None }), Vec::new())
}

pub fn counter(seconds: i64, free: i32, capacity: Option<i32>) -> Element {
    let value = ParkingValue::Counter { free, capacity };
    element(seconds, Measured::Parking(Parking { value, temp_c: None }), Vec::new())
}

pub fn air(seconds: i64, avg_s: u32, values: &[(&str, f64)]) -> Element {
    air_refusing(seconds, avg_s, values, &[])
}

/// With quantities that decoding refused.
pub fn air_refusing(seconds: i64, avg_s: u32, values: &[(&str, f64)], refused: &[(&str, Reason)]) -> Element {
    let quantity = |name: &str| Quantity::by_name(name).expect("a quantity");
    let mut air = Air { avg_s, ..Air::default() };
    values.iter().for_each(|(name, value)| air.values.set(quantity(name), *value));
    let refused = refused.iter().map(|(name, reason)| Refusal {
        quantity: quantity(name),
        reason: *reason,
        detail: reason.name().to_owned(),
    });
    element(seconds, Measured::Air(Box::new(air)), refused.collect())
}

fn element(seconds: i64, measured: Measured, refused: Vec<Refusal>) -> Element {
    let reading = Reading { observed_at: second(seconds), measured, transport: Transport::default(), flags: Flags::NONE };
    Element { index: 0, outcome: Ok(Decoded { reading, refused, payload: Bytes::from_static(b"{}") }) }
}
