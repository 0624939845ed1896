//! Notices that what comes from the broker went there from here: this process's own front, or a bridge, hands the source its own messages.
//!
//! Nothing is lost or doubled by it, since a reading that comes again is a duplicate, but such a circle turns for ever and as fast as it can. MQTT carries no
//! mark through every broker and version, so messages are known by their content: in a circle nearly all are old acquaintances.

use std::collections::VecDeque;

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3;

/// Messages that are remembered.
const REMEMBERED_MAX: usize = 16_384;
/// A message that came less often is no sign: brokers send again what was not acknowledged.
const TIMES_MIN: u32 = 4;
/// Signs that make a circle: a device that says the same again and again alone needs a while for it.
const SIGNS_MIN: u32 = 2_048;
/// A message that is none outweighs so many that are.
const WEIGHT: u32 = 8;

/// Of one connection.
#[derive(Default)]
pub(super) struct Circle {
    times: HashMap<u64, u32>,
    order: VecDeque<u64>,
    signs: u32,
}

impl Circle {
    /// Whether, with this message, it is one.
    pub(super) fn closes_with(&mut self, topic: &[u8], payload: &[u8]) -> bool {
        let mut hash = Xxh3::new();
        hash.update(&(topic.len() as u64).to_le_bytes());
        hash.update(topic);
        hash.update(payload);
        let hash = hash.digest();
        let times = self.times.entry(hash).or_insert(0);
        *times += 1;
        self.signs = match *times {
            TIMES_MIN.. => self.signs + 1,
            _ => self.signs.saturating_sub(WEIGHT),
        };
        if *times == 1 {
            self.order.push_back(hash);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
        self.signs >= SIGNS_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closes_within(messages: impl Iterator<Item = u64>) -> Option<usize> {
        let mut circle = Circle::default();
        messages.map(|message| circle.closes_with(b"kerbside/v1/parking/a", &message.to_le_bytes())).position(|closes| closes)
    }

    #[test]
    fn what_turns_in_a_circle_is_noticed_beside_what_is_new() {
        // Each new message turns ten times before the next one comes, and so do all before it.
        let turning = (0..500).flat_map(|new| (0..=new).cycle().take(10 * (new as usize + 1)));
        assert!(closes_within(turning).is_some());
        assert!(closes_within(std::iter::repeat_n(7, 3_000)).is_some());
    }

    #[test]
    fn new_messages_and_what_a_broker_sends_again_are_no_circle() {
        assert_eq!(closes_within(0..100_000), None);
        let thrice = (0..100).flat_map(|round| (round * 1_000..(round + 1) * 1_000).cycle().take(3_000));
        assert_eq!(closes_within(thrice), None);
        let one_stuck = (0..100_000).map(|n| if n % 2 == 0 { n } else { 1 });
        assert_eq!(closes_within(one_stuck), None);
    }
}
