//! What is erased on request: everything of one sensor in a period, wherever it is kept.
//!
//! Journal, tables and the front ask the same question here, so that none keeps what another gave up. A message is reached when its topic
//! names the sensor and one of its readings speaks of the period, or when it came in the period: what cannot be read any more as a
//! reading is known by nothing but its time.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::id::SensorId;
use crate::record::Content;
use crate::time::Timestamp;
use crate::topic::Route;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    pub sensor: SensorId,
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
}

/// A message as journal, dead letters and front keep it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub topic: &'a str,
    pub content: Content,
    pub payload: &'a Bytes,
    /// `None`: nobody kept it.
    pub received_at: Option<Timestamp>,
}

impl Erasure {
    /// Whether an instant is in the period.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// The last instant of the period.
    pub fn last(&self) -> Timestamp {
        Timestamp::from_micros(self.to.as_micros().saturating_sub(1))
    }

    /// Whether a topic is of the sensor: where its shape says whose it is, that alone counts; of any other topic each level may be.
    pub fn names(&self, topic: &str) -> bool {
        let sensor = self.sensor.as_str();
        let levels: Vec<&str> = topic.split('/').collect();
        match levels.as_slice() {
            ["kerbside", "v1", "state", _, target] => *target == sensor,
            // `{kind}/{sensor}`, and what is behind them in a topic that has one level too many.
            ["kerbside", "v1", _, of @ ..] if !of.is_empty() => of.contains(&sensor),
            ["v3", _, "devices", device, ..] | ["application", _, "device", device, ..] => *device == sensor,
            ["spBv1.0", group, _, node, device @ ..] => {
                let parts: Vec<&str> = [*group, *node].into_iter().chain(device.iter().copied()).collect();
                // Whose whole name is none that can be asked for stands under the last part of it.
                match SensorId::new(&parts.join(".")) {
                    Ok(name) => name == self.sensor,
                    Err(_) => parts.last() == Some(&sensor),
                }
            }
            levels => levels.contains(&sensor),
        }
    }

    /// Whether a message goes. One of unknown time goes unless it holds readings, all of other periods.
    pub fn reaches(&self, message: &Message<'_>) -> bool {
        if !self.names(message.topic) {
            return false;
        }
        if message.received_at.is_some_and(|at| self.covers(at)) {
            return true;
        }
        let (mut any, mut covered) = (false, false);
        if let Route::Native { kind, .. } = Route::of(message.topic) {
            // No instant depends on the options.
            let options = codec::Options::default();
            codec::decode_native(kind, message.content, message.payload, &options, &mut |element| {
                if let Ok(decoded) = element.outcome {
                    any = true;
                    covered |= self.covers(decoded.reading.observed_at);
                }
            });
        }
        covered || !any && message.received_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(1_790_000_000_000_000 + second * 1_000_000)
    }

    fn reaches(topic: &str, payload: &str, received: Option<i64>) -> bool {
        let erasure = Erasure { sensor: SensorId::new("bay-1").expect("valid"), from: at(10), to: at(20) };
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        erasure.reaches(&Message { topic, content: Content::Default, payload: &payload, received_at: received.map(at) })
    }

    fn reading(second: i64) -> String {
        format!(r#"{{"ts":"{}","state":"vacant"}}"#, at(second))
    }

    const TOPIC: &str = "kerbside/v1/parking/bay-1";

    #[test]
    fn a_message_goes_when_it_came_in_the_period_or_one_of_its_readings_speaks_of_it() {
        for (second, goes) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(reaches(TOPIC, &reading(second), Some(50)), goes, "observed at {second}");
            assert_eq!(reaches(TOPIC, "no reading", Some(second)), goes, "received at {second}");
        }
        assert!(reaches(TOPIC, &format!("[{},{}]", reading(5), reading(15)), Some(50)), "one of an array");
    }

    #[test]
    fn a_message_of_unknown_time_goes_unless_its_readings_are_all_of_another_period() {
        assert!(reaches(TOPIC, "no reading", None));
        assert!(reaches(TOPIC, &reading(15), None) && !reaches(TOPIC, &reading(25), None));
    }

    #[test]
    fn a_sensor_that_is_called_like_a_level_of_others_topics_takes_nothing_of_them() {
        for (sensor, topic) in [
            ("air", "kerbside/v1/air/station-1"),
            ("v1", "kerbside/v1/parking/bay-1"),
            ("devices", "v3/app@t/devices/bay-1/up"),
            ("up", "application/app/device/bay-1/event/up"),
            ("down", "v3/app@t/devices/bay-1/down/push"),
            ("command", "application/app/device/bay-1/command/down"),
            ("parking", "kerbside/v1/state/parking/street-1"),
            ("group", "spBv1.0/group/DDATA/node/bay-1"),
        ] {
            let erasure = Erasure { sensor: SensorId::new(sensor).expect("valid"), from: at(10), to: at(20) };
            assert!(!erasure.names(topic), "{sensor} in {topic}");
        }
        for topic in ["spBv1.0/group/DDATA/node/bay", "kerbside/v1/air/group.node.bay", "street/group.node.bay"] {
            let erasure = Erasure { sensor: SensorId::new("group.node.bay").expect("valid"), from: at(10), to: at(20) };
            assert!(erasure.names(topic), "{topic}");
        }
    }

    #[test]
    fn a_topic_names_the_sensor_as_a_whole_level() {
        for topic in [
            "v3/app@t/devices/bay-1/up",
            "bay-1",
            "kerbside/v1/senml/bay-1",
            "kerbside/v1/bay-1",
            "kerbside/v1/parking/bay-1/again",
            "spBv1.0/City Park/DDATA/node/bay-1",
        ] {
            assert!(reaches(topic, "x", Some(15)), "{topic}");
        }
        for topic in ["kerbside/v1/parking/bay-10", "kerbside/v1/parking/bay-2", "a/x-bay-1"] {
            assert!(!reaches(topic, "x", Some(15)), "{topic}");
        }
    }
}
