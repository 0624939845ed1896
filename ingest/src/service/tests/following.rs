//! The link from outside: what a follower is told, step by step, and what calls do.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use bytes::{Bytes, BytesMut};
use domain::record::Publish;
use domain::registry::{ChangeKind, CityOptions};
use domain::{Position, SensorId};
use lake::contract::link::{
    Follow, Frame, Greeting, News, Reply, Request, Seal, Whole, meet, read, rows_from, versions_from, write,
};
use lake::contract::{IntakeError, Live as _};
use lake::table::Table;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::bench::{Bench, ONE_BAY, Running, air, parking};
use crate::link::{Error, Link};
use crate::options::Options;

/// A link that serves a running service.
struct Served {
    address: std::net::SocketAddr,
    _running: AbortOnDropHandle<()>,
}

impl Served {
    async fn of(ingest: &Running) -> Self {
        let free = "127.0.0.1:0".parse().expect("an address");
        let link = Link::bind(free, &Options::default(), ingest.handle.clone()).await.expect("a free port");
        let address = link.local_addr();
        let run = async { link.run(CancellationToken::new()).await.expect("it goes on") };
        Self { address, _running: AbortOnDropHandle::new(tokio::spawn(run)) }
    }

    async fn connect(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("it accepts");
        meet(&mut stream).await.expect("a link");
        let greeting: Frame<Greeting> = read(&mut stream).await.expect("readable").expect("greets");
        assert_eq!(greeting.head.city, CityOptions::default());
        stream
    }

    async fn follow(&self, rows_from: Position) -> Follower {
        let mut stream = self.connect().await;
        let rows = Table::ALL.map(|table| (table.name().to_owned(), rows_from)).into();
        let follow = Follow { registry: None, sensors: true, rows };
        write(&mut stream, &Request::Follow(follow), &[]).await.expect("it reads");
        Follower { stream }
    }

    async fn call(&self, request: Request, body: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        write(&mut stream, &request, body).await.expect("it reads");
        read(&mut stream).await.expect("readable").expect("answered").head
    }
}

struct Follower {
    stream: TcpStream,
}

/// What came up to a seal.
#[derive(Default)]
struct Step {
    anew: Vec<Whole>,
    bays: Vec<String>,
    stations: usize,
    sensors: usize,
    versions: Vec<ChangeKind>,
    rows: Vec<(Table, RecordBatch)>,
    seal: Option<Seal>,
}

impl Follower {
    async fn step(&mut self) -> Option<Step> {
        let mut step = Step::default();
        loop {
            let Frame { head, body } = read(&mut self.stream).await.expect("readable")?;
            match head {
                News::Recovering { .. } => {}
                News::Anew(whole) => step.anew.push(whole),
                News::Registry => {
                    let changes = versions_from(&body, &CityOptions::default()).expect("readable");
                    step.versions.extend(changes.iter().map(|change| change.what));
                }
                News::Parking(lasts) => step.bays.extend(lasts.iter().map(|(target, _)| target.to_string())),
                News::Air(lasts) => step.stations += lasts.len(),
                News::Sensors(sensors) => step.sensors += sensors.len(),
                News::Rows { table, first, last } => {
                    assert!(first <= last);
                    let table = Table::by_name(&table).expect("one of ours");
                    step.rows.push((table, rows_from(table, &body).expect("readable")));
                }
                News::Seal(seal) => {
                    step.seal = Some(*seal);
                    return Some(step);
                }
                News::Behind { .. } => return None,
            }
        }
    }

    /// Steps until one is of `position` or later; all together.
    async fn until(&mut self, position: Position) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let step = self.step().await.expect("not behind");
            let is_there = step.seal().head >= position;
            steps.push(step);
            if is_there {
                return steps;
            }
        }
    }
}

impl Step {
    fn seal(&self) -> &Seal {
        self.seal.as_ref().expect("a step is sealed")
    }

    fn count(&self, table: Table) -> u64 {
        self.rows.iter().filter(|(of, _)| *of == table).map(|(_, rows)| rows.num_rows() as u64).sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_told_everything_once_and_then_what_changes() {
    let ingest = Bench::new(Options::default()).start().await;
    let served = Served::of(&ingest).await;
    let before = ingest.publish(vec![parking("bay-1", 1, "vacant"), air("air-1", 2, r#""pm25":12.0"#)]).await;
    let mut follower = served.follow(Position::START).await;
    let first = follower.step().await.expect("everything");
    assert_eq!(first.anew, [Whole::Live, Whole::Sensors, Whole::Registry]);
    assert_eq!((first.bays.len(), first.stations, first.sensors), (1, 1, 2));
    assert_eq!((first.count(Table::ParkingReadings), first.count(Table::AirReadings)), (1, 1));
    assert_eq!((first.seal().head, first.seal().ledger.counts.accepted), (before[1], 2));
    assert!(first.seal().status.is_some());
    let after = ingest.publish(vec![parking("bay-2", 3, "vacant"), parking("bay-2", 4, "occupied")]).await;
    let later = follower.until(after[1]).await;
    assert!(later.iter().all(|step| step.anew.is_empty() && step.stations == 0));
    assert!(later.iter().flat_map(|step| &step.bays).all(|bay| bay == "bay-2"));
    assert_eq!(later.iter().map(|step| step.count(Table::ParkingReadings)).sum::<u64>(), 2);
    // A sign of life, with nothing in it.
    let idle = follower.step().await.expect("goes on");
    assert!(idle.bays.is_empty() && idle.rows.is_empty() && idle.sensors == 0);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_comes_once_and_never_before_the_ledger_counts_it() {
    let ingest = Bench::new(Options { commit_rows: 20, ..Options::default() }).start().await;
    let served = Served::of(&ingest).await;
    let mut follower = served.follow(Position::START).await;
    let following = tokio::spawn(async move {
        let (mut rows, mut last) = (0, Position::START);
        let mut by_sensor: BTreeMap<String, u64> = BTreeMap::new();
        while rows < 120 {
            let step = follower.step().await.expect("not behind");
            for (_, batch) in &step.rows {
                let sensors = arrow::array::AsArray::as_string::<i32>(batch.column_by_name("sensor").expect("a column"));
                sensors.iter().flatten().for_each(|sensor| *by_sensor.entry(sensor.to_owned()).or_default() += 1);
            }
            rows += step.count(Table::ParkingReadings);
            assert_eq!(step.seal().ledger.counts.accepted, rows, "state and rows are of one position");
            assert!(step.seal().head >= last);
            last = step.seal().head;
        }
        by_sensor
    });
    for second in 0..40 {
        let readings = ["a", "b", "c"].map(|sensor| parking(sensor, second, "vacant"));
        ingest.publish(readings.into()).await;
    }
    let by_sensor = following.await.expect("no panic");
    assert!(by_sensor.len() == 3 && by_sensor.values().all(|count| *count == 40), "{by_sensor:?}");
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_told_by_what_changed_and_nothing_else_is_told_anew() {
    let ingest = Bench::new(Options::default()).start().await;
    let served = Served::of(&ingest).await;
    ingest.publish(vec![parking("bay-1", 1, "vacant")]).await;
    let mut follower = served.follow(Position::START).await;
    assert!(follower.step().await.expect("everything").versions.is_empty());
    let edit = Request::EditRegistry { author: "anna".to_owned(), dry_run: false };
    let Reply::Edited { verdict, seen_at } = served.call(edit, ONE_BAY.as_bytes()).await else { panic!("not edited") };
    assert!(verdict.position.is_some_and(|position| position <= seen_at));
    let steps = follower.until(seen_at).await;
    let versions: Vec<_> = steps.iter().flat_map(|step| &step.versions).collect();
    assert_eq!(versions, [&ChangeKind::New, &ChangeKind::New]);
    let edited = steps.iter().find(|step| !step.versions.is_empty()).expect("told");
    assert!(edited.anew.is_empty() && edited.bays.is_empty(), "the bay shows what its sensor showed under the same name");
    assert_eq!(Some(edited.seal().registry), verdict.position);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lacks_rows_that_are_in_the_lake_only_is_sent_there() {
    let mut bench = Bench::new(Options { commit_rows: 1, ..Options::default() });
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 1, "vacant")]).await;
    ingest.stop().await;
    let ingest = bench.start().await;
    let served = Served::of(&ingest).await;
    assert!(served.follow(Position::START).await.step().await.is_none());
    let committed = ingest.handle.status().tables[Table::ParkingReadings as usize].committed;
    assert!(committed > Position::START);
    let step = served.follow(committed).await.step().await.expect("it has the rest");
    assert_eq!((step.count(Table::ParkingReadings), step.bays.len()), (0, 1));
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_do_what_the_handle_does() {
    let ingest = Bench::new(Options::default()).start().await;
    let served = Served::of(&ingest).await;
    let messages = [parking("bay-1", 1, "vacant"), parking("bay-1", 1, "vacant")];
    let mut body = BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut body));
    let lengths = messages.iter().map(|message| Publish::encoded_len(message) as u32).collect();
    let Reply::Published(positions) = served.call(Request::Publish { lengths }, &body).await else { panic!("not published") };
    assert_eq!(positions, [Position(1), Position(2)]);
    ingest.until("both are taken", |counts| counts.received == 2).await;
    let sensor = SensorId::new("bay-1").expect("valid");
    let Reply::Ledger(Some(line)) = served.call(Request::LedgerOf(sensor.clone()), &[]).await else { panic!("no ledger") };
    assert_eq!((line.counts.accepted, line.counts.duplicate), (1, 1));
    let Reply::Uplinks(uplinks) = served.call(Request::Uplinks(sensor), &[]).await else { panic!("no uplinks") };
    assert_eq!(uplinks.len(), 2);
    let reply = served.call(Request::Reprocess { of: Position(1), element: 0 }, &[]).await;
    assert!(matches!(reply, Reply::Failed(IntakeError::NotFound)), "{reply:?}");
    let reply = served.call(Request::Publish { lengths: vec![7] }, &Bytes::from_static(b"short")).await;
    assert!(matches!(reply, Reply::Failed(IntakeError::Invalid(_))), "{reply:?}");
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_to_other_machines_is_refused_unless_asked_for_by_name() {
    let ingest = Bench::new(Options::default()).start().await;
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    let refused = Link::bind(everywhere, &Options::default(), ingest.handle.clone()).await;
    assert!(matches!(refused, Err(Error::Exposed { .. })));
    let asked_for = Options { allow_link_off_loopback: true, ..Options::default() };
    assert!(Link::bind(everywhere, &asked_for, ingest.handle.clone()).await.is_ok());
    ingest.stop().await;
}
