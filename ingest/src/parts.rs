//! A registry edit as journal records, in both directions: one record where it fits, else the parts of one zstd frame.
//!
//! Registry files repeat themselves, so that compression leaves a tenth: less to write, and less to hold in the pipeline's state
//! while an edit is not whole. An edit that fits one record is kept as it came.

use std::io::{self, Read as _};

use bytes::Bytes;
use domain::Position;
use domain::limits::{HTTP_REGISTRY_BYTES_MAX, RECORD_BYTES_MAX, REGISTRY_PART_BYTES};
use domain::record::{Place, Record, RegistryPart};

/// Higher levels leave a few percent less and take several times as long.
const LEVEL: i32 = 1;
/// Version and author of a single record.
const ENVELOPE_BYTES_MAX: usize = 1 + 2 + u16::MAX as usize;

/// The records of one edit, to be appended in order.
pub struct Records {
    author: String,
    features: Bytes,
    /// Of the compressed features; empty for a single record.
    shares: Vec<Bytes>,
}

impl Records {
    /// Compresses a long edit, which takes a while: not on an async thread.
    pub fn of(author: &str, features: Bytes) -> io::Result<Self> {
        let author = author.to_owned();
        if features.len() + ENVELOPE_BYTES_MAX <= RECORD_BYTES_MAX {
            return Ok(Self { author, features, shares: Vec::new() });
        }
        let frame = Bytes::from(zstd::stream::encode_all(&features[..], LEVEL)?);
        let starts = (0..frame.len()).step_by(REGISTRY_PART_BYTES);
        let shares = starts.map(|start| frame.slice(start..frame.len().min(start + REGISTRY_PART_BYTES))).collect();
        Ok(Self { author, features, shares })
    }

    pub fn len(&self) -> usize {
        self.shares.len().max(1)
    }

    /// `first` is the position of the first record; it means nothing for that one itself.
    pub fn record(&self, number: usize, first: Position) -> Record {
        let Some(share) = self.shares.get(number) else {
            return Record::Registry { author: self.author.clone(), features: self.features.clone() };
        };
        let place = match number {
            0 => {
                let (parts, length) = (self.shares.len() as u32, self.features.len() as u64);
                Place::First { author: self.author.clone(), parts, length }
            }
            _ => Place::Next { first, number: number as u32 },
        };
        Record::RegistryPart(RegistryPart { place, share: share.clone() })
    }
}

/// The GeoJSON that all shares together hold, or why they do not. Takes a while, as [`Records::of`] does.
pub fn joined(shares: &[Bytes], length: u64) -> Result<Bytes, String> {
    let expected = usize::try_from(length).ok().filter(|length| *length <= HTTP_REGISTRY_BYTES_MAX);
    let expected = expected.ok_or_else(|| format!("{length} bytes are more than the {HTTP_REGISTRY_BYTES_MAX} of an edit"))?;
    let frame = shares.concat();
    let decoder = zstd::stream::read::Decoder::with_buffer(&frame[..]).map_err(|error| error.to_string())?;
    let mut features = Vec::with_capacity(expected);
    decoder.take(length + 1).read_to_end(&mut features).map_err(|error| error.to_string())?;
    match features.len() == expected {
        true => Ok(Bytes::from(features)),
        false => Err(format!("its parts hold {} bytes, not {expected}", features.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares_of(records: &Records) -> (Vec<Bytes>, u64) {
        let mut length = 0;
        let shares = (0..records.len()).map(|number| match records.record(number, Position(7)) {
            Record::RegistryPart(RegistryPart { place, share }) => {
                match place {
                    Place::First { author, parts, length: whole } => {
                        assert_eq!((number, author.as_str(), parts as usize), (0, "anna", records.len()));
                        length = whole;
                    }
                    Place::Next { first, number: told } => assert_eq!((first, told as usize), (Position(7), number)),
                }
                share
            }
            other => panic!("{other:?}"),
        });
        (shares.collect(), length)
    }

    #[test]
    fn a_short_edit_is_one_record_as_it_came() {
        let features = Bytes::from_static(b"{}");
        let records = Records::of("anna", features.clone()).expect("nothing to compress");
        assert_eq!(records.len(), 1);
        assert_eq!(records.record(0, Position(0)), Record::Registry { author: "anna".into(), features });
    }

    #[test]
    fn a_long_edit_is_cut_into_parts_that_fit_and_comes_back_whole() {
        let mut rng = domain::rng::Rng::from_seed(1);
        // Chance does not compress.
        let features: Bytes = (0..400_000).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
        let records = Records::of("anna", features.clone()).expect("compresses");
        let (shares, length) = shares_of(&records);
        assert!(shares.len() > 3, "{} parts", shares.len());
        for number in 0..records.len() {
            assert!(records.record(number, Position(7)).encode().1.len() <= RECORD_BYTES_MAX);
        }
        assert_eq!(joined(&shares, length), Ok(features));
        assert!(joined(&shares[1..], length).is_err());
        assert!(joined(&shares[..2], length).is_err());
        assert!(joined(&shares, length - 1).is_err() && joined(&shares, length + 1).is_err());
        assert!(joined(&shares, u64::MAX).is_err());
    }
}
