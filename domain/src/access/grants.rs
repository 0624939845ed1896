//! What one device may publish and subscribe to. Nothing unless it is granted.
//!
//! Readings are granted by sensor, whatever topic carries them: a device speaks for itself, a gateway for its list. Other topics are
//! granted by filters, and what may be subscribed to is granted by filters: an asked filter has to lie within one of them.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::id::SensorId;
use crate::limits::{GRANTS_MAX, TOPIC_BYTES_MAX};
use crate::topic::Route;

/// What a device may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Whose readings it may publish.
    pub sensors: Vec<SensorPattern>,
    /// Further topics that it may publish to.
    pub publish: Vec<TopicPattern>,
    pub subscribe: Vec<TopicPattern>,
}

/// Why a grant was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    #[error("{0:?} is no sensor id (1 to 64 of A-Z a-z 0-9 . _ -) and no beginning of one followed by *")]
    Sensor(String),
    #[error("{0:?} is no topic filter")]
    Topic(String),
    #[error("more than {GRANTS_MAX} grants")]
    TooMany,
}

impl Grants {
    /// Of a device that speaks for itself.
    pub fn of_device(id: &SensorId) -> Self {
        Self { sensors: vec![SensorPattern(id.as_str().into())], ..Self::default() }
    }

    pub fn check(&self) -> Result<(), GrantError> {
        match self.sensors.len().max(self.publish.len()).max(self.subscribe.len()) {
            0..=GRANTS_MAX => Ok(()),
            _ => Err(GrantError::TooMany),
        }
    }

    /// The server's own topics are nobody else's, whatever was granted.
    pub fn may_publish(&self, topic: &str) -> bool {
        let route = Route::of(topic);
        if topic.starts_with('$') || route == Route::State {
            return false;
        }
        let speaks_for = |sensor: &SensorId| self.sensors.iter().any(|pattern| pattern.matches(sensor));
        route.sensor().is_some_and(speaks_for) || self.publish.iter().any(|pattern| pattern.covers(topic))
    }

    pub fn may_subscribe(&self, filter: &str) -> bool {
        self.subscribe.iter().any(|pattern| pattern.covers(filter))
    }
}

/// A sensor id, or the beginning of ids and `*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CompactString", into = "CompactString")]
pub struct SensorPattern(CompactString);

impl SensorPattern {
    pub fn parse(text: &str) -> Result<Self, GrantError> {
        let begin = text.strip_suffix('*').unwrap_or(text);
        let is_valid = SensorId::new(begin).is_ok() || begin.is_empty() && !text.is_empty();
        if is_valid { Ok(Self(text.into())) } else { Err(GrantError::Sensor(text.to_owned())) }
    }

    pub fn matches(&self, sensor: &SensorId) -> bool {
        match self.0.strip_suffix('*') {
            Some(begin) => sensor.as_str().starts_with(begin),
            None => self.0 == sensor.as_str(),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A topic filter (MQTT 5, section 4.7) that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CompactString", into = "CompactString")]
pub struct TopicPattern(CompactString);

impl TopicPattern {
    pub fn parse(text: &str) -> Result<Self, GrantError> {
        let levels: Vec<_> = text.split('/').collect();
        let is_valid = |(at, level): (usize, &&str)| match *level {
            "+" => true,
            "#" => at + 1 == levels.len(),
            level => !level.contains(['+', '#', '\0']),
        };
        let fits = !text.is_empty() && text.len() <= TOPIC_BYTES_MAX && !text.starts_with("$share/");
        if fits && levels.iter().enumerate().all(is_valid) {
            Ok(Self(text.into()))
        } else {
            Err(GrantError::Topic(text.to_owned()))
        }
    }

    /// Whether every topic that `asked` (a topic or a filter) matches is matched by this one, too.
    pub fn covers(&self, asked: &str) -> bool {
        // Wildcards in the first level do not match topics that begin with `$`.
        if asked.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut asked = asked.split('/');
        for granted in self.0.split('/') {
            match (granted, asked.next()) {
                ("#", _) => return true,
                (_, None | Some("#")) => return false,
                ("+", Some(_)) => {}
                (granted, Some(level)) if granted == level => {}
                _ => return false,
            }
        }
        asked.next().is_none()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text {
    ($name:ident) => {
        impl TryFrom<CompactString> for $name {
            type Error = GrantError;

            fn try_from(text: CompactString) -> Result<Self, GrantError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for CompactString {
            fn from(pattern: $name) -> Self {
                pattern.0
            }
        }
    };
}

text!(SensorPattern);
text!(TopicPattern);

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(sensors: &[&str], publish: &[&str], subscribe: &[&str]) -> Grants {
        let topics = |texts: &[&str]| texts.iter().map(|text| TopicPattern::parse(text).expect("a filter")).collect();
        Grants {
            sensors: sensors.iter().map(|text| SensorPattern::parse(text).expect("a pattern")).collect(),
            publish: topics(publish),
            subscribe: topics(subscribe),
        }
    }

    #[test]
    fn a_device_publishes_only_under_its_own_id() {
        let device = Grants::of_device(&SensorId::new("bay-1").expect("an id"));
        assert!(device.may_publish("kerbside/v1/parking/bay-1") && device.may_publish("kerbside/v1/air/bay-1"));
        for topic in
            ["kerbside/v1/parking/bay-10", "kerbside/v1/parking/bay", "kerbside/v1/state/parking/bay-1", "bay-1", "x/bay-1"]
        {
            assert!(!device.may_publish(topic), "{topic}");
        }
        assert!(!device.may_subscribe("kerbside/v1/parking/bay-1"), "nothing is read unless it is granted");
    }

    #[test]
    fn a_gateway_publishes_under_its_list() {
        let gateway = grants(&["bay-1", "north-*"], &["v3/#"], &[]);
        for topic in ["kerbside/v1/parking/bay-1", "kerbside/v1/air/north-7", "v3/app@tenant/devices/d/up"] {
            assert!(gateway.may_publish(topic), "{topic}");
        }
        assert!(!gateway.may_publish("kerbside/v1/air/south-7"));
    }

    #[test]
    fn no_grant_reaches_the_servers_own_topics() {
        let all = grants(&["*"], &["#", "kerbside/v1/#"], &[]);
        assert!(all.may_publish("kerbside/v1/nothing/known"));
        assert!(!all.may_publish("kerbside/v1/state/parking/a") && !all.may_publish("$SYS/uptime"));
    }

    #[test]
    fn a_filter_is_granted_when_all_its_topics_are() {
        let cases = [
            ("a/#", "a/b/c", true),
            ("a/#", "a/+/c", true),
            ("a/#", "a/#", true),
            ("a/#", "a", true),
            ("a/#", "#", false),
            ("a/+", "a/b", true),
            ("a/+", "a/+", true),
            ("a/+", "a/#", false),
            ("a/+", "a", false),
            ("a/b", "a/+", false),
            ("a/b", "a/b/c", false),
            ("+/b", "+/b", true),
            ("+/b", "#", false),
            ("#", "+/x", true),
            ("#", "$SYS/#", false),
            ("$SYS/#", "$SYS/uptime", true),
        ];
        for (granted, asked, expected) in cases {
            assert_eq!(TopicPattern::parse(granted).expect("a filter").covers(asked), expected, "{granted} {asked}");
        }
    }

    #[test]
    fn a_grant_that_makes_no_sense_is_refused() {
        for text in ["", "a/#/b", "a+", "#a", "a\0", "$share/g/a"] {
            assert!(TopicPattern::parse(text).is_err(), "{text}");
        }
        for text in ["", "a/b", "a**", "*a", "bãi"] {
            assert!(SensorPattern::parse(text).is_err(), "{text}");
        }
        assert!(SensorPattern::parse("*").is_ok());
    }
}
