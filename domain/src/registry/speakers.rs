//! Whose readings are those of a place over time: every sensor that ever spoke for it, each within its spans.

use super::Registry;
use super::resolution::Resolution;
use super::span::Span;
use crate::id::{ObjectId, SensorId};
use crate::kind::Kind;
use crate::time::Timestamp;

/// By sensor, then time. At most one sensor an instant.
pub type Speakers = Vec<(SensorId, Span)>;

impl Registry {
    /// Of [from, to): those whose readings count where `counts` says that an answer of [`resolve`](Self::resolve) leads there.
    pub(super) fn speakers(
        &self,
        kind: Kind,
        place: &ObjectId,
        from: Timestamp,
        to: Timestamp,
        counts: impl Fn(&Resolution) -> bool,
    ) -> Speakers {
        let mut candidates = self.bound_to(place).to_vec();
        candidates.extend(SensorId::new(place.as_str()).ok());
        candidates.sort_unstable();
        candidates.dedup();
        let mut speakers = Vec::new();
        for sensor in candidates {
            let spans = self.spans_of(kind, &sensor, from, to, &counts);
            speakers.extend(spans.into_iter().map(|span| (sensor.clone(), span)));
        }
        speakers
    }

    fn spans_of(
        &self,
        kind: Kind,
        sensor: &SensorId,
        from: Timestamp,
        to: Timestamp,
        counts: impl Fn(&Resolution) -> bool,
    ) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut at = from;
        while at < to {
            let answer = self.resolve(kind, sensor, at);
            let end = answer.valid_to.map_or(to, |end| end.min(to));
            if counts(&answer) && !answer.commissioning {
                match spans.last_mut() {
                    Some(last) if last.to == Some(at) => last.to = Some(end),
                    _ => spans.push(Span { from: Some(at), to: Some(end) }),
                }
            }
            at = end;
        }
        spans
    }
}
