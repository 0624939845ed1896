//! What a registry edit touches: sensors whose readings may count elsewhere now, and the targets that may show others.
//!
//! A sensor's target hangs on its device, on what stands under the ids that the device is bound to, and on the other devices of these
//! targets; a counter hangs on the bays of its site. So everything else stays as it is, and an edit of one bay costs one bay.

use std::collections::BTreeSet;

use domain::registry::{Change, Object, Registry};
use domain::{ObjectId, SensorId};

/// In the order of their names, so that the same edit always tells its changes in the same order.
#[derive(Debug, Default)]
pub struct Touched {
    pub sensors: BTreeSet<SensorId>,
    pub targets: BTreeSet<ObjectId>,
}

impl Touched {
    pub fn by(changes: &[Change], before: &Registry, after: &Registry) -> Self {
        let mut touched = Self::default();
        for change in changes {
            touched.look_at(&change.object);
        }
        for target in &touched.targets {
            for registry in [before, after] {
                touched.sensors.extend(registry.bound_to(target).iter().cloned());
            }
            touched.sensors.extend(same_sensor(target));
        }
        // A sensor that leaves one of its targets, or comes to it, does the opposite at another.
        for sensor in &touched.sensors {
            touched.targets.insert(sensor.same_object());
            for registry in [before, after] {
                let bindings = registry.devices.of(sensor.as_str()).iter().flat_map(|version| &version.object.bindings);
                touched.targets.extend(bindings.map(|binding| binding.target.clone()));
            }
        }
        touched
    }

    fn look_at(&mut self, object: &Object) {
        match object {
            Object::Area(_) => {}
            Object::Site(site) => {
                self.targets.insert(site.id.clone());
            }
            Object::Bay(bay) => self.targets.extend([bay.id.clone(), bay.site.clone()]),
            Object::Station(station) => {
                self.targets.insert(station.id.clone());
            }
            Object::Device(device) => {
                self.sensors.insert(device.id.clone());
                self.targets.insert(device.id.same_object());
                self.targets.extend(device.bindings.iter().map(|binding| binding.target.clone()));
            }
        }
    }
}

/// The sensor that belongs to a target by its name alone.
pub fn same_sensor(target: &ObjectId) -> Option<SensorId> {
    SensorId::new(target.as_str()).ok()
}
