//! Reads a journal whole and changes nothing: what `kerbside verify` says of it. Meant for a journal at rest; in
//! one that is being written, the batch under way may show as torn.

use std::path::Path;

use domain::{JournalId, Position};

use crate::disk::Disk;
use crate::error::{Damage, OpenError};
use crate::recovery::{Failure, TornRecord, find, scan, torn};
use crate::storage::Storage;

/// What stands in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub id: JournalId,
    /// The oldest record kept; `last.next()` when there is none.
    pub first: Position,
    /// The newest whole record.
    pub last: Position,
    /// Whole records that were read.
    pub records: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    pub segments: u64,
    /// An unfinished write at the end: no damage, the next opening cuts it off.
    pub torn: Option<TornRecord>,
    /// Durable records that no longer read back; of each segment the first.
    pub damages: Vec<Damage>,
}

/// Reads every record of the journal in `dir`; blocks. `None` when there is no journal.
pub fn verify(dir: &Path) -> Result<Option<Report>, OpenError> {
    verify_on(&Disk::existing(dir)).map_err(|failure| match failure {
        Failure::Io(error) => OpenError::Io { dir: dir.to_owned(), error },
        Failure::Open(error) => error,
    })
}

pub(crate) fn verify_on(storage: &dyn Storage) -> Result<Option<Report>, Failure> {
    let Some(found) = find(storage)? else {
        return Ok(None);
    };
    let first = found.segments.front().map_or(Position::START, |oldest| oldest.first);
    let mut report = Report {
        id: found.id,
        first,
        last: Position(first.0 - 1),
        records: 0,
        bytes: found.segments.iter().map(|segment| segment.end()).sum(),
        segments: found.segments.len() as u64,
        torn: None,
        damages: Vec::new(),
    };
    let mut latest = None;
    for (number, segment) in found.segments.iter().enumerate() {
        let scan = scan(segment, storage.open(&segment.name)?, segment.end())?;
        let (offset, position) = (scan.reader.offset, scan.reader.next);
        report.records += scan.records;
        report.last = Position(position.0 - 1);
        if scan.first_received_at < latest && scan.records > 0 || scan.went_back {
            report.damages.push(segment.damage(offset, position, "its times go back"));
        }
        latest = latest.max(scan.last_received_at);
        match found.segments.get(number + 1) {
            None => match torn(segment, &scan, segment.end()) {
                Ok(torn) => report.torn = torn,
                Err(Failure::Open(OpenError::Damaged(damage))) => report.damages.push(damage),
                Err(other) => return Err(other),
            },
            Some(follower) => match scan.bad {
                Some(reason) => report.damages.push(segment.damage(offset, position, reason)),
                None if position != follower.first => {
                    report.damages.push(segment.damage(offset, position, "records are missing at its end"));
                }
                None => {}
            },
        }
    }
    Ok(Some(report))
}
