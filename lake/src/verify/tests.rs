//! Damage is found and named.

use super::*;
use crate::fixture::{Fixture, JOURNAL, air, letter, parking};
use domain::Quantity;

const PARKING: Table = Table::ParkingReadings;

async fn kinds(lake: &Fixture, head: u64) -> Vec<(FindingKind, &'static str)> {
    let verification = lake.lake.verify(&[(JOURNAL, Position(head))]).await.expect("the log is readable");
    verification.findings.into_iter().map(|finding| (finding.kind, finding.table)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_lake_has_no_findings_and_counts_by_sensor() {
    let lake = Fixture::new().await;
    lake.commit_parking(
        3,
        parking(1, &[("a", "2026-11-24T10:00:00Z"), ("b", "2026-11-24T10:00:00Z"), ("a", "2026-11-23T10:00:00Z")]),
    )
    .await;
    for (upto, row) in [(1, letter(1, None)), (2, letter(2, None)), (3, letter(1, Some(3)))] {
        lake.lake.commit(Table::DeadLetters, JOURNAL, Position(upto), vec![row]).await.expect("commits");
    }
    let found = lake.lake.verify(&[(JOURNAL, Position(3))]).await.expect("the log is readable");
    assert_eq!(found.findings, []);
    let count = found.count(PARKING).expect("counted");
    assert_eq!((count.rows, count.files, count.by_sensor["a"]), (3, 2, 2));
    let letters = found.count(Table::DeadLetters).expect("counted");
    assert_eq!((letters.rows, letters.standing[&("x".to_owned(), "future".to_owned())]), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_stands_twice_is_found_across_files() {
    let lake = Fixture::new().await;
    lake.commit_parking(1, parking(1, &[("a", "2026-11-24T10:00:00Z")])).await;
    lake.commit_parking(2, parking(2, &[("a", "2026-11-24T10:00:00Z")])).await;
    assert_eq!(kinds(&lake, 9).await, [(FindingKind::IdentityTwice, PARKING.name())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disjoint_quantities_of_one_instant_are_two_identities() {
    let lake = Fixture::new().await;
    let table = Table::AirReadings;
    for (n, values) in [[(Quantity::Pm25, 1.0)], [(Quantity::O3, 1.0)]].into_iter().enumerate() {
        let position = n as u64 + 1;
        let rows = vec![air(position, "st", "2026-11-24T10:00:00Z", &values)];
        lake.lake.commit(table, JOURNAL, Position(position), rows).await.expect("commits");
    }
    assert_eq!(kinds(&lake, 9).await, []);
    let rows = vec![air(3, "st", "2026-11-24T10:00:00Z", &[(Quantity::O3, 1.0)])];
    lake.lake.commit(table, JOURNAL, Position(3), rows).await.expect("commits");
    assert_eq!(kinds(&lake, 9).await, [(FindingKind::IdentityTwice, table.name())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_beyond_the_journal_is_found() {
    let lake = Fixture::new().await;
    lake.commit_parking(5, parking(5, &[("a", "2026-11-24T10:00:00Z")])).await;
    let expected = [FindingKind::TransactionBeyondJournal, FindingKind::OffsetBeyondJournal].map(|kind| (kind, PARKING.name()));
    assert_eq!(kinds(&lake, 4).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_files_are_told_and_do_not_silence_the_rest() {
    let lake = Fixture::new().await;
    for n in 1..=5 {
        lake.commit_parking(n, parking(n, &[("a", &format!("2026-11-24T10:0{n}:00Z"))])).await;
    }
    lake.commit_parking(6, parking(6, &[("a", "2026-11-24T10:05:00Z")])).await;
    let files = lake.lake.snapshot(PARKING).files.clone();
    let path = |n: usize| lake.disk(PARKING).join(&files[n].path);
    std::fs::remove_file(path(0)).expect("there");
    let mut cut = std::fs::read(path(1)).expect("there");
    cut.truncate(cut.len() - 9);
    std::fs::write(path(1), cut).expect("writable");
    let mut footer = std::fs::read(path(2)).expect("there");
    let length = footer.len();
    footer[length - 40..length - 8].fill(0xff);
    std::fs::write(path(2), footer).expect("writable");
    let mut page = std::fs::read(path(3)).expect("there");
    page[4..200].fill(0xff);
    std::fs::write(path(3), page).expect("writable");
    let mut kinds = kinds(&lake, 9).await.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    kinds.sort();
    let damaged = FindingKind::FileDamaged;
    assert_eq!(kinds, [FindingKind::FileMissing, damaged, damaged, damaged, FindingKind::IdentityTwice]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_flips_anywhere_in_a_file_is_found_whether_it_decodes_or_not() {
    let mut lake = Fixture::with(|options| options.checkpoint_commits = 1).await;
    for n in 1..=3 {
        let rows = ["a", "b", "c"].map(|bay| (bay, format!("2026-11-23T10:0{n}:00Z")));
        lake.commit_parking(n * 3, parking(n * 3 - 2, &rows.each_ref().map(|(bay, time)| (*bay, time.as_str())))).await;
    }
    lake.clock.set(crate::fixture::at("2026-11-24T14:00:00Z"));
    lake.lake.compact_due(lake.clock_now(), Position(0)).await.expect("compacts");
    lake.commit_parking(10, parking(10, &[("d", "2026-11-24T13:00:00Z")])).await;
    // What a checkpoint carries, not what this process remembers.
    lake.lake.checkpoint_logs(lake.clock_now()).await.expect("writes");
    lake.reopen().await;
    assert_eq!(kinds(&lake, 10).await, []);
    for file in &lake.lake.snapshot(PARKING).files {
        let path = lake.disk(PARKING).join(&file.path);
        let whole = std::fs::read(&path).expect("there");
        for byte in (0..whole.len()).step_by(whole.len() / 23) {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << (byte % 8);
            std::fs::write(&path, &flipped).expect("writable");
            assert_eq!(kinds(&lake, 10).await, [(FindingKind::FileDamaged, PARKING.name())], "byte {byte} of {}", file.path);
        }
        std::fs::write(&path, &whole).expect("writable");
    }
}
