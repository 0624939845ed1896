//! A disk that fills: warned of, survived, and gone on from without anybody's help. Skipped, with a line that says so, where a test may not mount.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tests::disk::SmallDisk;
use tests::publisher::{Message, parking, publish_all};
use tests::until::until;
use tests::{Api, Publisher, Server};

const DISK_BYTES: u64 = 96 * 1024 * 1024;
const START_MS: i64 = 1_785_000_000_000;
const SOON: Duration = Duration::from_secs(20);
const LATER: Duration = Duration::from_secs(60);

fn message(n: i64) -> Message {
    parking(&format!("bay-{}", n % 50), START_MS + n * 500, if n % 2 == 0 { "occupied" } else { "vacant" })
}

/// Publishes until the server takes no more; the acknowledged ones.
fn publish_until_refused(server: &Server, from: &mut i64) -> BTreeSet<i64> {
    let mut acknowledged = BTreeSet::new();
    until(LATER, || {
        let numbers: Vec<i64> = (*from..*from + 20_000).collect();
        *from += 20_000;
        let messages: Vec<_> = numbers.iter().map(|n| message(*n)).collect();
        let places = publish_all(server.mqtt(), &messages, 4, "load");
        let all = places.len() == numbers.len();
        acknowledged.extend(places.into_iter().map(|place| numbers[place]));
        (!all).then_some(())
    });
    acknowledged
}

fn is_ready(api: &Api) -> Option<bool> {
    Some(api.ask("/readyz").ok()?.status == 200)
}

fn metric(api: &Api, name: &str) -> Option<f64> {
    let metrics = api.ask("/metrics").ok()?.body;
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[test]
fn a_full_disk_loses_nothing_stays_manageable_and_is_gone_on_from() -> anyhow::Result<()> {
    let Some(disk) = SmallDisk::mount(DISK_BYTES)? else { return Ok(()) };
    let flags = ["--set", "ingest.commit_s=1", "--set", "journal.segment_bytes=4194304"];
    let mut server = Server::stopped("serve", &flags)?.with_data_dir(disk.data_dir());
    server.restart()?;
    let api = server.api();
    for percent in [19, 9, 4] {
        disk.fill_but(DISK_BYTES * percent / 100)?;
        let line = format!("less than {} % of the disk are free", percent + 1);
        assert!(until(SOON, || server.stderr().contains(&line).then_some(())).is_some(), "{line}: {}", server.stderr());
    }
    assert_eq!(is_ready(&api), Some(true), "it is warned of, and goes on");

    let mut from = 0;
    let mut acknowledged = publish_until_refused(&server, &mut from);
    assert!(!acknowledged.is_empty());
    let is_told =
        || api.ask("/readyz").ok().filter(|answer| answer.status == 503 && answer.body.contains("disk is full")).map(drop);
    assert!(until(SOON, is_told).is_some(), "{}", server.stderr());
    assert_eq!(metric(&api, "kerbside_disk_full"), Some(1.0));
    assert!(server.stderr().contains("readings are refused"), "{}", server.stderr());

    // Not one byte more is left for readings, and an operator gets on.
    assert_eq!(Publisher::new(server.mqtt(), "late").publish(&[message(from)]).len(), 0);
    let posted = api.post("/v1/ingest/parking/bay-1", "application/json", &message(from).1)?;
    assert_eq!(posted.status, 503, "{}", posted.body);
    let site = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]},
        "properties": {"kind": "site", "id": "full"}});
    let body = json!({"type": "FeatureCollection", "features": [site]}).to_string();
    // The journal may still have to find out that the reserve was given up: it tries each second.
    let edit = || api.post("/v1/registry", "application/geo+json", body.as_bytes()).ok().filter(|edited| edited.status == 200);
    assert!(until(SOON, edit).is_some(), "{}", server.stderr());
    let key = server.run(&["key", "add", "operator", "--scope", "admin"])?;
    assert!(key.status.success(), "{key:?}");

    // Now somebody else takes the last byte: reads are served, and nothing falls over.
    disk.fill_but(0)?;
    assert!(!api.readings("bay-1")?.is_empty());
    assert!(api.ledger()?.adds_up());
    assert!(server.run(&["key", "list"])?.status.success());

    disk.empty()?;
    assert!(until(LATER, || is_ready(&api).filter(|ready| *ready)).is_some(), "{}", server.stderr());
    from += 1;
    let numbers: Vec<i64> = (from..from + 1_000).collect();
    let messages: Vec<_> = numbers.iter().map(|n| message(*n)).collect();
    let places = publish_all(server.mqtt(), &messages, 2, "again");
    assert_eq!(places.len(), numbers.len(), "it goes on by itself: {}", server.stderr());
    acknowledged.extend(numbers);
    let wanted = acknowledged.len() as u64;
    assert!(until(LATER, || api.ledger().ok().filter(|ledger| ledger.accepted >= wanted)).is_some());
    let found = found(&api)?;
    assert_eq!(acknowledged.difference(&found).count(), 0, "acknowledged and lost");
    assert_eq!(api.ledger()?.accepted, found.len() as u64);
    assert!(server.stop()?.success(), "{}", server.stderr());
    let verified = server.run(&["verify"])?;
    assert!(verified.status.success(), "{verified:?}");
    Ok(())
}

fn found(api: &Api) -> anyhow::Result<BTreeSet<i64>> {
    let mut found = BTreeSet::new();
    for n in 0..50 {
        for item in api.readings(&format!("bay-{n}"))? {
            let at = domain::Timestamp::parse_rfc3339(item["observed_at"].as_str().unwrap_or_default())?;
            assert!(found.insert((at.as_micros() / 1_000 - START_MS) / 500), "doubled: {item}");
        }
    }
    Ok(found)
}

#[test]
fn a_data_dir_that_cannot_be_written_is_one_clear_sentence() -> anyhow::Result<()> {
    let Some(disk) = SmallDisk::mount(DISK_BYTES)? else { return Ok(()) };
    let mut server = Server::stopped("serve", &[])?.with_data_dir(disk.data_dir());
    server.restart()?;
    assert!(server.stop()?.success());
    disk.make_read_only()?;
    let refused = server.run(&["serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])?;
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    let told = refused.stderr.lines().last().unwrap_or_default();
    assert!(told.contains("Read-only") && told.contains(&*disk.data_dir().to_string_lossy()), "{}", refused.stderr);
    Ok(())
}
