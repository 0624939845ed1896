//! Takes the bytes of chosen records out of a journal at rest; their positions, times and all other records stay.
//!
//! A segment that holds such a record is written anew beside itself, synced and put in its place by one rename: whatever dies in
//! between, the next opening finds the old segment or the new one, and the same erasure goes on from there. Where a record was,
//! one without a body stands, of a kind that the caller names: what kinds mean is not known here. The old bytes leave the
//! directory with their file; the blocks of the disk are not overwritten.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::disk::Disk;
use crate::error::OpenError;
use crate::frame;
use crate::reader::{Found, Reader};
use crate::recovery::{Failure, find};
use crate::segment::{self, HEADER, Segment};
use crate::storage::Storage;
use crate::tail::Entry;

/// Counts the records that `picks` chooses in the journal in `dir`; blocks, changes nothing.
pub fn count(dir: &Path, mut picks: impl FnMut(&Entry) -> bool) -> Result<u64, OpenError> {
    count_on(&Disk::existing(dir), &mut picks).map_err(|failure| told(dir, failure))
}

/// Takes out the records that `picks` chooses and tells how many they were; `erased` is the kind of what stands in their places. Nobody may
/// have the journal open: it takes its lock. Blocks.
pub fn erase(dir: &Path, erased: u8, mut picks: impl FnMut(&Entry) -> bool) -> Result<u64, OpenError> {
    let disk = Disk::existing(dir);
    let lock = disk.lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::InUse { dir: dir.to_owned() },
        _ => OpenError::Io { dir: dir.to_owned(), error },
    })?;
    let count = erase_on(&disk, erased, &mut picks).map_err(|failure| told(dir, failure));
    drop(lock);
    count
}

fn told(dir: &Path, failure: Failure) -> OpenError {
    match failure {
        Failure::Io(error) => OpenError::Io { dir: dir.to_owned(), error },
        Failure::Open(error) => error,
    }
}

pub(crate) fn count_on(storage: &dyn Storage, picks: &mut dyn FnMut(&Entry) -> bool) -> Result<u64, Failure> {
    let mut count = 0;
    for segment in find(storage)?.iter().flat_map(|found| &found.segments) {
        count += count_in(storage, segment, picks)?;
    }
    Ok(count)
}

pub(crate) fn erase_on(storage: &dyn Storage, erased: u8, picks: &mut dyn FnMut(&Entry) -> bool) -> Result<u64, Failure> {
    let mut picks = |entry: &Entry| entry.kind != erased && picks(entry);
    let mut total = 0;
    for segment in find(storage)?.iter().flat_map(|found| &found.segments) {
        let count = count_in(storage, segment, &mut picks)?;
        if count > 0 {
            rewrite(storage, segment, erased, &mut picks)?;
            total += count;
        }
    }
    Ok(total)
}

fn count_in(storage: &dyn Storage, segment: &Arc<Segment>, picks: &mut dyn FnMut(&Entry) -> bool) -> Result<u64, Failure> {
    let mut count = 0;
    chunks(storage, segment, &mut |mut frames| {
        while let Some(entry) = frame::take(&mut frames) {
            count += u64::from(picks(&entry));
        }
        Ok(())
    })?;
    Ok(count)
}

fn rewrite(
    storage: &dyn Storage,
    segment: &Arc<Segment>,
    erased: u8,
    picks: &mut dyn FnMut(&Entry) -> bool,
) -> Result<(), Failure> {
    let mut header = [0; HEADER as usize];
    storage.open(&segment.name)?.read_at(0, &mut header)?;
    let unfinished = segment::unfinished(&segment.name);
    let file = storage.create(&unfinished)?;
    file.write_at(0, &header)?;
    let mut end = HEADER;
    chunks(storage, segment, &mut |frames| {
        let frames = without(frames, segment.seed, erased, picks);
        file.write_at(end, &frames)?;
        end += frames.len() as u64;
        Ok(())
    })?;
    file.sync()?;
    storage.rename(&unfinished, &segment.name)?;
    Ok(storage.sync_names()?)
}

/// The same frames, those of the records that are picked without their body.
fn without(frames: Bytes, seed: u32, erased: u8, picks: &mut dyn FnMut(&Entry) -> bool) -> BytesMut {
    let mut kept = BytesMut::with_capacity(frames.len());
    let mut rest = frames.clone();
    while let Some(entry) = frame::take(&mut rest) {
        let start = frames.len() - rest.len() - frame::HEAD - entry.body.len();
        let whole = &frames[start..frames.len() - rest.len()];
        if !picks(&entry) {
            kept.extend_from_slice(whole);
            continue;
        }
        let at = kept.len();
        frame::begin(&mut kept, entry.position, entry.received_at, erased);
        frame::end(&mut kept, at);
        frame::seal(&mut kept[at..], seed, frame::is_first_of_batch(whole));
    }
    kept
}

/// Every record of a segment, as whole frames. An unfinished write at the end is cut off by an opening, which comes first.
fn chunks(
    storage: &dyn Storage,
    segment: &Arc<Segment>,
    take: &mut dyn FnMut(Bytes) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = Reader::new(Arc::clone(segment), storage.open(&segment.name)?, segment.first);
    loop {
        match reader.read(segment.end())? {
            Found::Frames(frames) => take(frames)?,
            Found::End => return Ok(()),
            Found::Bad(reason) => {
                return Err(Failure::Open(OpenError::Damaged(segment.damage(reader.offset, reader.next, reason))));
            }
        }
    }
}
