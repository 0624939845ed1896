//! The window of unacknowledged publishes: packet ids, resending in order, latency. Pure.
//!
//! Ids go round 1 to 65,535. A slot is freed only when all older ones are, so an id is free again before it comes round, and a PUBACK
//! finds its slot by subtraction whatever the order of the broker's answers.

use std::collections::VecDeque;
use std::time::Duration;

use super::packet;

/// Packet ids that exist: 1 to 65,535.
const IDS: usize = 65_535;

pub struct Window {
    /// Oldest first; the first is never acknowledged.
    slots: VecDeque<Slot>,
    /// Number of the oldest slot's id, from 0: the id is one more.
    first: usize,
    limit: usize,
}

struct Slot {
    /// Empty once acknowledged.
    packet: Vec<u8>,
    sent_at: Duration,
}

impl Window {
    pub fn new(limit: usize) -> Self {
        Self { slots: VecDeque::new(), first: 0, limit: limit.clamp(1, IDS - 1) }
    }

    /// How many more publishes may be sent now.
    pub fn room(&self) -> usize {
        self.limit - self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Publishes without their PUBACK.
    pub fn len(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.packet.is_empty()).count()
    }

    /// Keeps a publish and gives its packet to send. The caller has looked at [`Window::room`].
    pub fn push(&mut self, topic: &str, payload: &[u8], now: Duration) -> &[u8] {
        let number = (self.first + self.slots.len()) % IDS;
        let id = u16::try_from(number + 1).expect("below 65,536 by the modulus");
        self.slots.push_back(Slot { packet: packet::publish(topic, id, payload), sent_at: now });
        self.slots.back().map(|slot| slot.packet.as_slice()).unwrap_or_default()
    }

    /// Time since the publish was first sent; `None` for an id that is not open.
    pub fn acknowledge(&mut self, packet_id: u16, now: Duration) -> Option<Duration> {
        let number = usize::from(packet_id).checked_sub(1)?;
        let slot = self.slots.get_mut((number + IDS - self.first) % IDS).filter(|slot| !slot.packet.is_empty())?;
        slot.packet = Vec::new();
        let waited = now.saturating_sub(slot.sent_at);
        while self.slots.front().is_some_and(|slot| slot.packet.is_empty()) {
            self.slots.pop_front();
            self.first = (self.first + 1) % IDS;
        }
        Some(waited)
    }

    /// Everything unacknowledged, in order, marked as sent before.
    pub fn resend(&self, out: &mut bytes::BytesMut) -> u64 {
        let mut count = 0;
        for slot in self.slots.iter().filter(|slot| !slot.packet.is_empty()) {
            let start = out.len();
            out.extend_from_slice(&slot.packet);
            out[start] |= packet::DUP;
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn id(packet: &[u8]) -> u16 {
        let at = packet::packet_id_offset(packet);
        u16::from_be_bytes([packet[at], packet[at + 1]])
    }

    #[test]
    fn ids_go_round_and_none_is_used_while_it_is_open() {
        let mut window = Window::new(10);
        let mut open = VecDeque::new();
        for _ in 0..200_000 {
            while window.room() > 0 {
                open.push_back(id(window.push("t", b"p", NOW)));
            }
            let oldest = open.pop_front().expect("the window is full");
            assert!(oldest > 0 && !open.contains(&oldest));
            assert_eq!(window.acknowledge(oldest, NOW), Some(Duration::ZERO));
        }
    }

    #[test]
    fn answers_out_of_order_free_room_when_the_oldest_is_answered() {
        let mut window = Window::new(3);
        let ids: Vec<u16> = (0..3).map(|_| id(window.push("t", b"p", NOW))).collect();
        assert!(window.acknowledge(ids[2], NOW).is_some());
        assert!(window.acknowledge(ids[1], NOW).is_some());
        assert_eq!((window.room(), window.len()), (0, 1));
        assert_eq!(window.acknowledge(ids[1], NOW), None);
        assert!(window.acknowledge(ids[0], NOW).is_some());
        assert_eq!((window.room(), window.len()), (3, 0));
    }

    #[test]
    fn only_what_is_unacknowledged_is_sent_again_in_order_and_marked() {
        let mut window = Window::new(3);
        let ids: Vec<u16> = (0..3).map(|_| id(window.push("t", b"p", NOW))).collect();
        window.acknowledge(ids[1], NOW);
        let mut out = bytes::BytesMut::new();
        assert_eq!(window.resend(&mut out), 2);
        let size = out.len() / 2;
        assert_eq!([id(&out[..size]), id(&out[size..])], [ids[0], ids[2]]);
        assert_eq!([out[0], out[size]], [0x3a, 0x3a]);
    }
}
