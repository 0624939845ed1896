//! The journal on a real directory with its own thread: lock, restart, close.

use super::*;

fn open(dir: &std::path::Path, id: JournalId) -> Result<(Journal, Recovery), OpenError> {
    let options = Options { dir: dir.join("a/b"), ..Options::default() };
    Journal::open(options, Arc::new(HandClock::default()), id)
}

#[test]
fn a_closed_journal_opens_again_with_its_records_and_its_id() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = open(dir.path(), ID).expect("opens");
    let append = journal.append(3, b"body");
    block_on(async {
        assert_eq!(append.await, Ok(Position(1)));
        let _unawaited = journal.append(4, b"not awaited");
        journal.close().await.expect("closes");
    });
    let (journal, recovery) = open(dir.path(), JournalId(9)).expect("the lock is free");
    assert_eq!((journal.id(), recovery.last, recovery.torn), (ID, Position(2), None));
    let report = crate::verify(&dir.path().join("a/b")).expect("readable").expect("a journal");
    assert_eq!((report.records, report.damages.len()), (2, 0));
}

#[test]
fn a_directory_in_use_is_its_own_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = open(dir.path(), ID).expect("opens");
    assert!(matches!(open(dir.path(), ID), Err(OpenError::InUse { .. })));
    block_on(journal.close()).expect("closes");
    assert!(open(dir.path(), ID).is_ok());
}

#[test]
fn dropping_the_last_handle_writes_what_is_appended_and_ends_the_tails() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = open(dir.path(), ID).expect("opens");
    let mut tail = journal.tail(Position::START).expect("from the start");
    let append = journal.append(1, b"last words");
    drop(journal);
    block_on(async {
        assert_eq!(append.await, Ok(Position(1)));
        assert_eq!(tail.next(1, 1).await.expect("the record").len(), 1);
        assert!(matches!(tail.next(1, 1).await, Err(TailError::Closed)));
    });
}

#[test]
fn no_directory_gives_no_report() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(crate::verify(dir.path()).expect("readable"), None);
    assert!(matches!(crate::verify(&dir.path().join("absent")), Err(OpenError::Io { .. })));
}
