//! Unacknowledged publishes of one load connection: when each was to be sent. As [`crate::publisher`]'s window, without the packets.

use std::collections::VecDeque;

const IDS: usize = 65_535;
/// Marks a slot that is acknowledged while an older one is not.
const ACKNOWLEDGED: u64 = u64::MAX;

pub struct Open {
    scheduled_us: VecDeque<u64>,
    first: usize,
    limit: usize,
}

impl Open {
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(IDS - 1);
        Self { scheduled_us: VecDeque::with_capacity(limit), first: 0, limit }
    }

    pub fn has_room(&self) -> bool {
        self.scheduled_us.len() < self.limit
    }

    pub fn len(&self) -> usize {
        self.scheduled_us.iter().filter(|scheduled| **scheduled != ACKNOWLEDGED).count()
    }

    pub fn is_empty(&self) -> bool {
        self.scheduled_us.is_empty()
    }

    /// The packet id under which it is to be sent.
    pub fn push(&mut self, scheduled_us: u64) -> u16 {
        let number = (self.first + self.scheduled_us.len()) % IDS;
        self.scheduled_us.push_back(scheduled_us);
        u16::try_from(number + 1).expect("below 65,536 by the modulus")
    }

    /// When the publish was to be sent.
    pub fn acknowledge(&mut self, packet_id: u16) -> Option<u64> {
        let number = usize::from(packet_id).checked_sub(1)?;
        let slot = self.scheduled_us.get_mut((number + IDS - self.first) % IDS).filter(|slot| **slot != ACKNOWLEDGED)?;
        let scheduled = std::mem::replace(slot, ACKNOWLEDGED);
        while self.scheduled_us.front() == Some(&ACKNOWLEDGED) {
            self.scheduled_us.pop_front();
            self.first = (self.first + 1) % IDS;
        }
        Some(scheduled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduled_time_comes_back_with_its_acknowledgement_whatever_the_order() {
        let mut open = Open::new(3);
        for round in 0..100_000_u64 {
            let ids: Vec<u16> = (0..3).map(|n| open.push(round * 3 + n)).collect();
            assert!(!open.has_room());
            for n in [2, 0, 1] {
                assert_eq!(open.acknowledge(ids[n]), Some(round * 3 + n as u64));
                assert_eq!(open.acknowledge(ids[n]), None);
            }
            assert!(open.is_empty());
        }
    }
}
