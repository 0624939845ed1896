//! Every topic has one route, from which it can be written again; a pattern covers itself, and what covers a filter covers what lies
//! within it. Lines of the input: a topic, then patterns.

use domain::access::{SensorPattern, TopicPattern};
use domain::topic::{Route, native};

pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let topic = lines.next().unwrap_or_default();
    let route = Route::of(topic);
    if let Route::Native { kind, sensor } = &route {
        assert_eq!(native(*kind, sensor).to_string(), topic);
        assert_eq!(route.sensor(), Some(sensor));
    }
    let lines: Vec<_> = lines.take(8).collect();
    let patterns: Vec<_> = lines.iter().filter_map(|line| TopicPattern::parse(line).ok()).collect();
    for outer in &patterns {
        assert!(outer.covers(outer.as_str()) || outer.as_str().starts_with('$'), "{outer:?}");
        for inner in patterns.iter().filter(|inner| outer.covers(inner.as_str())) {
            assert!(!inner.covers(topic) || outer.covers(topic), "{outer:?} {inner:?} {topic:?}");
        }
    }
    for pattern in lines.iter().filter_map(|line| SensorPattern::parse(line).ok()) {
        if let Some(sensor) = route.sensor() {
            let _ = pattern.matches(sensor);
        }
    }
}
