//! Writes and syncs that fail: who is told what, and how the log goes on.

use std::task::{Context, Poll, Waker};

use super::memory::Faults;
use super::*;
use crate::{AppendError, Health};

const SECOND: Duration = Duration::from_secs(1);

fn failed(append: &Append) -> bool {
    matches!(append.outcome(), Some(Err(AppendError::Unwritable(_))))
}

fn fail_and_mend(faults: Faults) {
    let mut rig = Rig::new(1 << 20, 0);
    let kept = rig.batch(&[b"kept"]);
    rig.disk.set_faults(faults);
    let waiting = [rig.append(b"waits"), rig.append(b"waits too")];
    rig.writer.step();
    let after = rig.append(b"refused at once");
    assert_eq!(kept[0].outcome(), Some(Ok(Position(1))));
    assert!(waiting.iter().chain([&after]).all(failed));
    assert!(matches!(rig.journal.health(), Health::Failed(_)));
    assert_eq!(rig.bodies(), [b"kept"]);

    rig.disk.set_faults(Faults::default());
    rig.writer.step();
    assert!(failed(&rig.append(b"too early to try again")));
    rig.clock.advance(SECOND);
    rig.writer.step();
    assert_eq!(rig.journal.health(), Health::Writable);
    let next = rig.batch(&[b"next"]);
    assert_eq!(next[0].outcome(), Some(Ok(Position(2))));
    assert!(waiting.iter().all(failed), "its position in other hands makes no failed append a kept one");
    assert_eq!(rig.bodies(), [&b"kept"[..], b"next"]);
    let rig = rig.crash(&mut || false).expect("opens");
    assert_eq!((rig.recovery.torn.clone(), rig.bodies()), (None, vec![b"kept".to_vec(), b"next".to_vec()]));
}

#[test]
fn a_writer_tells_when_it_is_due() {
    let mut rig = Rig::new(1 << 20, 0);
    assert_eq!(rig.writer.due(), None);
    let _waiting = rig.append(b"waits");
    assert_eq!(rig.writer.due(), Some(Duration::ZERO));
    rig.disk.set_faults(Faults { write: true, ..Faults::default() });
    rig.writer.step();
    assert_eq!(rig.writer.due(), Some(rig.clock.elapsed() + SECOND), "then it tries to mend the log");
    rig.disk.set_faults(Faults::default());
    rig.clock.advance(SECOND);
    rig.writer.step();
    assert_eq!(rig.writer.due(), None);
}

#[test]
fn a_failed_write_fails_what_waits_and_the_log_goes_on_after_it() {
    fail_and_mend(Faults { write: true, ..Faults::default() });
}

#[test]
fn a_failed_sync_fails_what_waits_and_its_bytes_are_never_trusted() {
    fail_and_mend(Faults { sync: true, ..Faults::default() });
}

#[test]
fn a_full_disk_fails_what_waits_and_the_log_goes_on_once_there_is_room() {
    fail_and_mend(Faults { room: Some(10), ..Faults::default() });
}

#[test]
fn a_log_that_cannot_be_mended_stays_failed_until_it_can() {
    let mut rig = Rig::new(1 << 20, 0);
    for faults in [
        Faults { sync: true, ..Faults::default() },
        Faults { create: true, ..Faults::default() },
        Faults { truncate: true, ..Faults::default() },
        Faults { room: Some(0), ..Faults::default() },
    ] {
        rig.disk.set_faults(Faults { write: true, ..Faults::default() });
        rig.batch(&[b"lost"]);
        rig.disk.set_faults(faults);
        for _ in 0..3 {
            rig.clock.advance(SECOND);
            rig.writer.step();
            assert!(failed(&rig.append(b"lost")));
        }
        rig.disk.set_faults(Faults::default());
        rig.clock.advance(SECOND);
        rig.writer.step();
        assert_eq!(rig.journal.health(), Health::Writable);
    }
    rig.batch(&[b"first"]);
    assert_eq!(rig.bodies(), [b"first"]);
    assert_eq!(rig.journal.head(), Position(1));
}

#[test]
fn a_segment_that_cannot_be_begun_fails_its_batch_only() {
    let mut rig = Rig::new(200, 0);
    rig.batch(&[&[1; 150]]);
    rig.disk.set_faults(Faults { create: true, ..Faults::default() });
    let lost = rig.batch(&[&[2; 150]]);
    assert!(failed(&lost[0]));
    rig.disk.set_faults(Faults::default());
    rig.clock.advance(SECOND);
    rig.writer.step();
    rig.batch(&[&[3; 150]]);
    assert_eq!(rig.bodies(), [vec![1; 150], vec![3; 150]]);
}

#[test]
fn whoever_waits_is_woken_by_success_and_by_failure() {
    let mut rig = Rig::new(1 << 20, 0);
    let mut first = Box::pin(rig.append(b"a"));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    rig.writer.step();
    assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(Ok(Position(1))));
    rig.disk.set_faults(Faults { sync: true, ..Faults::default() });
    let mut durable = rig.journal.durable();
    durable.mark_unchanged();
    let second = rig.append(b"b");
    let dropped = rig.append(b"c");
    block_on(async {
        let waiting = tokio::spawn(second);
        let mut dropped = Box::pin(dropped);
        assert!(futures_poll(dropped.as_mut()).await.is_pending());
        drop(dropped);
        tokio::task::yield_now().await;
        rig.writer.step();
        assert!(waiting.await.expect("ends").is_err());
    });
    assert!(durable.has_changed().expect("open"), "the watermark's followers are told of failures");
}

async fn futures_poll(mut append: std::pin::Pin<&mut Append>) -> Poll<Result<Position, AppendError>> {
    std::future::poll_fn(move |context| Poll::Ready(append.as_mut().poll(context))).await
}

#[test]
fn a_record_beyond_the_limit_is_refused_and_costs_no_position() {
    let mut rig = Rig::new(1 << 20, 0);
    let long = vec![0; domain::limits::RECORD_BYTES_MAX + 1];
    assert!(matches!(rig.append(&long).outcome(), Some(Err(AppendError::TooLarge { .. }))));
    let next = rig.batch(&[b"fits"]);
    assert_eq!(next[0].outcome(), Some(Ok(Position(1))));
    assert_eq!(rig.bodies(), [b"fits"]);
}

#[test]
fn a_panic_while_encoding_leaves_no_half_record() {
    let mut rig = Rig::new(1 << 20, 0);
    let journal = rig.journal.clone();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _unawaited = journal.append_with(1, 10, |buffer| {
            buffer.extend_from_slice(b"half");
            panic!("encoding failed");
        });
    }));
    assert!(panicked.is_err());
    rig.batch(&[b"whole"]);
    assert_eq!(rig.bodies(), [b"whole"]);
}

#[test]
fn ready_waits_for_room_and_a_failure_makes_room() {
    let options = Options { pending_bytes_max: 50, ..Options::default() };
    let mut rig = Rig::on(Default::default(), Default::default(), options).expect("opens");
    for faults in [Faults::default(), Faults { write: true, ..Faults::default() }] {
        let _unawaited = rig.append(&[0; 100]);
        let journal = rig.journal.clone();
        rig.disk.set_faults(faults);
        block_on(async {
            let ready = tokio::spawn(async move { journal.ready().await });
            tokio::task::yield_now().await;
            assert!(!ready.is_finished());
            rig.writer.step();
            ready.await.expect("becomes ready");
        });
    }
}

#[test]
fn closing_writes_what_is_appended_and_ends_tails_behind_it() {
    let mut rig = Rig::new(1 << 20, 0);
    let last = rig.append(b"last");
    let mut tail = rig.journal.tail(Position(0)).expect("from the start");
    let journal = rig.journal.clone();
    let health = rig.journal.clone();
    block_on(async move {
        let closing = tokio::spawn(async move { journal.close().await });
        tokio::task::yield_now().await;
        assert_eq!(rig.append(b"too late").outcome(), Some(Err(AppendError::Closed)));
        while rig.writer.step() {}
        drop(rig.writer);
        closing.await.expect("ends").expect("all was written");
        assert_eq!(last.outcome(), Some(Ok(Position(1))));
        assert_eq!(tail.next(9, 9).await.expect("the last record").len(), 1);
        assert!(matches!(tail.next(9, 9).await, Err(TailError::Closed)));
    });
    assert_eq!(health.health(), Health::Closed);
}

#[test]
fn a_hold_refuses_all_kinds_but_those_that_are_spared_and_says_why() {
    let mut rig = Rig::new(1 << 20, 0);
    let before = rig.append(b"before");
    rig.journal.hold("no room for readings", |kind| kind == 9);
    let (refused, spared) = (rig.journal.append(1, b"refused"), rig.journal.append(9, b"spared"));
    rig.writer.step();
    assert_eq!((before.outcome(), spared.outcome()), (Some(Ok(Position(1))), Some(Ok(Position(2)))));
    let why = refused.outcome().expect("known at once").expect_err("refused").to_string();
    assert!(why.contains("no room for readings"), "{why}");
    assert_eq!(rig.journal.health(), Health::Failed("no room for readings".into()));
    rig.journal.release();
    assert_eq!(rig.journal.health(), Health::Writable);
    assert_eq!(rig.batch(&[b"again"])[0].outcome(), Some(Ok(Position(3))));
    assert_eq!(rig.bodies(), [&b"before"[..], b"spared", b"again"]);
}
