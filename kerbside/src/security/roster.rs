//! All devices and keys in memory: what every login, publish and request is judged by.

use compact_str::CompactString;
use domain::Timestamp;
use hashbrown::HashMap;

use super::store::{Device, Key};

/// One state of the store.
#[derive(Debug, Default, PartialEq)]
pub struct Roster {
    devices: HashMap<CompactString, Device>,
    keys: HashMap<CompactString, Key>,
}

impl Roster {
    pub fn new(devices: Vec<Device>, keys: Vec<Key>) -> Self {
        Self {
            devices: devices.into_iter().map(|device| (device.id.as_str().into(), device)).collect(),
            keys: keys.into_iter().map(|key| (key.id.clone(), key)).collect(),
        }
    }

    /// A device that may connect at `now`.
    pub fn device(&self, id: &str, now: Timestamp) -> Option<&Device> {
        self.devices.get(id).filter(|device| device.life.is_in_force(now))
    }

    /// Whether such a device was ever added, revoked or not.
    pub fn knows_device(&self, id: &str) -> bool {
        self.devices.contains_key(id)
    }

    /// A key that opens something at `now`.
    pub fn key(&self, id: &str, now: Timestamp) -> Option<&Key> {
        self.keys.get(id).filter(|key| key.life.is_in_force(now))
    }

    pub fn counts(&self) -> (usize, usize) {
        (self.devices.len(), self.keys.len())
    }
}
