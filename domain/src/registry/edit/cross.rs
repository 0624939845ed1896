//! Whether the rows of an edit fit together and into the registry: judged on the registry as it would be afterwards.

use hashbrown::HashSet;

use super::Edit;
use crate::id::ObjectId;
use crate::registry::Registry;
use crate::registry::feature::{Fault, Remark};
use crate::registry::object::{Area, Bay, Binding, Device, Object, Site};
use crate::registry::span::Span;
use crate::registry::version::Version;

pub(super) enum Finding {
    Fault(Fault),
    Remark(Remark),
}

/// Findings by row. `excused` holds the ids of refused rows: a reference to one is not judged.
pub(super) fn check(next: &Registry, edit: &Edit, excused: &HashSet<String>) -> Vec<(usize, Finding)> {
    let mut findings = Vec::new();
    for row in &edit.rows {
        let mut checks = Checks { next, excused, findings: Vec::new() };
        match &row.object {
            Object::Area(area) => checks.area(area),
            Object::Site(site) => checks.site(site),
            Object::Bay(bay) => checks.bay(bay),
            Object::Station(_) => {}
            Object::Device(device) => checks.device(device),
        }
        findings.extend(checks.findings.into_iter().map(|finding| (row.row, finding)));
    }
    findings
}

struct Checks<'a> {
    next: &'a Registry,
    excused: &'a HashSet<String>,
    findings: Vec<Finding>,
}

impl Checks<'_> {
    fn fault(&mut self, field: &str, detail: impl Into<String>) {
        self.findings.push(Finding::Fault(Fault::new(field, detail)));
    }

    fn area(&mut self, area: &Area) {
        let city = self.next.city();
        if city.rank(&area.level).is_none() {
            self.fault("level", format!("{:?} is none of {}", area.level, city.levels.join(", ")));
            return;
        }
        let Some(parent) = &area.parent else {
            return;
        };
        let parents = self.next.areas.of(parent.as_str());
        if parents.is_empty() && !self.excused.contains(parent.as_str()) {
            self.fault("parent", format!("no area is called {parent}"));
            return;
        }
        if self.is_its_own_ancestor(area) {
            self.fault("parent", format!("{parent} lies in {} itself", area.id));
            return;
        }
        // Only levels of one time are compared: an area may change its level.
        let own: Vec<Span> =
            self.next.areas.of(area.id.as_str()).iter().filter(|own| *own.object == *area).map(|own| own.span).collect();
        let wrong = parents.iter().find(|other| {
            own.iter().any(|span| span.overlaps(other.span)) && city.rank(&other.object.level) <= city.rank(&area.level)
        });
        if let Some(level) = wrong.map(|other| other.object.level.clone()) {
            self.fault("parent", format!("{parent} is a {level}, which is not above a {}", area.level));
        }
    }

    /// Climbs from parent to parent through any version; a chain longer than there are areas cannot be without a circle.
    fn is_its_own_ancestor(&self, area: &Area) -> bool {
        let mut seen: HashSet<&ObjectId> = HashSet::new();
        let mut open: Vec<&ObjectId> = area.parent.iter().collect();
        while let Some(id) = open.pop() {
            if *id == area.id {
                return true;
            }
            if seen.insert(id) {
                open.extend(self.next.areas.of(id.as_str()).iter().filter_map(|version| version.object.parent.as_ref()));
            }
        }
        false
    }

    fn site(&mut self, site: &Site) {
        let with_bays = self.next.spans_with_bays(&site.id);
        let counters = self.next.sites.of(site.id.as_str()).iter().filter(|version| version.object.capacity.is_some());
        let both = counters.flat_map(|counter| with_bays.iter().map(|span| counter.span.overlaps(*span))).any(|overlap| overlap);
        if both {
            self.fault("capacity", "a site has bays or a counter, never both: this one has bays");
        }
    }

    fn bay(&mut self, bay: &Bay) {
        let sites = self.next.sites.of(bay.site.as_str());
        if sites.is_empty() {
            if !self.excused.contains(bay.site.as_str()) {
                self.fault("site", format!("no site is called {}", bay.site));
            }
            return;
        }
        let own = self.next.bays.of(bay.id.as_str());
        let overlaps = |site: &Version<Site>| own.iter().any(|own| own.object.site == bay.site && own.span.overlaps(site.span));
        if sites.iter().any(|site| site.object.capacity.is_some() && overlaps(site)) {
            self.fault("site", format!("a site has bays or a counter, never both: {} has a capacity", bay.site));
        } else if !sites.iter().any(overlaps) {
            let detail = format!("site {} does not exist while the bay does", bay.site);
            self.findings.push(Finding::Remark(Remark::new("site", detail)));
        }
    }

    fn device(&mut self, device: &Device) {
        for (index, binding) in device.bindings.iter().enumerate() {
            let target = &binding.target;
            match self.is_target(target) {
                Some(true) => {}
                Some(false) => {
                    self.fault(
                        &format!("bindings[{index}].target"),
                        format!("{target} is a site with bays: bind to one of them"),
                    );
                }
                None if self.excused.contains(target.as_str()) => {}
                None => {
                    let detail = format!("no bay, station or counter site is called {target}");
                    self.fault(&format!("bindings[{index}].target"), detail);
                }
            }
            if let Some(earlier) = device.bindings[..index].iter().position(|earlier| clash(earlier, binding)) {
                self.fault(&format!("bindings[{index}].from"), format!("overlaps bindings[{earlier}]"));
            }
        }
    }

    /// `Some(false)` for a site that never was a counter.
    fn is_target(&self, id: &ObjectId) -> Option<bool> {
        let next = self.next;
        if !next.bays.of(id.as_str()).is_empty() || !next.stations.of(id.as_str()).is_empty() {
            return Some(true);
        }
        let sites = next.sites.of(id.as_str());
        let with_bays = next.spans_with_bays(id);
        let counts = |site: &Version<Site>| site.object.capacity.is_some() || with_bays.is_empty();
        (!sites.is_empty()).then(|| sites.iter().any(counts))
    }
}

/// Two bindings of one device that claim the same readings at one time.
fn clash(a: &Binding, b: &Binding) -> bool {
    let apart = |a: Option<&str>, b: Option<&str>| a.is_some() && b.is_some() && a != b;
    let spans = [a, b].map(|binding| Span { from: binding.from, to: binding.to });
    spans[0].overlaps(spans[1])
        && !apart(a.channel.as_deref(), b.channel.as_deref())
        && !apart(a.quantity.map(|quantity| quantity.name()), b.quantity.map(|quantity| quantity.name()))
}
