//! Whose reading it is: from a sensor and an instant to the bay, counter site or station that the reading belongs to.

use hashbrown::HashMap;

use super::Registry;
use super::object::{Binding, Device, DeviceStatus};
use super::span::Span;
use super::version::{Entity, Version, Versions};
use crate::id::{ObjectId, SensorId};
use crate::kind::Kind;
use crate::quantity::Quantity;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetKind {
    Bay,
    Counter,
    Station,
}

/// What a reading is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub kind: TargetKind,
    pub id: ObjectId,
}

/// The answer for one sensor from `valid_from` until `valid_to`: callers keep it for that long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolution {
    /// A device, or the target's own sensor. Otherwise the sensor is provisional or held.
    pub known: bool,
    /// Its readings are accepted and enter no window, live answer or area number.
    pub commissioning: bool,
    /// Where its readings count. `None` as well for a device that is bound to nothing now or that another one overrules.
    pub target: Option<Target>,
    /// Quantities that count elsewhere than `target`, or nowhere: only for a device with bindings by quantity.
    pub by_quantity: Vec<(Quantity, Option<Target>)>,
    /// The device with a lower id that is bound to the same target now; this one's readings are kept and do not count.
    pub overruled_by: Option<SensorId>,
    /// The longest time between two readings: a bay's or counter's.
    pub heartbeat_s: Option<u32>,
    /// The same of a station.
    pub interval_s: Option<u32>,
    /// A counter's places.
    pub capacity: Option<u32>,
    pub valid_from: Option<Timestamp>,
    pub valid_to: Option<Timestamp>,
}

impl Resolution {
    /// Where one quantity of a reading counts.
    pub fn target_of(&self, quantity: Quantity) -> Option<&Target> {
        let apart = self.by_quantity.iter().find(|(named, _)| *named == quantity);
        apart.map_or(self.target.as_ref(), |(_, target)| target.as_ref())
    }

    pub fn holds(&self, at: Timestamp) -> bool {
        Span { from: self.valid_from, to: self.valid_to }.holds(at)
    }
}

impl Registry {
    /// Whose reading a reading of `sensor` with this instant is. Parking sensors belong to bays and counter sites, air sensors to
    /// stations. A device without bindings, like a sensor without a device, belongs to the object of its own id.
    pub fn resolve(&self, kind: Kind, sensor: &SensorId, at: Timestamp) -> Resolution {
        let mut asked = Asked { registry: self, kind, at, span: Span::ALWAYS };
        let mut answer = match asked.version(&self.devices, sensor.as_str()) {
            Some(device) if !device.bindings.is_empty() => asked.by_bindings(device),
            device => asked.by_its_own_id(sensor, device),
        };
        asked.describe(&mut answer);
        answer.valid_from = asked.span.from;
        answer.valid_to = asked.span.to;
        answer
    }

    /// When a site had bays: overlapping spans, none twice in a row.
    pub(super) fn spans_with_bays(&self, site: &ObjectId) -> &[Span] {
        let with_bays = self.derived.with_bays.get_or_init(|| {
            let mut with_bays = HashMap::<ObjectId, Vec<Span>>::new();
            for version in self.bays.iter() {
                let spans = with_bays.entry_ref(&version.object.site).or_default();
                if spans.last() != Some(&version.span) {
                    spans.push(version.span);
                }
            }
            with_bays
        });
        with_bays.get(site).map_or(&[], Vec::as_slice)
    }

    /// Devices that were ever bound to a target, by sensor id.
    pub fn bound_to(&self, target: &ObjectId) -> &[SensorId] {
        let bound = self.derived.bound.get_or_init(|| {
            let mut bound = HashMap::<ObjectId, Vec<SensorId>>::new();
            for version in self.devices.iter() {
                let device = &version.object;
                // Devices come sorted, so equal ones are neighbours in every list.
                let own = device.bindings.is_empty().then(|| device.id.same_object());
                for target in device.bindings.iter().map(|binding| binding.target.clone()).chain(own) {
                    let list = bound.entry(target).or_default();
                    if list.last() != Some(&device.id) {
                        list.push(device.id.clone());
                    }
                }
            }
            bound
        });
        bound.get(target).map_or(&[], Vec::as_slice)
    }
}

/// One question, with the span in which everything looked at so far stays as it is.
struct Asked<'a> {
    registry: &'a Registry,
    kind: Kind,
    at: Timestamp,
    span: Span,
}

impl<'a> Asked<'a> {
    fn by_bindings(&mut self, device: &'a Device) -> Resolution {
        let mut answer =
            Resolution { known: true, commissioning: device.status == DeviceStatus::Commissioning, ..Resolution::default() };
        self.look_at(device.bindings.iter().flat_map(|binding| binding_span(binding).edges()));
        let valid = device.bindings.iter().filter(|binding| binding_span(binding).holds(self.at));
        for binding in valid.collect::<Vec<_>>() {
            let Some(target) = self.target(&binding.target) else {
                continue;
            };
            let overruled_by = self.overruled_by(&device.id, &target, binding.quantity);
            let counts = overruled_by.is_none().then_some(target);
            answer.overruled_by = answer.overruled_by.or(overruled_by);
            match binding.quantity {
                Some(quantity) => answer.by_quantity.push((quantity, counts)),
                None => answer.target = answer.target.or(counts),
            }
        }
        answer
    }

    fn by_its_own_id(&mut self, sensor: &SensorId, device: Option<&Device>) -> Resolution {
        let target = self.target(&sensor.same_object());
        let overruled_by = target.as_ref().and_then(|target| match device {
            Some(_) => self.overruled_by(sensor, target, None),
            // A real device at the place is surer than the mere possibility of a sensor with the place's name.
            None => self.first_bound(target, None, |_| true),
        });
        Resolution {
            known: device.is_some() || target.is_some(),
            commissioning: device.is_some_and(|device| device.status == DeviceStatus::Commissioning),
            target: target.filter(|_| overruled_by.is_none()),
            overruled_by,
            ..Resolution::default()
        }
    }

    /// Two devices of one target at one instant: the lower id counts.
    fn overruled_by(&mut self, sensor: &SensorId, target: &Target, quantity: Option<Quantity>) -> Option<SensorId> {
        self.first_bound(target, quantity, |other| other < sensor)
    }

    fn first_bound(
        &mut self,
        target: &Target,
        quantity: Option<Quantity>,
        counts: impl Fn(&SensorId) -> bool,
    ) -> Option<SensorId> {
        let registry = self.registry;
        for other in registry.bound_to(&target.id).iter().filter(|other| counts(other)) {
            let Some(device) = self.version(&registry.devices, other.as_str()) else {
                continue;
            };
            self.look_at(device.bindings.iter().flat_map(|binding| binding_span(binding).edges()));
            let own = device.bindings.is_empty() && device.id.same_object() == target.id;
            let bound = device.bindings.iter().any(|binding| {
                binding.target == target.id
                    && binding_span(binding).holds(self.at)
                    && (binding.quantity.is_none() || quantity.is_none() || binding.quantity == quantity)
            });
            if device.status == DeviceStatus::Active && (own || bound) {
                return Some(other.clone());
            }
        }
        None
    }

    /// What stands under an id now and takes readings of the kind.
    fn target(&mut self, id: &ObjectId) -> Option<Target> {
        let registry = self.registry;
        let kind = match self.kind {
            Kind::Air => self.version(&registry.stations, id.as_str()).map(|_| TargetKind::Station),
            Kind::Parking => match self.version(&registry.bays, id.as_str()) {
                Some(_) => Some(TargetKind::Bay),
                None => self.is_counter(id).then_some(TargetKind::Counter),
            },
        };
        kind.map(|kind| Target { kind, id: id.clone() })
    }

    fn is_counter(&mut self, id: &ObjectId) -> bool {
        let registry = self.registry;
        let Some(site) = self.version(&registry.sites, id.as_str()) else {
            return false;
        };
        if site.capacity.is_some() {
            return true;
        }
        let spans = registry.spans_with_bays(id);
        self.look_at(spans.iter().flat_map(|span| span.edges()));
        !spans.iter().any(|span| span.holds(self.at))
    }

    fn describe(&mut self, answer: &mut Resolution) {
        let registry = self.registry;
        let Some(target) = answer.target.clone().or_else(|| answer.by_quantity.iter().find_map(|(_, target)| target.clone()))
        else {
            return;
        };
        match target.kind {
            TargetKind::Station => {
                answer.interval_s = self.version(&registry.stations, target.id.as_str()).map(|station| station.interval_s);
            }
            TargetKind::Counter => {
                let site = self.version(&registry.sites, target.id.as_str());
                answer.heartbeat_s = site.map(|site| site.heartbeat_s);
                answer.capacity = site.and_then(|site| site.capacity);
            }
            TargetKind::Bay => {
                let bay = self.version(&registry.bays, target.id.as_str());
                let site = bay.and_then(|bay| self.version(&registry.sites, bay.site.as_str()));
                answer.heartbeat_s = bay.and_then(|bay| bay.heartbeat_s).or(site.map(|site| site.heartbeat_s));
            }
        }
    }

    /// The version that holds now; the answer is good until any version of the object begins or ends.
    fn version<T: Entity>(&mut self, versions: &'a Versions<T>, id: &str) -> Option<&'a T> {
        let all: &'a [Version<T>] = versions.of(id);
        self.look_at(all.iter().flat_map(|version| version.span.edges()));
        all.iter().find(|version| version.span.holds(self.at)).map(|version| &*version.object)
    }

    fn look_at(&mut self, edges: impl IntoIterator<Item = Timestamp>) {
        self.span = self.span.narrowed(self.at, edges);
    }
}

fn binding_span(binding: &Binding) -> Span {
    Span { from: binding.from, to: binding.to }
}
