//! A publish made once: before each send only packet id, time and state are written over.

use crate::publisher::packet;

/// Digits of milliseconds since 1970 from 2001 to 2286.
const TS_DIGITS: usize = 13;
/// Both of one width: a space may follow a JSON value.
const STATES: [&[u8; 10]; 2] = [b"\"vacant\"  ", b"\"occupied\""];

#[derive(Clone, Debug)]
pub struct Template {
    packet: Vec<u8>,
    id_at: usize,
    ts_at: usize,
    state_at: usize,
}

impl Template {
    /// A reading of `payload_bytes` bytes, or as few as it needs.
    pub fn new(sensor: &str, payload_bytes: usize) -> Self {
        let head = format!("{{\"ts\":{},\"state\":", "0".repeat(TS_DIGITS));
        let state = head.len();
        let mut payload = head.into_bytes();
        payload.extend_from_slice(STATES[0]);
        let tail = b",\"pad\":\"\"}";
        let pad = payload_bytes.saturating_sub(payload.len() + tail.len());
        payload.extend_from_slice(b",\"pad\":\"");
        payload.resize(payload.len() + pad, b'x');
        payload.extend_from_slice(b"\"}");
        let packet = packet::publish(&format!("{}parking/{sensor}", domain::topic::NATIVE_PREFIX), 1, &payload);
        let id_at = packet::packet_id_offset(&packet);
        let payload_at = id_at + 2;
        Self { packet, id_at, ts_at: payload_at + b"{\"ts\":".len(), state_at: payload_at + state }
    }

    /// Appends the packet of one reading.
    pub fn write(&self, out: &mut bytes::BytesMut, packet_id: u16, ts_millis: u64, occupied: bool) {
        let start = out.len();
        out.extend_from_slice(&self.packet);
        let packet = &mut out[start..];
        packet[self.id_at..self.id_at + 2].copy_from_slice(&packet_id.to_be_bytes());
        let mut rest = ts_millis;
        for digit in packet[self.ts_at..self.ts_at + TS_DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        packet[self.state_at..self.state_at + STATES[0].len()].copy_from_slice(STATES[usize::from(occupied)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patched_packet_is_the_reading_asked_for_in_the_size_asked_for() {
        let mut out = bytes::BytesMut::new();
        Template::new("load-1", 200).write(&mut out, 513, 1_767_225_600_123, true);
        let id_at = packet::packet_id_offset(&out);
        let payload = &out[id_at + 2..];
        assert_eq!((&out[id_at..id_at + 2], payload.len()), (&[2, 1][..], 200));
        let reading: serde_json::Value = serde_json::from_slice(payload).expect("JSON");
        assert_eq!((reading["ts"].as_u64(), reading["state"].as_str()), (Some(1_767_225_600_123), Some("occupied")));
    }
}
