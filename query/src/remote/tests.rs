//! The copy against an ingest that says what a test wants said, on a real socket and with a real lake.

mod ingest;

use std::sync::Arc;
use std::time::Duration;

use domain::kind::parking::{BayState, ParkingValue};
use domain::record::Source;
use domain::registry::Registry;
use domain::{Flags, JournalId, ObjectId};
use lake::contract::link::{News, Whole, rows_parts, versions_parts};
use lake::contract::{Counts, HotChunk, ParkingLast};
use lake::table::Table;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::tests::fixture::{Fixture, at, sensor};
use crate::tests::hand_clock::HandClock;
use ingest::Ingest;

const ENOUGH: Duration = Duration::from_secs(20);

/// A remote that runs; its time is the test's.
struct Bench {
    remote: Remote,
    clock: Arc<HandClock>,
    fixture: Fixture,
    ingest: Ingest,
    _follower: AbortOnDropHandle<()>,
}

impl Bench {
    async fn new() -> Self {
        Self::of(CityOptions::default()).await
    }

    async fn of(city: CityOptions) -> Self {
        let (fixture, ingest, clock) = (Fixture::new().await, Ingest::start().await, Arc::new(HandClock::default()));
        let options = lake::Options::at(fixture.lake.url().as_str());
        let lake = Lake::open_read_only(options, clock.clone()).await.expect("the fixture's lake");
        let link = Link { address: ingest.address(), lake: Some(lake), city, clock: clock.clone() };
        let (remote, follower) = Remote::new(link);
        let run = async {
            let Ok(()) = follower.run(CancellationToken::new()).await;
        };
        Self { remote, clock, fixture, ingest, _follower: AbortOnDropHandle::new(tokio::spawn(run)) }
    }

    async fn reached(&self, position: u64) {
        let mut head = self.remote.copy.head_told();
        head.wait_for(|head| *head >= Position(position)).await.expect("the copy lives");
    }

    /// The follower sleeps between two attempts: time goes on until it comes again. No further, since a connection that is slow on a
    /// busy machine would be taken for a dead one.
    async fn next_follower(&self) -> ingest::Line {
        let mut caller = std::pin::pin!(self.ingest.accept());
        let stream = loop {
            tokio::select! {
                biased;
                stream = &mut caller => break stream,
                () = tokio::task::yield_now() => self.clock.advance(Duration::from_millis(1)),
            }
        };
        self.ingest.follower_on(stream).await
    }

    async fn rows(&self) -> u64 {
        let view = self.remote.view().await.expect("known");
        let table = view.table(Table::ParkingReadings).expect("followed");
        let lake: u64 = table.lake.files.iter().map(|file| file.rows).sum();
        lake + table.hot.iter().map(|chunk| chunk.rows.num_rows() as u64).sum::<u64>()
    }

    fn shown(&self, bay: &str) -> Option<ParkingLast> {
        let mut shown = None;
        self.remote.with_state(&mut |state, _| shown = state.parking.get(bay).cloned());
        shown
    }
}

fn last(bay: &str, position: u64) -> (ObjectId, ParkingLast) {
    let value = ParkingValue::Bay(BayState::Vacant);
    let observed_at = at("2026-11-24T11:59:00Z");
    let flags = Flags::NONE;
    let last = ParkingLast { sensor: sensor(bay), observed_at, received_at: observed_at, value, flags, version: position };
    (ObjectId::new(bay).expect("a valid id"), last)
}

/// A row of each record from `first` to `last`.
fn rows(fixture: &mut Fixture, first: u64, last: u64) -> (News, Bytes) {
    let before = fixture.hot.len();
    (first..=last).for_each(|position| fixture.parking(position, "bay-1", at("2026-11-24T11:00:00Z"), BayState::Vacant));
    let batches: Vec<_> = fixture.hot[before..].iter().map(|(_, _, rows)| rows.clone()).collect();
    let rows = arrow::compute::concat_batches(&Table::ParkingReadings.schema(), &batches).expect("one schema");
    let (first, last) = (Position(first), Position(last));
    let parts = rows_parts(&HotChunk { first, last, rows }).expect("encodes");
    (News::Rows { table: "parking_readings".to_owned(), first, last }, parts[0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_becomes_true_as_a_whole_at_its_seal() {
    let mut bench = Bench::new().await;
    let mut line = bench.ingest.follower().await;
    assert!(line.follow.sensors && line.follow.registry.is_none() && line.follow.rows.len() == Table::ALL.len());
    assert!(bench.remote.is_known().is_err() && bench.remote.view().await.is_err());
    line.say(News::Anew(Whole::Live)).await;
    line.say(News::Parking(vec![last("bay-1", 3)])).await;
    let (news, body) = rows(&mut bench.fixture, 1, 3);
    line.say_with(news, &body).await;
    line.seal(3).await;
    bench.reached(3).await;
    assert_eq!((bench.rows().await, bench.remote.ledger().counts.received), (3, 3));
    assert_eq!(bench.shown("bay-1").map(|last| last.version), Some(3));
    // Parts without a seal are of a position that nobody has heard of.
    line.say(News::Parking(vec![last("bay-2", 4)])).await;
    assert!(bench.shown("bay-2").is_none());
    line.seal(4).await;
    bench.reached(4).await;
    assert!(bench.shown("bay-2").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_move_to_the_lake_are_there_once_at_any_moment() {
    let mut bench = Bench::new().await;
    let mut line = bench.ingest.follower().await;
    let (news, body) = rows(&mut bench.fixture, 1, 9);
    line.say_with(news, &body).await;
    line.seal(9).await;
    bench.reached(9).await;
    bench.fixture.commit(5).await;
    line.seal_with_versions(10, &bench.fixture.lake).await;
    loop {
        assert_eq!(bench.rows().await, 9);
        let view = bench.remote.view().await.expect("known");
        if view.table(Table::ParkingReadings).expect("followed").lake.committed == Position(5) {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registry_comes_as_a_whole_and_then_by_what_changed() {
    let bench = Bench::new().await;
    let features = json!({"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]},
            "properties": {"kind": "station", "id": "air-1", "class": "reference"}}]});
    let empty = Registry::empty(CityOptions::default());
    let now = at("2026-11-24T10:00:00Z");
    let (edit, _) = domain::registry::Edit::parse_geojson(features.to_string().as_bytes(), &empty, now);
    let whole = empty.apply(&edit.expect("taken"), now).0;
    let mut line = bench.ingest.follower().await;
    line.say(News::Anew(Whole::Registry)).await;
    line.seal(1).await;
    bench.reached(1).await;
    assert!(bench.remote.registry().layout(now).stations.is_empty());
    for part in versions_parts(whole.changes_since(&empty)) {
        line.say_with(News::Registry, &part).await;
    }
    line.seal(2).await;
    bench.reached(2).await;
    assert_eq!(bench.remote.registry().layout(now).stations.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_ingest_is_away_answers_go_on_and_tell_their_age() {
    let mut bench = Bench::new().await;
    let mut line = bench.ingest.follower().await;
    line.say(News::Parking(vec![last("bay-1", 3)])).await;
    let (news, body) = rows(&mut bench.fixture, 1, 3);
    line.say_with(news, &body).await;
    line.seal(3).await;
    bench.reached(3).await;
    assert_eq!(bench.remote.readiness(), Readiness::Ready);
    drop(line);
    let mut standing = bench.remote.copy.standing();
    standing.wait_for(|standing| matches!(standing, copy::Standing::Away { .. })).await.expect("the copy lives");
    bench.clock.advance(Duration::from_secs(7));
    assert_eq!(bench.rows().await, 3);
    assert!(bench.shown("bay-1").is_some());
    let status = bench.remote.status();
    assert!(status.lag_ms >= 7_000 && status.age_ms >= 7_000 && !status.writable, "{status:?}");
    let Readiness::Waiting(why) = bench.remote.readiness() else { panic!("ready without ingest") };
    assert!(why.contains("away") && why.contains("7 s ago"), "{why}");
    let message = Publish::new(Source::Http, "kerbside/v1/parking/bay-1", Bytes::from_static(b"{}"));
    assert!(matches!(bench.remote.publish(vec![message]).await, Err(IntakeError::Away(_))));
    assert!(bench.remote.uplinks(&sensor("bay-1")).await.is_err());
    // It comes back with what was missed: only that is asked for.
    let mut line = bench.next_follower().await;
    assert_eq!(line.follow.registry, Some(Position::START));
    assert!(line.follow.rows.iter().all(|(_, had)| *had == Position(3)), "{:?}", line.follow);
    let (news, body) = rows(&mut bench.fixture, 4, 5);
    line.say_with(news, &body).await;
    line.seal(5).await;
    bench.reached(5).await;
    assert_eq!(bench.rows().await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_while_ingest_was_away_is_read_from_the_lake() {
    let mut bench = Bench::new().await;
    let mut line = bench.ingest.follower().await;
    let (news, body) = rows(&mut bench.fixture, 1, 3);
    line.say_with(news, &body).await;
    line.seal(3).await;
    bench.reached(3).await;
    drop(line);
    (4..=8).for_each(|n| bench.fixture.parking(n, "bay-1", at("2026-11-24T11:00:00Z"), BayState::Vacant));
    bench.fixture.commit(6).await;
    let mut line = bench.next_follower().await;
    assert_eq!(bench.rows().await, 3, "as of the position that the copy stands at");
    let parking = line.follow.rows.iter().find(|(table, _)| table == "parking_readings").expect("wanted");
    assert_eq!(parking.1, Position(6));
    let (news, body) = rows(&mut bench.fixture, 7, 8);
    line.say_with(news, &body).await;
    line.seal(8).await;
    bench.reached(8).await;
    assert_eq!(bench.rows().await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_journal_is_another_city_s_past() {
    let mut bench = Bench::new().await;
    let mut line = bench.ingest.follower().await;
    line.say(News::Parking(vec![last("bay-1", 3)])).await;
    let (news, body) = rows(&mut bench.fixture, 1, 3);
    line.say_with(news, &body).await;
    line.seal(3).await;
    bench.reached(3).await;
    bench.ingest.journal = JournalId(8);
    drop(line);
    let mut line = bench.next_follower().await;
    assert_eq!(line.follow.registry, None);
    assert!(line.follow.rows.iter().all(|(_, had)| *had == Position::START), "{:?}", line.follow);
    line.say(News::Anew(Whole::Live)).await;
    line.seal(1).await;
    let mut head = bench.remote.copy.head_told();
    head.wait_for(|head| *head == Position(1)).await.expect("the copy lives");
    assert_eq!((bench.rows().await, bench.shown("bay-1")), (0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingest_of_another_city_is_refused_by_name() {
    let bench = Bench::of(CityOptions { zone: "Europe/Berlin".to_owned(), ..CityOptions::default() }).await;
    bench.ingest.greet().await;
    let mut standing = bench.remote.copy.standing();
    let told = |standing: &copy::Standing| standing.obstacle("x").is_some_and(|why| why.contains("Asia/Ho_Chi_Minh"));
    standing.wait_for(told).await.expect("the copy lives");
    assert!(bench.remote.is_known().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_reach_ingest_and_what_they_changed_is_shown_when_they_return() {
    let bench = Bench::new().await;
    let mut line = bench.ingest.follower().await;
    line.seal(1).await;
    bench.reached(1).await;
    let mut standing = bench.remote.copy.standing();
    standing.wait_for(|standing| matches!(standing, copy::Standing::Here)).await.expect("the copy lives");
    let message = Publish::new(Source::Http, "kerbside/v1/parking/bay-1", Bytes::from_static(b"{}"));
    let remote = bench.remote.clone();
    let publishing = tokio::spawn(async move { remote.publish(vec![message.clone(), message]).await });
    let mut call = bench.ingest.call().await;
    assert_eq!(call.publishes(), 2);
    call.answer(Reply::Published(vec![Position(2), Position(3)])).await;
    assert_eq!(publishing.await.expect("no panic"), Ok(vec![Position(2), Position(3)]));
    let remote = bench.remote.clone();
    let name = sensor("bay-1");
    let asking = tokio::spawn(async move { remote.ledger_of(&name).await });
    // On the same connection: it was idle.
    let mut call = call.next().await;
    let counts = Counts { received: 2, accepted: 2, ..Counts::default() };
    let ledger = LedgerView { counts, foreign: 0, erased: 0, head: 3 };
    call.answer(Reply::Ledger(Some(ledger.clone()))).await;
    assert!(!bench.remote.settled(Position(3), Duration::ZERO).await);
    line.seal(3).await;
    assert_eq!(asking.await.expect("no panic"), Ok(Some(ledger)));
    assert!(bench.remote.settled(Position(3), ENOUGH).await);
}
