//! What the journal costs: 200-byte records appended and awaited by several tasks, and a recovery of a million records.
//!
//! `cargo bench -p kerbside-journal`. Prints beside it the plain write and fdatasync of 4 kB on the same disk, since group commit can be
//! judged only against that.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures the machine and prints")]

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use domain::time::SystemClock;
use domain::{Clock, JournalId, Position};
use journal::{Journal, Options};

const TASKS: usize = 50;
const WINDOW: usize = 100;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

/// Appends by `TASKS` tasks, each with a window of unacknowledged records; every record's way to durable is timed.
async fn load(journal: &Journal, records: usize) -> Vec<Duration> {
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        let journal = journal.clone();
        tasks.push(tokio::spawn(async move {
            let body = [0x55; 200];
            let mut open = std::collections::VecDeque::with_capacity(WINDOW);
            let mut times = Vec::with_capacity(records / TASKS);
            for _ in 0..records / TASKS {
                if open.len() == WINDOW {
                    let (append, since): (journal::Append, Instant) = open.pop_front().expect("a full window");
                    append.await.expect("the disk writes");
                    times.push(since.elapsed());
                }
                open.push_back((journal.append(1, &body), Instant::now()));
            }
            for (append, since) in open {
                append.await.expect("the disk writes");
                times.push(since.elapsed());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("ends"));
    }
    times
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.99))
}

fn fdatasync(dir: &std::path::Path) -> Vec<Duration> {
    let file = std::fs::File::create(dir.join("plain")).expect("a file");
    let block = [0x55; 4096];
    (0..200_u64)
        .map(|number| {
            let started = Instant::now();
            file.write_all_at(&block, number * 4096).expect("writes");
            file.sync_data().expect("syncs");
            started.elapsed()
        })
        .collect()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let dir = tempfile::tempdir_in(".").expect("a directory on the disk to measure");
    println!("plain 4 kB write and fdatasync: {}", percentiles(fdatasync(dir.path())));
    let options = Options { dir: dir.path().join("journal"), ..Options::default() };
    let (journal, _) = Journal::open(options.clone(), clock(), JournalId(1)).expect("opens");
    for records in [50_000, 1_000_000] {
        let started = Instant::now();
        let times = runtime.block_on(load(&journal, records));
        let rate = records as f64 / started.elapsed().as_secs_f64();
        println!(
            "{TASKS} tasks, window {WINDOW}, {records} records of 200 B: {rate:.0}/s durable, append to durable {}",
            percentiles(times)
        );
    }
    let started = Instant::now();
    let records = runtime.block_on(async {
        let mut tail = journal.tail(Position::START).expect("from the start");
        let mut records = 0;
        while tail.after() < journal.head() {
            records += tail.next(8_192, 8 * 1024 * 1024).await.expect("reads").len();
        }
        records
    });
    println!("tail from the start: {records} records in {:.2?}", started.elapsed());
    runtime.block_on(journal.close()).expect("closes");

    let mut criterion =
        Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3)).without_plots().configure_from_args();
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(20_000));
    let options = Options { dir: dir.path().join("group"), ..Options::default() };
    let (journal, _) = Journal::open(options, clock(), JournalId(2)).expect("opens");
    group.bench_function("append 20,000 of 200 B, durable", |bencher| bencher.iter(|| runtime.block_on(load(&journal, 20_000))));
    group.finish();
    runtime.block_on(journal.close()).expect("closes");

    let options = Options { dir: dir.path().join("million"), segment_bytes: u64::MAX, ..Options::default() };
    let (journal, _) = Journal::open(options.clone(), clock(), JournalId(3)).expect("opens");
    runtime.block_on(load(&journal, 1_000_000));
    runtime.block_on(journal.close()).expect("closes");
    let started = Instant::now();
    let (_journal, recovery) = Journal::open(options, clock(), JournalId(3)).expect("opens");
    println!("recovery: {} records scanned in {:.2?}", recovery.records_scanned, started.elapsed());
}
