//! Figures of the lake, measured by hand.
use domain::kind::air::Air;
use domain::kind::parking::{BayState, Parking, ParkingValue};
use domain::reading::Transport;
use domain::time::{MICROS_PER_SECOND, SystemClock};
use domain::{Clock, Flags, JournalId, Position, Quantity, SensorId, Timestamp, rng::Rng};
use lake::rows::{AirRows, ParkingRows};
use lake::table::Table;
use lake::{Lake, Options};
use std::sync::Arc;
use std::time::Instant;

#[tokio::main]
async fn main() {
    let mode = std::env::args().nth(1).expect("mode");
    let at = std::env::args().nth(2).expect("folder");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(|d| Box::pin(tokio::time::sleep(d))));
    let started = Instant::now();
    let lake = Lake::open(Options::at(at), clock.clone()).await.expect("opens");
    println!("open {:?}", started.elapsed());
    match mode.as_str() {
        "rows" => rows(&lake).await,
        "commits" => commits(&lake).await,
        "days" => days(&lake).await,
        "small" => small(&lake).await,
        other => panic!("{other}"),
    }
}

fn sensor(n: u64) -> SensorId {
    SensorId::new(&format!("bay-{n:05}")).expect("valid")
}

async fn small(lake: &Lake) {
    let now = Timestamp::parse_rfc3339("2026-11-20T00:00:00Z").expect("valid");
    for n in 0..3_u64 {
        let mut rows = ParkingRows::default();
        let mut airs = AirRows::default();
        for s in 0..10 {
            let t = Timestamp::from_micros(now.as_micros() + (n * 40_000 + s) as i64 * MICROS_PER_SECOND);
            rows.push(
                &sensor(s),
                t,
                t,
                &Parking { value: ParkingValue::Bay(BayState::ALL[(s % 3) as usize]), temp_c: Some(20.5) },
                &Transport::default(),
                Flags::NONE,
                Position(n * 10 + s + 1),
            );
            let mut air = Air::default();
            air.values.set(Quantity::Pm25, 12.5 + s as f64);
            air.values.set(Quantity::No2, 37.62);
            air.as_sent.set(Quantity::No2, domain::kind::air::AsSent { value: 20.0, unit: domain::unit::Unit::PartsPerBillion });
            air.qc.set(Quantity::Pm25, domain::kind::air::Qc::Valid);
            airs.push(
                &SensorId::new(&format!("st-{s}")).expect("valid"),
                t,
                t,
                &air,
                &Transport::default(),
                Flags::NONE,
                Position(n * 10 + s + 1),
            );
        }
        lake.commit(Table::ParkingReadings, JournalId(1), Position(n * 10 + 10), vec![rows.finish()]).await.expect("commits");
        lake.commit(Table::AirReadings, JournalId(1), Position(n * 10 + 10), vec![airs.finish()]).await.expect("commits");
    }
    let later = Timestamp::from_micros(now.as_micros() + 400 * 86_400 * MICROS_PER_SECOND);
    println!("{:?}", lake.compact_due(later, Position(15)).await.expect("compacts"));
    lake.checkpoint_logs(later).await.expect("checkpoints");
}

async fn rows(lake: &Lake) {
    let day = Timestamp::parse_rfc3339("2026-11-20T00:00:00Z").expect("valid").as_micros();
    let mut rng = Rng::from_seed(1);
    // 20,000 bays, an event every 12 minutes or so, in 24 commits of an hour each.
    let (mut rows, mut position) = (ParkingRows::default(), 0_u64);
    let mut states = vec![false; 20_000];
    let mut seqs = vec![0_u32; 20_000];
    for hour in 0..24_i64 {
        let started = Instant::now();
        for minute in 0..60_i64 {
            for _ in 0..1_667 {
                let bay = rng.below(20_000) as usize;
                states[bay] = !states[bay];
                seqs[bay] += 1;
                position += 1;
                let t = Timestamp::from_micros(
                    day + (hour * 3_600 + minute * 60) * MICROS_PER_SECOND + rng.below(60_000) as i64 * 1_000,
                );
                let transport = Transport {
                    seq: Some(seqs[bay]),
                    battery_mv: Some(3_600 - (hour / 6) as i32),
                    battery_pct: None,
                    rssi_dbm: Some(-90.0 - rng.below(20) as f64),
                    snr_db: Some(5.0 + rng.below(5) as f64),
                    gateway: Some("gw-1".into()),
                };
                let value = ParkingValue::Bay(if states[bay] { BayState::Occupied } else { BayState::Vacant });
                rows.push(
                    &sensor(bay as u64),
                    t,
                    t.plus(std::time::Duration::from_millis(300 + rng.below(500))),
                    &Parking { value, temp_c: Some(20.0 + rng.below(30) as f64 / 2.0) },
                    &transport,
                    Flags::NONE,
                    Position(position),
                );
            }
        }
        let count = rows.len();
        let built = started.elapsed();
        let batch = rows.finish();
        let started = Instant::now();
        lake.commit(Table::ParkingReadings, JournalId(1), Position(position), vec![batch]).await.expect("commits");
        if hour < 2 {
            println!("{count} rows built in {built:?}, committed in {:?}", started.elapsed());
        }
    }
    let mut rows = AirRows::default();
    for station in 0..1_000_u64 {
        let mut levels = [30.0_f64; 8];
        for minute in 0..1_440_i64 {
            position += 1;
            let mut air = Air { avg_s: 60, ..Air::default() };
            for (level, quantity) in levels.iter_mut().zip(Quantity::all()) {
                *level = (*level + rng.normal(0.0, 0.5)).max(0.0);
                air.values.set(quantity, (*level * 10.0).round() / 10.0);
            }
            let t = Timestamp::from_micros(day + minute * 60 * MICROS_PER_SECOND);
            rows.push(
                &SensorId::new(&format!("station-{station:04}")).expect("valid"),
                t,
                t.plus(std::time::Duration::from_millis(rng.below(2_000))),
                &air,
                &Transport { seq: Some(minute as u32), ..Transport::default() },
                Flags::NONE,
                Position(position),
            );
        }
        if station % 100 == 99 {
            lake.commit(Table::AirReadings, JournalId(1), Position(position), vec![rows.finish()]).await.expect("commits");
        }
    }
    for table in [Table::ParkingReadings, Table::AirReadings] {
        size(lake, table, "flushed");
    }
    let later = Timestamp::from_micros(day + 400 * 86_400 * MICROS_PER_SECOND);
    let started = Instant::now();
    println!("{:?} in {:?}", lake.compact_due(later, Position(position)).await.expect("compacts"), started.elapsed());
    for table in [Table::ParkingReadings, Table::AirReadings] {
        size(lake, table, "compacted");
    }
    let d = Timestamp::from_micros(day).utc_day();
    for _ in 0..2 {
        for wanted in [1_u64, 10, 100] {
            let keys = (0..wanted).map(|n| (sensor(n * 197 % 20_000), d)).collect::<Vec<_>>();
            let started = Instant::now();
            let found = lake.keys(Table::ParkingReadings, &keys).await.expect("readable");
            println!("keys of {wanted}: {} rows in {:?}", found.iter().map(|b| b.num_rows()).sum::<usize>(), started.elapsed());
        }
    }
    let started = Instant::now();
    let found = lake.verify(&[(JournalId(1), Position(position))]).await.expect("verifies");
    println!(
        "verify: {} findings, {:?} rows in {:?}",
        found.findings.len(),
        found.counts.iter().map(|c| c.rows).collect::<Vec<_>>(),
        started.elapsed()
    );
}

fn size(lake: &Lake, table: Table, what: &str) {
    let snapshot = lake.snapshot(table);
    let (bytes, rows) = snapshot.files.iter().fold((0, 0), |(b, r), f| (b + f.bytes, r + f.rows));
    println!(
        "{} {what}: {} files, {rows} rows, {bytes} bytes, {:.2} bytes a row",
        table.name(),
        snapshot.files.len(),
        bytes as f64 / rows as f64
    );
}

async fn commits(lake: &Lake) {
    let day = Timestamp::parse_rfc3339("2026-11-20T00:00:00Z").expect("valid").as_micros();
    let mut times = Vec::new();
    for n in 1..=1_000_u64 {
        let mut rows = ParkingRows::default();
        for s in 0..100 {
            let t = Timestamp::from_micros(day + n as i64 * 15 * MICROS_PER_SECOND);
            rows.push(
                &sensor(s),
                t,
                t,
                &Parking { value: ParkingValue::Bay(BayState::Vacant), temp_c: None },
                &Transport::default(),
                Flags::NONE,
                Position(n),
            );
        }
        let started = Instant::now();
        lake.commit(Table::ParkingReadings, JournalId(1), Position(n), vec![rows.finish()]).await.expect("commits");
        times.push(started.elapsed());
        if [100, 500, 1_000].contains(&n) {
            let mut last = times[times.len() - 50..].to_vec();
            last.sort();
            println!("{n} files: commit of 100 rows p50 {:?} max {:?}", last[25], last[49]);
        }
    }
    let started = Instant::now();
    lake.checkpoint_logs(Timestamp::from_micros(day)).await.expect("checkpoints");
    println!("checkpoint {:?}", started.elapsed());
}

async fn days(lake: &Lake) {
    let start = Timestamp::parse_rfc3339("2017-01-01T00:00:00Z").expect("valid").as_micros();
    let mut rows = AirRows::default();
    for d in 0..1_500_i64 {
        for h in 0..24_i64 {
            let mut air = Air { avg_s: 3_600, ..Air::default() };
            air.values.set(Quantity::Pm25, (d % 50) as f64);
            let t = Timestamp::from_micros(start + (d * 24 + h) * 3_600 * MICROS_PER_SECOND);
            rows.push(&SensorId::new("hanoi").expect("valid"), t, t, &air, &Transport::default(), Flags::NONE, Position(1));
        }
    }
    let started = Instant::now();
    lake.commit(Table::AirReadings, JournalId(1), Position(1), vec![rows.finish()]).await.expect("commits");
    println!("1,500 days of 24 rows in one commit: {:?}", started.elapsed());
    size(lake, Table::AirReadings, "flushed");
}
