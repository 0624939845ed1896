//! An erasure between two starts: what goes, what stays, and that nothing brings it back.

use std::sync::Arc;

use domain::limits::ERASED_PERIODS_MAX;
use domain::record::{Erase, Record};
use domain::registry::CityOptions;
use domain::{Clock, Erasure, Reason, SensorId};
use lake::Lake;
use lake::contract::{Intake as _, Live as _};
use lake::table::Table;

use super::bench::{Bench, ONE_BAY, Running, air, counts, parking, second};
use crate::erase::{Eraser, Found, reaches};
use crate::error::Error;
use crate::options::Options;
use crate::service::Deps;

fn erasure(from: i64, to: i64) -> Erasure {
    Erasure { sensor: SensorId::new("bay-1").expect("valid"), from: second(from), to: second(to) }
}

async fn eraser(bench: &Bench) -> (journal::Journal, Eraser) {
    bench.released().await;
    let dir = bench.dir.path();
    let clock: Arc<dyn Clock> = bench.clock.clone();
    let journal = bench.journal().await;
    let url = dir.join("lake").display().to_string();
    let lake = Lake::open(lake::Options::at(url), clock.clone()).await.expect("opens");
    let (city, data_dir) = (CityOptions::default(), dir.to_owned());
    let deps = Deps { journal: journal.clone(), lake, clock, city, data_dir, floors: Vec::new() };
    let eraser = Eraser::open(bench.options.clone(), deps).await.expect("everything was taken");
    (journal, eraser)
}

/// How far an erasure comes before it dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    Survey,
    Record,
    Lake,
    Journal,
}

async fn erase(bench: &Bench, erasure: &Erasure, until: Until) -> Found {
    let (journal, mut eraser) = eraser(bench).await;
    let found = eraser.survey(erasure).await.expect("readable");
    if until != Until::Survey {
        eraser.record(erasure, &found).await.expect("writable");
    }
    if matches!(until, Until::Lake | Until::Journal) {
        eraser.erase(erasure, &found).await.expect("writable");
    }
    drop(eraser);
    journal.close().await.expect("closes");
    if until == Until::Journal {
        let dir = bench.dir.path().join("journal");
        journal::erase::erase(&dir, domain::record::kind::ERASED, |entry| reaches(erasure, entry)).expect("writable");
    }
    found
}

/// Accepted, repeated, conflicting, malformed and held, of the sensor and of another.
async fn filled() -> Bench {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let day = 86_400;
    let both = |name: &str| {
        vec![
            parking(name, 10, "vacant"),
            parking(name, 20, "occupied"),
            parking(name, 2 * day, "vacant"),
            parking(name, 20, "vacant"),
            air(name, 20, r#""no2":4.5"#),
            parking(name, 20_000 * day, "vacant"),
        ]
    };
    ingest.publish([both("bay-1"), both("bay-2")].concat()).await;
    ingest.stop().await;
    bench
}

async fn readings(ingest: &Running, table: Table) -> u64 {
    ingest.rows(table).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_the_period_goes_and_the_rest_stays_wherever_the_first_try_died() {
    for died in [None, Some(Until::Survey), Some(Until::Record), Some(Until::Lake), Some(Until::Journal)] {
        let mut bench = filled().await;
        let erasure = erasure(15, 86_400);
        if let Some(until) = died {
            erase(&bench, &erasure, until).await;
            assert_eq!(bench.broken_promises().await, Vec::<String>::new(), "{died:?}");
        }
        erase(&bench, &erasure, Until::Journal).await;
        let (report, of_lake) = bench.verified().await;
        assert!(report.exact && report.findings.is_empty() && of_lake.is_empty(), "{died:?} {report:?} {of_lake:?}");
        assert_eq!((report.erased, report.unfinished.len()), ((2, 1), 0), "{died:?}");
        let again = erase(&bench, &erasure, Until::Journal).await;
        assert_eq!((again.readings(), again.letters()), (0, 0), "{died:?}");

        let ingest = bench.start().await;
        assert_eq!(readings(&ingest, Table::ParkingReadings).await, 5, "{died:?}");
        assert_eq!(readings(&ingest, Table::AirReadings).await, 1);
        assert_eq!(ingest.ledger(), counts(12, 8, 0, &[(Reason::Conflict, 2), (Reason::Future, 2)]), "counts stay");
        assert_eq!(ingest.handle.ledger().erased, 2);
        ingest.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_that_died_before_the_rows_went_is_told_and_is_no_broken_promise() {
    let bench = filled().await;
    erase(&bench, &erasure(15, 86_400), Until::Record).await;
    let (report, _) = bench.verified().await;
    assert!(report.exact && report.findings.is_empty(), "{report:?}");
    let left = report.unfinished.first().expect("one sensor");
    assert_eq!((left.sensor.as_str(), left.readings, left.letters), ("bay-1", 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_of_an_erased_period_is_refused_and_none_of_its_bytes_are_kept() {
    let mut bench = filled().await;
    erase(&bench, &erasure(15, 86_400), Until::Journal).await;
    for starts in 0..2 {
        let ingest = bench.start().await;
        let before = ingest.ledger();
        let (outside, inside) = (parking("bay-1", 10, "vacant"), parking("bay-1", 20, "occupied"));
        let erased = inside.payload.clone();
        ingest.publish(vec![inside, outside, parking("bay-1", 86_400, "occupied")]).await;
        let uplinks = ingest.handle.uplinks(&erasure(0, 1).sensor).await.expect("at hand");
        assert!(uplinks.len() >= 3 && uplinks.iter().all(|uplink| uplink.payload.as_ref() != Some(&erased)), "shown to nobody");
        assert!(uplinks.iter().any(|uplink| uplink.payload.is_none()), "and told to be withheld");
        let after = ingest.ledger();
        let expired = Reason::Expired as usize;
        assert_eq!(after.rejected[expired], before.rejected[expired] + 1);
        assert_eq!(after.duplicate, before.duplicate + 1 + starts, "what is outside of it is known as before");
        assert_eq!(after.accepted, before.accepted + 1 - starts);
        ingest.stop().await;
    }
    let (report, of_lake) = bench.verified().await;
    assert!(report.exact && report.findings.is_empty() && of_lake.is_empty(), "{report:?} {of_lake:?}");
    let (journal, eraser) = eraser(&bench).await;
    let found = eraser.survey(&erasure(15, 86_400)).await.expect("readable");
    assert_eq!((found.readings(), found.letters()), (0, 0), "a letter without bytes speaks of nothing");
    drop(eraser);
    journal.close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_that_was_erased_still_tells_what_is_late() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 10, "vacant"), parking("bay-1", 30, "occupied")]).await;
    ingest.stop().await;
    erase(&bench, &erasure(20, 40), Until::Journal).await;
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 5, "vacant"), parking("bay-1", 10, "vacant"), parking("bay-1", 40, "vacant")]).await;
    assert_eq!(ingest.ledger(), counts(5, 4, 1, &[]));
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bay_whose_last_reading_was_erased_shows_nothing_until_the_next_one() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    ingest.handle.edit_registry("anna", ONE_BAY.into(), false).await.expect("taken");
    ingest.publish(vec![parking("bay-1", 10, "vacant"), parking("bay-1", 30, "occupied")]).await;
    ingest.stop().await;
    erase(&bench, &erasure(20, 40), Until::Journal).await;
    let ingest = bench.start().await;
    let shown = |ingest: &Running| {
        let mut shown = 0;
        ingest.handle.with_state(&mut |live, _| shown = live.parking.len());
        shown
    };
    assert_eq!(shown(&ingest), 0);
    assert!(ingest.handle.sensors(None, 10)[0].heard.last.is_none());
    ingest.publish(vec![parking("bay-1", 50, "vacant")]).await;
    assert_eq!(shown(&ingest), 1);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_reading_of_an_erased_period_is_not_waited_for_any_more() {
    let mut bench = filled().await;
    let ingest = bench.start().await;
    assert_eq!(ingest.handle.status().held, 2);
    ingest.stop().await;
    // It came now, and speaks of a day that is far.
    let now = bench.clock.now();
    let far = Erasure { from: second(86_400), to: now, ..erasure(0, 0) };
    erase(&bench, &far, Until::Journal).await;
    let ingest = bench.start().await;
    assert_eq!(ingest.handle.status().held, 1);
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

async fn append(bench: &Bench, erases: impl IntoIterator<Item = Erase>) {
    bench.released().await;
    let journal = bench.journal().await;
    for erase in erases {
        let (kind, body) = Record::Erase(erase).encode();
        journal.append(kind, &body).await.expect("durable");
    }
    journal.close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_try_that_died_left_held_is_released_by_the_next() {
    let mut bench = filled().await;
    let far = Erasure { from: second(86_400), to: bench.clock.now(), ..erasure(0, 0) };
    let found = erase(&bench, &far, Until::Survey).await;
    // The first of several records: it counts everything off, and the letters that are held stand in the others.
    let first = Erase { of: far.clone(), readings: found.readings(), letters: found.letters(), held: Vec::new() };
    append(&bench, [first]).await;
    for held in [2, 1] {
        let ingest = bench.start().await;
        assert_eq!(ingest.handle.status().held, held);
        ingest.stop().await;
        erase(&bench, &far, Until::Journal).await;
    }
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sensor_with_as_many_erased_periods_as_may_be_can_have_them_in_a_longer_one() {
    let mut bench = Bench::new(Options::default());
    let periods = (0..ERASED_PERIODS_MAX as i64).map(|n| erasure(10 * n, 10 * n + 5));
    append(&bench, periods.map(|of| Erase { of, readings: 0, letters: 0, held: Vec::new() })).await;
    bench.start().await.stop().await;
    let (journal, mut eraser) = eraser(&bench).await;
    let beside = erasure(-20, -10);
    let found = eraser.survey(&beside).await.expect("readable");
    assert!(matches!(eraser.record(&beside, &found).await, Err(Error::TooManyPeriods(_))));
    let longer = erasure(-20, 25);
    let found = eraser.survey(&longer).await.expect("readable");
    eraser.record(&longer, &found).await.expect("it takes the place of three");
    let found = eraser.survey(&beside).await.expect("readable");
    eraser.record(&beside, &found).await.expect("it is recorded already");
    drop(eraser);
    journal.close().await.expect("closes");
}
