//! Any course of appends, failures, kills and power losses: what was acknowledged is there, in order, once.

use proptest::prelude::*;

use super::memory::Faults;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Write,
    Fail(u8),
    Mend,
    Crash(u64),
    Kill,
    Trim(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_u8..60).prop_map(Step::Append),
        6 => Just(Step::Write),
        1 => (0_u8..5).prop_map(Step::Fail),
        2 => Just(Step::Mend),
        1 => any::<u64>().prop_map(Step::Crash),
        1 => Just(Step::Kill),
        1 => any::<u8>().prop_map(Step::Trim),
    ]
}

/// Every append ever made with its distinct body; which of them are known to be kept.
#[derive(Default)]
struct Book {
    open: Vec<(Append, Vec<u8>)>,
    kept: Vec<(Position, Vec<u8>)>,
    made: Vec<Vec<u8>>,
}

impl Book {
    fn append(&mut self, rig: &Rig, length: u8) {
        let mut body = vec![length; usize::from(length)];
        body.extend_from_slice(&(self.made.len() as u32).to_le_bytes());
        self.open.push((rig.append(&body), body.clone()));
        self.made.push(body);
    }

    fn settle(&mut self) {
        self.open.retain(|(append, body)| match append.outcome() {
            Some(Ok(position)) => {
                self.kept.push((position, body.clone()));
                false
            }
            Some(Err(_)) => false,
            None => true,
        });
    }

    /// What an opened journal shows has to stay, acknowledged or not.
    fn keep_all(&mut self, rig: &Rig) {
        let read = rig.read(rig.journal.first().0 - 1).expect("reads back");
        self.kept.extend(read.into_iter().map(|entry| (entry.position, entry.body.to_vec())));
    }

    /// All that was kept is there and nothing stands in front of it that was not appended.
    fn check(&self, rig: &Rig) {
        let first = rig.journal.first();
        let read = rig.read(first.0 - 1).expect("reads back");
        assert!(read.iter().map(|entry| entry.position.0).eq(first.0..=rig.journal.head().0), "dense");
        assert!(read.is_sorted_by_key(|entry| entry.received_at));
        for (position, body) in self.kept.iter().filter(|(position, _)| *position >= first) {
            assert_eq!(read[(position.0 - first.0) as usize].body, body, "record {position}");
        }
        assert!(read.iter().all(|entry| self.made.iter().any(|made| *made == entry.body)));
    }
}

fn faults(number: u8) -> Faults {
    match number {
        0 => Faults { write: true, ..Faults::default() },
        1 => Faults { sync: true, ..Faults::default() },
        2 => Faults { create: true, ..Faults::default() },
        3 => Faults { truncate: true, sync: true, ..Faults::default() },
        _ => Faults { room: Some(70), ..Faults::default() },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_there_in_order_and_once(steps in prop::collection::vec(step(), 1..120), hot in prop_oneof![Just(0_usize), Just(300), Just(1 << 20)]) {
        let mut rig = Rig::new(400, hot);
        let mut book = Book::default();
        for step in steps {
            match step {
                Step::Append(length) => book.append(&rig, length),
                Step::Write => {
                    rig.writer.step();
                }
                Step::Fail(number) => rig.disk.set_faults(faults(number)),
                Step::Mend => {
                    rig.disk.set_faults(Faults::default());
                    rig.clock.advance(Duration::from_secs(1));
                    rig.writer.step();
                }
                Step::Crash(seed) => {
                    book.settle();
                    book.open.clear();
                    let mut chance = domain::rng::Rng::from_seed(seed);
                    rig = rig.crash(&mut || chance.chance(0.5)).expect("a crash never damages");
                    book.keep_all(&rig);
                }
                Step::Kill => {
                    book.settle();
                    book.open.clear();
                    rig = rig.kill().expect("a kill never damages");
                    book.keep_all(&rig);
                }
                Step::Trim(part) => {
                    let upto = rig.journal.head().0 * u64::from(part) / 255;
                    let _ = rig.journal.trim(Position(upto));
                }
            }
            book.settle();
        }
        book.check(&rig);
        let rig = rig.crash(&mut || false).expect("opens");
        book.check(&rig);
    }
}
