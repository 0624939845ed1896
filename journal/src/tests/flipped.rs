//! A flipped bit anywhere is told, or lies in the unfinished end; it never makes a wrong record.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::verify::verify_on;

fn body(position: u64) -> Vec<u8> {
    (0..position % 40).map(|i| (i * 7 + position) as u8).collect()
}

/// Thirty records in batches of three, in several segments.
fn written() -> Rig {
    let mut rig = Rig::new(400, 0);
    for first in (1..=30).step_by(3) {
        let bodies: Vec<Vec<u8>> = (first..first + 3).map(body).collect();
        rig.batch(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    assert!(rig.journal.segments() > 3);
    rig
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_flipped_bit_makes_a_wrong_record(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let rig = written();
        let names = rig.disk.names();
        let name = &names[file.index(names.len())];
        let mut bytes = rig.disk.bytes(name);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let newest = name == &names[names.len() - 1];
        rig.disk.put(name, bytes);
        let told = verify_on(rig.disk.as_ref()).map_or(true, |report| report.is_none_or(|report| !report.damages.is_empty() || report.torn.is_some()));
        prop_assert!(told, "verify finds it");

        let opened = match Rig::on(Arc::clone(&rig.disk), Arc::default(), rig.options.clone()) {
            Ok(opened) => opened,
            Err(error) => {
                let told = matches!(error, OpenError::Damaged(_) | OpenError::NewerFormat { .. });
                prop_assert!(told, "{error}");
                return Ok(());
            }
        };
        let last = opened.recovery.last;
        prop_assert!(last.0 >= 27, "only the last batch may count as torn: {last}");
        prop_assert_eq!(opened.recovery.torn.is_some(), newest);
        let mut tail = opened.journal.tail(Position(0)).expect("nothing is trimmed");
        let outcome = block_on(async {
            loop {
                match tail.try_next(5, 100).await {
                    Ok(entries) if entries.is_empty() => return Ok(tail.after()),
                    Ok(entries) => {
                        for entry in entries {
                            assert_eq!(entry.body, body(entry.position.0), "record {}", entry.position);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
        });
        match outcome {
            Ok(read) => prop_assert!(newest && read == last),
            Err(error) => {
                let told = !newest && matches!(error, TailError::Damaged(_));
                prop_assert!(told, "{error}");
            }
        }
    }
}

#[test]
fn a_missing_segment_is_told_by_verify_and_by_the_tail() {
    let rig = written();
    let names = rig.disk.names();
    crate::storage::Storage::remove(rig.disk.as_ref(), &names[1]).expect("there");
    let report = verify_on(rig.disk.as_ref()).ok().flatten().expect("a journal");
    assert_eq!(report.damages.len(), 1);
    assert_eq!(report.damages[0].reason, "records are missing at its end");
    let opened = rig.reopen().expect("the newest segment is whole");
    assert!(matches!(opened.read(0), Err(TailError::Damaged(_))));
}

#[test]
fn verify_reads_a_whole_journal_and_changes_nothing() {
    let rig = written();
    let before: Vec<_> = rig.disk.names().iter().map(|name| rig.disk.bytes(name)).collect();
    let report = verify_on(rig.disk.as_ref()).ok().flatten().expect("a journal");
    assert_eq!((report.first, report.last, report.records), (Position(1), Position(30), 30));
    assert_eq!((report.damages.len(), report.torn), (0, None));
    assert_eq!(report.bytes, rig.journal.bytes());
    assert_eq!(before, rig.disk.names().iter().map(|name| rig.disk.bytes(name)).collect::<Vec<_>>());
}
