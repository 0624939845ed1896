//! Whether a site or bay takes anybody at an instant. Opening hours are another question: here are the city's own closures.

use super::layout::Layout;
use super::object::{Bay, Closure, Site};
use super::span::Span;
use crate::time::Timestamp;

impl Closure {
    pub fn span(&self) -> Span {
        Span { from: self.from, to: self.to }
    }
}

impl Site {
    pub fn closure_at(&self, at: Timestamp) -> Option<&Closure> {
        first(&self.closed, at)
    }
}

impl Bay {
    /// By its own closures; its site's count as well, see [`Layout::closure_of_bay`].
    pub fn closure_at(&self, at: Timestamp) -> Option<&Closure> {
        first(&self.closed, at)
    }
}

impl Layout {
    /// The site's closure, or the bay's own; the bay by its place in [`Layout::bays`].
    pub fn closure_of_bay(&self, bay: usize, at: Timestamp) -> Option<&Closure> {
        let bay = &self.bays[bay];
        let site = self.site_by_id.get(&bay.site).map(|&site| &self.sites[site].site);
        site.and_then(|site| site.closure_at(at)).or_else(|| bay.closure_at(at))
    }
}

fn first(closed: &[Closure], at: Timestamp) -> Option<&Closure> {
    closed.iter().find(|closure| closure.span().holds(at))
}
