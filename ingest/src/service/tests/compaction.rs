//! A lake that lives for days, with its files merged by the hour and by the day: no promise is broken, and none is found broken.

use std::time::Duration;

use domain::record::Publish;
use domain::rng::Rng;
use domain::{Clock as _, Timestamp};
use lake::contract::Intake as _;
use lake::table::Table;

use super::bench::{Bench, Running, air_at, parking_at};
use crate::options::Options;

const HOURS: u64 = 60;

struct City {
    rng: Rng,
    sent: Vec<Publish>,
}

impl City {
    /// An hour's messages: new ones, late ones, some with another value under an old identity, some sent before, some that are none.
    fn hour(&mut self, now: Timestamp) -> Vec<Publish> {
        let mut messages = Vec::new();
        for _ in 0..30 {
            // Whole minutes, so that identities meet.
            let late = if self.rng.chance(0.2) { self.rng.below(3 * 1_440) } else { self.rng.below(60) };
            let minute = Timestamp::from_micros(now.as_micros() / 60_000_000 * 60_000_000);
            let at = minute.minus(Duration::from_secs(60 * late));
            let sensor = self.rng.below(4);
            messages.push(match self.rng.below(12) {
                0 => parking_at(&format!("bay-{sensor}"), at, "perhaps"),
                1 => parking_at(&format!("bay-{sensor}"), now.plus(Duration::from_secs(3_000)), "vacant"),
                2..6 => parking_at(&format!("bay-{sensor}"), at, ["vacant", "occupied"][self.rng.below(2) as usize]),
                _ => {
                    let quantity = ["no2", "o3", "pm25"][self.rng.below(3) as usize];
                    air_at(&format!("air-{sensor}"), at, &format!(r#""{quantity}":{},"pm10":1"#, self.rng.below(3)))
                }
            });
            if !self.sent.is_empty() && self.rng.chance(0.2) {
                let again = self.rng.below(self.sent.len() as u64) as usize;
                messages.push(self.sent[again].clone());
            }
        }
        self.sent.extend_from_slice(&messages);
        messages
    }

    fn edit(&mut self) -> String {
        let (site, name) = (self.rng.below(3), self.rng.below(100));
        format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","geometry":{{"type":"Point","coordinates":[105.8,21.0]}},
"properties":{{"kind":"site","id":"lot-{site}","site_kind":"lot","capacity":10,"name":"{name}"}}}}]}}"#
        )
    }
}

fn files(ingest: &Running, table: Table) -> usize {
    ingest.handle.lake().snapshot(table).files.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_of_readings_edits_and_letters_keep_every_promise_through_compaction_and_kills() {
    let mut bench = Bench::new(Options { commit_rows: 20, checkpoint_records: 200, ..Options::default() });
    let mut city = City { rng: Rng::from_seed(11), sent: Vec::new() };
    let mut ingest = bench.start().await;
    let mut most = 0;
    for hour in 1..=HOURS {
        let positions = ingest.publish(city.hour(bench.clock.now())).await;
        ingest.handle.edit_registry("anna", city.edit().into(), false).await.expect("taken");
        let any = positions[city.rng.below(positions.len() as u64) as usize];
        // It may be no letter at all, or stand resolved.
        let _ = ingest.handle.reprocess(any, 0).await;
        most = most.max(files(&ingest, Table::AirReadings));
        bench.move_clock(Duration::from_secs(3_600));
        bench.tend().await;
        if hour % 5 == 0 {
            let ledger = ingest.ledger();
            if city.rng.chance(0.5) {
                ingest.kill().await
            } else {
                ingest.stop().await
            }
            assert_eq!(bench.broken_promises().await, Vec::<String>::new(), "hour {hour}");
            ingest = bench.start().await;
            assert!(ingest.ledger().received >= ledger.received);
        }
    }
    ingest.stop().await;
    let ingest = bench.start().await;
    bench.move_clock(Duration::from_secs(40 * 3_600));
    bench.tend().await;
    let settled = files(&ingest, Table::AirReadings);
    assert!(settled <= 8 && settled < most, "{settled} files, once {most}: days are one file each");
    let snapshot = ingest.handle.lake().snapshot(Table::DeadLetters);
    let rejected = ingest.ledger().rejected_total();
    assert!(rejected > 50 && snapshot.files.iter().map(|file| file.rows).sum::<u64>() >= rejected);
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}
