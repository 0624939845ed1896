//! What an erasure takes out of a journal at rest, and what it leaves.

use super::*;
use crate::erase::{count_on, erase_on};
use crate::recovery::Failure;
use crate::verify::verify_on;

const ERASED: u8 = 99;

fn rig() -> Rig {
    let mut rig = Rig::new(300, 0);
    for number in 1..=10 {
        rig.batch(&[format!("secret {number}").as_bytes(), format!("kept {number}").as_bytes()]);
    }
    rig
}

fn is_secret(entry: &Entry) -> bool {
    entry.body.starts_with(b"secret")
}

fn holds(disk: &Memory, text: &[u8]) -> bool {
    disk.names().iter().any(|name| disk.bytes(name).windows(text.len()).any(|window| window == text))
}

fn ok<T>(outcome: Result<T, Failure>) -> T {
    match outcome {
        Ok(value) => value,
        Err(Failure::Io(error)) => panic!("{error}"),
        Err(Failure::Open(error)) => panic!("{error}"),
    }
}

#[test]
fn the_bytes_of_picked_records_are_gone_and_everything_else_is_as_it_was() {
    let rig = rig();
    let before = rig.read(0).expect("sound");
    assert_eq!(ok(count_on(&*rig.disk, &mut is_secret)), 10);
    assert!(holds(&rig.disk, b"secret"));
    assert_eq!(ok(erase_on(&*rig.disk, ERASED, &mut is_secret)), 10);
    assert!(!holds(&rig.disk, b"secret"));
    assert_eq!(ok(erase_on(&*rig.disk, ERASED, &mut is_secret)), 0, "again");
    let report = ok(verify_on(&*rig.disk)).expect("a journal");
    assert!(report.damages.is_empty() && report.torn.is_none() && report.records == 20, "{report:?}");
    let rig = rig.reopen().expect("opens");
    let after = rig.read(0).expect("sound");
    assert_eq!(after.len(), before.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((before.position, before.received_at), (after.position, after.received_at));
        match is_secret(before) {
            true => assert_eq!((after.kind, after.body.len()), (ERASED, 0)),
            false => assert_eq!((before.kind, &before.body), (after.kind, &after.body)),
        }
    }
}

#[test]
fn a_journal_goes_on_after_an_erasure() {
    let rig = rig();
    ok(erase_on(&*rig.disk, ERASED, &mut is_secret));
    let mut rig = rig.reopen().expect("opens");
    assert_eq!(rig.recovery.last, Position(20));
    rig.batch(&[b"later"]);
    assert_eq!(rig.read(20).expect("sound")[0].body, &b"later"[..]);
}

#[test]
fn what_a_crash_left_beside_a_segment_is_removed_and_the_erasure_goes_on() {
    let rig = rig();
    rig.disk.put("00000000000000000001.journal.new", b"secret".to_vec());
    let rig = rig.reopen().expect("opens");
    assert_eq!(ok(erase_on(&*rig.disk, ERASED, &mut is_secret)), 10);
    assert!(!holds(&rig.disk, b"secret"));
}
