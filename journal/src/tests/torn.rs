//! Unfinished writes at the end are cut off, whatever is left of them.

use std::sync::Arc;

use super::*;

fn name() -> String {
    crate::segment::name_of(Position(1))
}

/// A rig on a copy of the bytes, cut or changed.
fn on(bytes: Vec<u8>) -> Result<Rig, OpenError> {
    let disk = Arc::new(Memory::default());
    disk.put(&name(), bytes);
    Rig::on(disk, Arc::default(), Options::default())
}

#[test]
fn a_last_record_torn_at_any_length_is_cut_off_and_its_position_given_again() {
    let mut rig = Rig::new(1 << 20, 1 << 20);
    rig.batch(&[b"one", b"two"]);
    let whole = rig.disk.bytes(&name()).len();
    rig.batch(&[b"the third record"]);
    let bytes = rig.disk.bytes(&name());
    for length in whole..bytes.len() {
        let mut torn = on(bytes[..length].to_vec()).expect("a torn end opens");
        assert_eq!(torn.recovery.last, Position(2), "cut at {length}");
        assert_eq!(
            torn.recovery.torn.as_ref().map(|torn| (torn.position, torn.offset)),
            (length > whole).then_some((Position(3), whole as u64))
        );
        let again = torn.batch(&[b"again"]);
        assert_eq!(again[0].outcome(), Some(Ok(Position(3))));
        assert_eq!(torn.bodies(), [&b"one"[..], b"two", b"again"]);
        assert_eq!(torn.reopen().expect("opens").recovery.last, Position(3));
    }
}

#[test]
fn a_last_record_of_zeros_is_cut_off() {
    let mut rig = Rig::new(1 << 20, 1 << 20);
    rig.batch(&[b"one"]);
    let mut bytes = rig.disk.bytes(&name());
    bytes.resize(bytes.len() + 4096, 0);
    let rig = on(bytes).expect("opens");
    assert_eq!(rig.recovery.torn.as_ref().map(|torn| torn.bytes), Some(4096));
    assert_eq!(rig.bodies(), [b"one"]);
}

#[test]
fn a_bad_record_before_a_later_batch_is_damage_and_not_a_torn_end() {
    let mut rig = Rig::new(1 << 20, 1 << 20);
    rig.batch(&[b"one"]);
    let second = rig.disk.bytes(&name()).len();
    rig.batch(&[b"two"]);
    rig.batch(&[b"three"]);
    for at in second..second + crate::frame::HEAD + 3 {
        let mut bytes = rig.disk.bytes(&name());
        bytes[at] ^= 0x10;
        match on(bytes).err() {
            Some(OpenError::Damaged(damage)) => assert_eq!((damage.offset, damage.position), (second as u64, Position(2))),
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn a_segment_that_was_never_finished_is_forgotten() {
    let mut rig = Rig::new(1 << 20, 1 << 20);
    rig.batch(&[b"one"]);
    rig.disk.put("00000000000000000002.journal.new", vec![1, 2, 3]);
    let rig = rig.reopen().expect("opens");
    assert_eq!((rig.recovery.last, rig.recovery.segments, rig.disk.names().len()), (Position(1), 1, 1));
}

#[test]
fn the_id_is_the_one_it_was_created_with() {
    let rig = Rig::new(1 << 20, 1 << 20);
    assert!(rig.recovery.created);
    let (journal, recovery, _writer) =
        Journal::open_on(Options::default(), Arc::new(HandClock::default()), JournalId(7), Arc::clone(&rig.disk) as _)
            .expect("opens");
    assert_eq!((journal.id(), recovery.created), (ID, false));
}

#[test]
fn a_newer_format_is_refused_in_one_sentence() {
    let rig = Rig::new(1 << 20, 1 << 20);
    let mut bytes = rig.disk.bytes(&name());
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    let error = on(bytes).err().expect("refused");
    assert_eq!(error.to_string(), "journal segment 00000000000000000001.journal has format 2, newer than this version reads (1)");
}
