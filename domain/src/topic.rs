//! The topic grammar: which codec reads a publish, and whose reading it is.

use std::fmt;

use crate::id::SensorId;
use crate::kind::Kind;

/// Below it Kerbside owns every topic.
pub const NATIVE_PREFIX: &str = "kerbside/v1/";

/// Where a publish goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `kerbside/v1/{parking|air}/{sensor}`
    Native { kind: Kind, sensor: SensorId },
    /// Under `kerbside/v1/` and no topic of ours: rejected as `unknown_topic`.
    Unknown,
    /// Published by the server only: `kerbside/v1/state/…`.
    State,
    /// Ordinary MQTT traffic: journaled and routed, never in the lake, counted.
    Foreign,
}

impl Route {
    /// Total: every topic has a route.
    pub fn of(topic: &str) -> Self {
        let Some(rest) = topic.strip_prefix(NATIVE_PREFIX) else {
            return Self::Foreign;
        };
        let Some((first, sensor)) = rest.split_once('/') else {
            return Self::Unknown;
        };
        if first == "state" {
            return Self::State;
        }
        match (Kind::by_name(first), SensorId::new(sensor)) {
            (Some(kind), Ok(sensor)) => Self::Native { kind, sensor },
            _ => Self::Unknown,
        }
    }

    /// Whose reading it is, where the topic says so.
    pub fn sensor(&self) -> Option<&SensorId> {
        match self {
            Self::Native { sensor, .. } => Some(sensor),
            Self::Unknown | Self::State | Self::Foreign => None,
        }
    }
}

/// The topic under which a sensor of a kind publishes.
pub fn native(kind: Kind, sensor: &SensorId) -> impl fmt::Display {
    format!("{NATIVE_PREFIX}{}/{sensor}", kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_one_route() {
        let sensor = SensorId::new("bay-1").expect("valid");
        let cases = [
            ("kerbside/v1/parking/bay-1", Route::Native { kind: Kind::Parking, sensor: sensor.clone() }),
            ("kerbside/v1/air/bay-1", Route::Native { kind: Kind::Air, sensor }),
            ("kerbside/v1/parking/", Route::Unknown),
            ("kerbside/v1/parking/a/b", Route::Unknown),
            ("kerbside/v1/noise/a", Route::Unknown),
            ("kerbside/v1/", Route::Unknown),
            ("kerbside/v1/state/parking/site-1", Route::State),
            ("kerbside/v2/parking/a", Route::Foreign),
            ("home/lamp", Route::Foreign),
        ];
        for (topic, route) in cases {
            assert_eq!(Route::of(topic), route, "{topic}");
        }
    }
}
