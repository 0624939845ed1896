//! A span of validity: half-open, open-ended on either side.

use crate::time::Timestamp;

/// [from, to); `None` is since ever, or for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl Span {
    pub const ALWAYS: Self = Self { from: None, to: None };

    pub fn holds(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }

    pub fn overlaps(self, other: Self) -> bool {
        before(self.from, other.to) && before(other.from, self.to)
    }

    pub fn is_empty(self) -> bool {
        !before(self.from, self.to)
    }

    /// The part of it that holds `at` and no change at one of `edges` inside.
    pub(super) fn narrowed(self, at: Timestamp, edges: impl IntoIterator<Item = Timestamp>) -> Self {
        edges.into_iter().fold(self, |span, edge| match edge <= at {
            true => Self { from: span.from.max(Some(edge)), ..span },
            false => Self { to: Some(span.to.map_or(edge, |to| to.min(edge))), ..span },
        })
    }

    pub(super) fn edges(self) -> impl Iterator<Item = Timestamp> {
        self.from.into_iter().chain(self.to)
    }
}

/// A start before an end; both may be open.
fn before(from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    match (from, to) {
        (Some(from), Some(to)) => from < to,
        _ => true,
    }
}
