//! Notices that what comes from the broker went there from here: this process's own front, or a bridge, hands the source its own messages.
//!
//! Nothing is lost or doubled by it, since a reading that comes again is a duplicate, but such a circle turns for ever and as
//! fast as it can. MQTT carries no mark through every broker and version, so messages are known by their content: in a circle
//! nearly all are old acquaintances. Only readings count, which have a time of their own and so no reason to come again; other
//! feeds may well repeat themselves.

use std::collections::VecDeque;
use std::time::Duration;

use domain::topic::Route;
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3;

/// Messages that are remembered.
const REMEMBERED_MAX: usize = 16_384;
/// A message that came less often is no sign: brokers send again what was not acknowledged.
const TIMES_MIN: u32 = 4;
/// Signs that make a circle: a device that says the same again and again alone needs a while for it.
const SIGNS_MIN: u32 = 2_048;
/// So that a circle which was broken is soon forgotten.
const SIGNS_MAX: u32 = 2 * SIGNS_MIN;
/// A message that is none outweighs so many that are.
const WEIGHT: u32 = 8;
/// After each message that turns: so many a second are no burden.
pub(super) const CIRCLE_PAUSE: Duration = Duration::from_millis(10);
/// Between two times that it is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Of one connection.
#[derive(Default)]
pub(super) struct Circle {
    times: HashMap<u64, u32>,
    order: VecDeque<u64>,
    signs: u32,
    told_at: Option<Duration>,
}

impl Circle {
    /// Whether there is one, and this message is of it.
    pub(super) fn turns_with(&mut self, topic: &[u8], payload: &[u8]) -> bool {
        if !str::from_utf8(topic).is_ok_and(|topic| matches!(Route::of(topic), Route::Native { .. })) {
            return false;
        }
        let mut hash = Xxh3::new();
        hash.update(&(topic.len() as u64).to_le_bytes());
        hash.update(topic);
        hash.update(payload);
        let hash = hash.digest();
        let times = self.times.entry(hash).or_insert(0);
        *times += 1;
        let (is_new, is_sign) = (*times == 1, *times >= TIMES_MIN);
        self.signs = match is_sign {
            true => (self.signs + 1).min(SIGNS_MAX),
            false => self.signs.saturating_sub(WEIGHT),
        };
        if is_new {
            self.order.push_back(hash);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
        is_sign && self.signs >= SIGNS_MIN
    }

    /// Not at every message.
    pub(super) fn is_to_be_told(&mut self, now: Duration) -> bool {
        let due = self.told_at.is_none_or(|told_at| now >= told_at + TOLD_EVERY);
        if due {
            self.told_at = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns_within(topic: &str, messages: impl Iterator<Item = u64>) -> Option<usize> {
        let mut circle = Circle::default();
        messages.map(|message| circle.turns_with(topic.as_bytes(), &message.to_le_bytes())).position(|turns| turns)
    }

    fn closes_within(messages: impl Iterator<Item = u64>) -> Option<usize> {
        turns_within("kerbside/v1/parking/a", messages)
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

    #[test]
    fn a_feed_that_is_no_reading_may_repeat_itself() {
        assert_eq!(turns_within("plant/online", std::iter::repeat_n(7, 100_000)), None);
    }

    #[test]
    fn new_messages_of_a_feed_with_a_circle_in_it_are_not_slowed() {
        let mut circle = Circle::default();
        let mut turns = |message: u64| circle.turns_with(b"kerbside/v1/parking/a", &message.to_le_bytes());
        assert!((0..5_000).filter(|_| turns(1)).count() > 0);
        assert!(!turns(2) && turns(1));
    }

    #[test]
    fn a_circle_is_told_once_a_minute() {
        let mut circle = Circle::default();
        let told = [0, 1, 59, 60, 61, 120].map(|seconds| circle.is_to_be_told(Duration::from_secs(seconds)));
        assert_eq!(told, [true, false, false, true, false, true]);
    }
}
