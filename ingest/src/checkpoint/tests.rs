//! A checkpoint reads back or is refused, and the folder keeps the newest two.

use std::fs;

use super::*;

const JOURNAL: JournalId = JournalId(7);

fn state(position: u64) -> State {
    State { position: Position(position), ..State::default() }
}

fn folder() -> (tempfile::TempDir, Checkpoints) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let checkpoints = Checkpoints::open(dir.path().join("checkpoint")).expect("a fresh folder");
    (dir, checkpoints)
}

fn write(checkpoints: &Checkpoints, position: u64) -> Option<Position> {
    checkpoints.write(Position(position), &encode(JOURNAL, &state(position))).expect("a writable folder")
}

#[test]
fn the_newest_counts_and_the_journal_is_kept_from_the_one_before() {
    let (_dir, checkpoints) = folder();
    assert!(checkpoints.load().expect("readable").newest.is_none());
    assert_eq!(write(&checkpoints, 5), None);
    assert_eq!(write(&checkpoints, 9), Some(Position(5)));
    assert_eq!(write(&checkpoints, 12), Some(Position(9)));
    let found = checkpoints.load().expect("readable");
    let newest = found.newest.expect("the last written");
    assert_eq!((newest.journal, newest.state.position), (JOURNAL, Position(12)));
    assert_eq!(found.fallback, Some(Position(9)));
}

#[test]
fn any_flipped_or_missing_byte_makes_the_one_before_count() {
    let (_dir, checkpoints) = folder();
    write(&checkpoints, 5);
    write(&checkpoints, 9);
    let path = checkpoints.path(Position(9));
    let whole = fs::read(&path).expect("written above");
    for index in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[index] ^= 1;
        // A higher version number is another matter.
        if (8..12).contains(&index) {
            continue;
        }
        assert!(matches!(decode(&path, &bytes), Err(CheckpointError::Damaged { .. })), "byte {index}");
        assert!(decode(&path, &whole[..index]).is_err(), "cut at {index}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).expect("writable");
    let found = checkpoints.load().expect("readable");
    assert_eq!(found.newest.expect("the one before").state.position, Position(5));
    assert_eq!((found.damaged.len(), found.fallback), (1, None));
}

#[test]
fn a_damaged_checkpoint_is_none_of_the_two_that_are_kept() {
    let (_dir, checkpoints) = folder();
    write(&checkpoints, 5);
    write(&checkpoints, 9);
    fs::write(checkpoints.path(Position(9)), b"damaged").expect("writable");
    let found = checkpoints.load().expect("readable");
    checkpoints.set_aside(&found.damaged).expect("a folder of ours");
    assert_eq!(write(&checkpoints, 12), Some(Position(5)), "the journal is kept from the one that reads back");
    assert_eq!(fs::read(checkpoints.path(Position(9)).with_extension("damaged")).expect("still there"), b"damaged");
    fs::write(checkpoints.path(Position(12)), b"damaged").expect("writable");
    assert_eq!(checkpoints.load().expect("readable").newest.expect("the one before").state.position, Position(5));
}

#[test]
fn a_newer_format_is_refused_instead_of_passed_over() {
    let (_dir, checkpoints) = folder();
    write(&checkpoints, 5);
    write(&checkpoints, 9);
    let path = checkpoints.path(Position(9));
    let mut bytes = fs::read(&path).expect("written above");
    bytes[8] = 5;
    fs::write(&path, bytes).expect("writable");
    assert!(matches!(checkpoints.load(), Err(CheckpointError::NewerFormat { found: 5, .. })));
}

/// What the first format wrote of the state after nine records that brought nothing.
const FIRST_FORMAT: &[u8] = &[7, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn a_checkpoint_of_the_first_format_reads_back() {
    let mut bytes = b"KERBCKPT\x01\0\0\0".to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(FIRST_FORMAT).to_le_bytes());
    bytes.extend_from_slice(&(FIRST_FORMAT.len() as u64).to_le_bytes());
    bytes.extend_from_slice(FIRST_FORMAT);
    let checkpoint = decode(Path::new("9.ckpt"), &bytes).expect("readable");
    assert_eq!((checkpoint.journal, checkpoint.state.position), (JOURNAL, Position(9)));
    let again = encode(JOURNAL, &checkpoint.state);
    let since = postcard::to_stdvec(&(Edits::default(), Capacities::default(), Erasures::default())).expect("written");
    assert_eq!(again[HEAD..].strip_prefix(FIRST_FORMAT), Some(&since[..]));
}

#[test]
fn what_an_interrupted_write_left_is_removed() {
    let (dir, checkpoints) = folder();
    let aside = dir.path().join("checkpoint").join("00000000000000000009.tmp");
    fs::write(&aside, b"half").expect("writable");
    Checkpoints::open(checkpoints.dir.clone()).expect("openable");
    assert!(!aside.exists());
}
