//! The last payloads of every device as they came, in memory.
//!
//! One ring of bytes for all devices: an entry names the one before it of the same device, so a device costs eight bytes and
//! a payload nothing but its copy. The oldest bytes are overwritten; a chain ends where it leads to them. Deliberately
//! absent: a copy on disk. After a restart the ring holds what was replayed since the checkpoint.

use bytes::Bytes;
use domain::{Position, Timestamp};
use lake::contract::Uplink;

/// Payloads kept of one device.
const UPLINKS_MAX: usize = 20;
/// Bytes kept of one payload.
const PAYLOAD_KEPT_MAX: usize = 4 * 1024;
/// Of topic and complaint each: their lengths are two bytes.
const TEXT_KEPT_MAX: usize = 1024;

/// Bytes of an entry before its texts: previous (8), received_at (8), position (8), three lengths (2 each), what there is (1).
const HEAD: usize = 31;
/// There is a complaint.
const COMPLAINT: u8 = 1;
/// There is a payload to be shown.
const PAYLOAD: u8 = 2;

pub struct Uplinks {
    ring: Vec<u8>,
    bytes_max: usize,
    /// Where the next entry begins, counted from the first byte ever written.
    end: u64,
    /// By the sensor's number: where its last entry begins, plus one; 0 is none.
    last: Vec<u64>,
}

/// One payload on its way in.
pub struct NewUplink<'a> {
    pub sensor: u32,
    pub received_at: Timestamp,
    pub position: Position,
    pub topic: &'a str,
    /// `None`: it is shown to nobody.
    pub payload: Option<&'a [u8]>,
    pub error: Option<&'a str>,
}

impl Uplinks {
    /// Memory grows with use up to `bytes_max`.
    pub fn new(bytes_max: usize) -> Self {
        Self { ring: Vec::new(), bytes_max: bytes_max.max(64 * 1024), end: 0, last: Vec::new() }
    }

    pub fn push(&mut self, uplink: &NewUplink<'_>) {
        let topic = &uplink.topic.as_bytes()[..uplink.topic.len().min(TEXT_KEPT_MAX)];
        let payload = uplink.payload.unwrap_or_default();
        let payload = &payload[..payload.len().min(PAYLOAD_KEPT_MAX)];
        let error = uplink.error.unwrap_or_default().as_bytes();
        let error = &error[..error.len().min(TEXT_KEPT_MAX)];
        let start = self.room(HEAD + topic.len() + payload.len() + error.len());
        let sensor = uplink.sensor as usize;
        if self.last.len() <= sensor {
            self.last.resize(sensor + 1, 0);
        }
        let before = std::mem::replace(&mut self.last[sensor], start + 1);
        self.write(&before.to_le_bytes());
        self.write(&uplink.received_at.as_micros().to_le_bytes());
        self.write(&uplink.position.0.to_le_bytes());
        for text in [topic, payload, error] {
            self.write(&(text.len() as u16).to_le_bytes());
        }
        let complaint = if uplink.error.is_some() { COMPLAINT } else { 0 };
        let shown = if uplink.payload.is_some() { PAYLOAD } else { 0 };
        self.write(&[complaint | shown]);
        for text in [topic, payload, error] {
            self.write(text);
        }
    }

    /// Newest first.
    pub fn of(&self, sensor: u32) -> Vec<Uplink> {
        let mut uplinks = Vec::new();
        let mut next = self.last.get(sensor as usize).copied().unwrap_or(0);
        while uplinks.len() < UPLINKS_MAX
            && let Some((before, uplink)) = self.read(next)
        {
            uplinks.push(uplink);
            next = before;
        }
        uplinks
    }

    /// Where an entry of so many bytes begins: an entry never wraps around the end of the ring.
    fn room(&mut self, bytes: usize) -> u64 {
        let at = (self.end % self.bytes_max as u64) as usize;
        if at + bytes > self.bytes_max {
            self.end += (self.bytes_max - at) as u64;
        }
        self.end
    }

    fn write(&mut self, bytes: &[u8]) {
        let at = (self.end % self.bytes_max as u64) as usize;
        if self.ring.len() < at + bytes.len() {
            self.ring.resize(at + bytes.len(), 0);
        }
        self.ring[at..at + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len() as u64;
    }

    /// The entry behind a link and the link before it; `None` where the chain ends or its bytes are overwritten.
    fn read(&self, link: u64) -> Option<(u64, Uplink)> {
        let start = link.checked_sub(1)?;
        if start + (self.bytes_max as u64) < self.end {
            return None;
        }
        let entry = &self.ring[(start % self.bytes_max as u64) as usize..];
        let number = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().expect("eight bytes"));
        let length = |at: usize| usize::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
        let topic_end = HEAD + length(24);
        let payload_end = topic_end + length(26);
        let error_end = payload_end + length(28);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let uplink = Uplink {
            received_at: Timestamp::from_micros(number(8).cast_signed()),
            position: Position(number(16)),
            topic: text(&entry[HEAD..topic_end]),
            payload: (entry[30] & PAYLOAD != 0).then(|| Bytes::copy_from_slice(&entry[topic_end..payload_end])),
            error: (entry[30] & COMPLAINT != 0).then(|| text(&entry[payload_end..error_end])),
        };
        Some((number(0), uplink))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(uplinks: &mut Uplinks, sensor: u32, position: u64, payload: &[u8]) {
        let received_at = Timestamp::from_micros(position as i64);
        let payload = Some(payload);
        uplinks.push(&NewUplink { sensor, received_at, position: Position(position), topic: "t", payload, error: None });
    }

    #[test]
    fn a_device_shows_its_last_twenty_newest_first() {
        let mut uplinks = Uplinks::new(1 << 20);
        (1..=30).for_each(|position| push(&mut uplinks, position as u32 % 2, position, &position.to_le_bytes()));
        let of_one: Vec<u64> = uplinks.of(1).iter().map(|uplink| uplink.position.0).collect();
        assert_eq!(of_one, (1..=29).rev().step_by(2).collect::<Vec<_>>());
        (31..=60).for_each(|position| push(&mut uplinks, 1, position, b""));
        assert_eq!(uplinks.of(1).len(), UPLINKS_MAX);
        assert!(uplinks.of(7).is_empty());
    }

    #[test]
    fn a_payload_that_is_shown_to_nobody_is_no_empty_one() {
        let mut uplinks = Uplinks::new(1 << 20);
        push(&mut uplinks, 0, 1, b"");
        let withheld = NewUplink {
            sensor: 0,
            received_at: Timestamp::from_micros(2),
            position: Position(2),
            topic: "t",
            payload: None,
            error: Some("erased"),
        };
        uplinks.push(&withheld);
        let shown: Vec<_> = uplinks.of(0).into_iter().map(|uplink| (uplink.payload, uplink.error)).collect();
        assert_eq!(shown, [(None, Some("erased".to_owned())), (Some(Bytes::new()), None)]);
    }

    #[test]
    fn overwritten_payloads_end_the_chain_and_long_ones_are_cut() {
        let mut uplinks = Uplinks::new(64 * 1024);
        push(&mut uplinks, 0, 1, b"old");
        (2..40).for_each(|position| push(&mut uplinks, 1, position, &[7; 10_000]));
        assert!(uplinks.of(0).is_empty());
        let of_one = uplinks.of(1);
        assert_eq!((of_one.len(), of_one[0].payload.as_ref().map(Bytes::len)), (15, Some(PAYLOAD_KEPT_MAX)));
        push(&mut uplinks, 0, 40, b"new");
        assert_eq!(uplinks.of(0).len(), 1);
    }
}
