//! A journal at rest is read as a tail reads it, and is the same afterwards.

use super::*;
use crate::Records;

fn rig() -> Rig {
    let mut rig = Rig::new(500, 0);
    for number in 1..=40 {
        rig.batch(&[format!("record {number}").as_bytes()]);
    }
    rig
}

fn read(disk: &Arc<Memory>, after: u64) -> Result<Vec<Entry>, TailError> {
    let records = Records::on(Arc::clone(disk) as _, Position(after)).ok().flatten();
    let mut records = records.expect("there is a journal");
    assert_eq!(records.id(), ID);
    let mut all = Vec::new();
    loop {
        let entries = records.next(7)?;
        if entries.is_empty() {
            return Ok(all);
        }
        all.extend(entries);
    }
}

fn content(disk: &Memory) -> Vec<(String, Vec<u8>)> {
    disk.names().into_iter().map(|name| (name.clone(), disk.bytes(&name))).collect()
}

#[test]
fn the_records_after_any_position_are_those_of_a_tail_and_nothing_is_changed() {
    let rig = rig();
    let before = content(&rig.disk);
    for after in 0..=40 {
        assert_eq!(read(&rig.disk, after).expect("sound"), rig.read(after).expect("sound"), "after {after}");
    }
    assert!(read(&rig.disk, 41).expect("sound").is_empty());
    assert_eq!(content(&rig.disk), before);
}

#[test]
fn an_unfinished_write_is_where_the_records_end() {
    let rig = rig();
    let last = rig.disk.names().into_iter().max().expect("segments");
    let mut bytes = rig.disk.bytes(&last);
    bytes.truncate(bytes.len() - 3);
    rig.disk.put(&last, bytes);
    assert_eq!(read(&rig.disk, 30).expect("torn, not damaged").last().map(|entry| entry.position), Some(Position(39)));
}

#[test]
fn damage_is_told_where_it_is_and_what_is_before_it_is_read() {
    let rig = rig();
    let first = rig.disk.names().into_iter().min().expect("segments");
    let mut bytes = rig.disk.bytes(&first);
    let length = bytes.len();
    bytes[length - 40] ^= 1;
    rig.disk.put(&first, bytes);
    let mut records = Records::on(Arc::clone(&rig.disk) as _, Position(0)).ok().flatten().expect("there is a journal");
    let sound = records.next(100).expect("sound").len() as u64;
    let Err(TailError::Damaged(damage)) = records.next(100) else { panic!("damage is not passed over") };
    assert_eq!((damage.segment, damage.position), (first, Position(sound + 1)));
}

#[test]
fn records_that_are_trimmed_are_told() {
    let rig = rig();
    rig.journal.trim(Position(20)).expect("trims");
    let first = rig.journal.first();
    assert!(first > Position(1));
    assert!(matches!(read(&rig.disk, 0), Err(TailError::Trimmed { first: told }) if told == first));
    assert_eq!(read(&rig.disk, first.0 - 1).expect("kept").len() as u64, 41 - first.0);
}
