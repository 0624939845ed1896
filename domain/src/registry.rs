//! The registry: what stands where, whose reading it is, and since when.
//!
//! Every object has dates of validity; a number uses the version valid at its instant. A [`Registry`] is immutable: an edit
//! gives a new one, so readers never wait. What is needed at one instant is a [`Layout`], shared until the next change.

mod layout;
mod object;

pub use layout::{Layout, SiteEntry, StationEntry};
pub use object::{
    Area, Bay, Binding, Closure, Device, DeviceStatus, Feature, Names, Object, ObjectKind, Price, Site, SiteKind, Station,
    StationClass, Vehicle,
};
