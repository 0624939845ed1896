//! Tails: from memory, from files, and from one to the other; trimming under them.

use super::*;

fn bodies(positions: std::ops::RangeInclusive<u64>) -> Vec<Vec<u8>> {
    positions.map(|position| format!("record {position}").into_bytes()).collect()
}

fn fill(rig: &mut Rig, positions: std::ops::RangeInclusive<u64>) {
    for body in bodies(positions) {
        rig.batch(&[&body]);
    }
}

#[test]
fn a_tail_goes_from_memory_to_files_and_back_without_a_gap() {
    let mut rig = Rig::new(500, 400);
    fill(&mut rig, 1..=3);
    let mut tail = rig.journal.tail(Position(0)).expect("from the start");
    let mut read = Vec::new();
    block_on(async {
        read.extend(tail.try_next(2, 1_000).await.expect("memory"));
        fill(&mut rig, 4..=60);
        while read.len() < 50 {
            read.extend(tail.try_next(3, 1_000).await.expect("files"));
        }
        fill(&mut rig, 61..=70);
        while read.len() < 70 {
            read.extend(tail.next(100, 60).await.expect("files, then memory"));
        }
        assert!(tail.try_next(1, 1).await.expect("nothing more").is_empty());
    });
    assert!(read.iter().map(|entry| entry.position.0).eq(1..=70));
    assert!(read.iter().map(|entry| entry.body.to_vec()).eq(bodies(1..=70)));
}

#[test]
fn a_tail_begins_behind_any_position() {
    let mut rig = Rig::new(700, 0);
    fill(&mut rig, 1..=40);
    let rig = rig.reopen().expect("opens");
    for after in 0..=40 {
        let read = rig.read(after).expect("reads");
        assert!(read.iter().map(|entry| entry.position.0).eq(after + 1..=40), "after {after}");
    }
    assert!(matches!(rig.read(41), Err(TailError::Ahead { head: Position(40), .. })));
}

#[test]
fn a_record_longer_than_one_read_comes_whole() {
    let mut rig = Rig::new(1 << 20, 0);
    let long = vec![7; domain::limits::RECORD_BYTES_MAX];
    rig.batch(&[b"short", &long, b"short again"]);
    let read = rig.reopen().expect("opens").read(0).expect("reads");
    assert_eq!(read.iter().map(|entry| entry.body.len()).collect::<Vec<_>>(), [5, long.len(), 11]);
}

#[test]
fn a_batch_is_bounded_by_records_and_by_bytes() {
    let mut rig = Rig::new(1 << 20, 1 << 20);
    rig.batch(&[&[1; 100], &[2; 100], &[3; 100]]);
    let mut tail = rig.journal.tail(Position(0)).expect("from the start");
    block_on(async {
        assert_eq!(tail.next(2, 1_000).await.expect("two").len(), 2);
        assert_eq!(tail.next(9, 1).await.expect("one at least").len(), 1);
        assert_eq!(tail.after(), Position(3));
    });
}

#[test]
fn trim_removes_only_closed_segments_that_are_wholly_before() {
    let mut rig = Rig::new(300, 1 << 20);
    fill(&mut rig, 1..=30);
    let segments = rig.journal.segments();
    let mut early = rig.journal.tail(Position(0)).expect("from the start");
    rig.journal.trim(Position(0)).expect("nothing to remove");
    assert_eq!(rig.journal.segments(), segments);
    rig.journal.trim(Position(17)).expect("removes");
    let first = rig.journal.first();
    assert!(first.0 > 1 && first.0 <= 18, "{first}");
    assert!(matches!(rig.journal.tail(Position(first.0 - 2)), Err(TailError::Trimmed { .. })));
    assert!(rig.read(first.0 - 1).expect("reads").iter().map(|entry| entry.position.0).eq(first.0..=30));
    rig.journal.trim(Position(u64::MAX - 1)).expect("removes");
    assert_eq!(rig.journal.segments(), 1);
    assert_eq!(rig.disk.names().len(), 1);
    // A tail that has its records in memory reads on; one that needs the file is told.
    let _ = block_on(early.try_next(1, 1));
    let rig = rig.reopen().expect("opens");
    assert_eq!(rig.recovery.last, Position(30));
}

#[test]
fn a_journal_trimmed_to_an_empty_segment_goes_on_counting_after_a_restart() {
    let mut rig = Rig::new(100, 0);
    fill(&mut rig, 1..=5);
    let clock = std::sync::Arc::clone(&rig.clock);
    clock.set(5_000_000);
    rig.batch(&[b"late"]);
    let newest = crate::segment::name_of(Position(7));
    crate::segment::create(rig.disk.as_ref(), ID, Position(7)).expect("a segment begun and not yet used");
    assert!(rig.disk.names().contains(&newest));
    clock.set(1_000_000);
    let mut rig = rig.reopen().expect("opens");
    assert_eq!(rig.recovery.last, Position(6));
    rig.batch(&[b"next"]);
    let read = rig.read(5).expect("reads");
    assert_eq!(read[1].position, Position(7));
    assert_eq!(read[1].received_at, Timestamp::from_micros(5_000_000), "the time before bounds it");
}

#[test]
fn received_at_never_goes_back() {
    let mut rig = Rig::new(1 << 20, 1 << 20);
    for micros in [10, 5, 20, 1] {
        rig.clock.set(micros);
        rig.batch(&[b"x"]);
    }
    let rig = rig.reopen().expect("opens");
    rig.clock.set(3);
    let mut rig = rig;
    rig.batch(&[b"x"]);
    let times: Vec<i64> = rig.read(0).expect("reads").iter().map(|entry| entry.received_at.as_micros()).collect();
    assert_eq!(times, [10, 10, 20, 20, 20]);
}
