//! A change by a command is seen; a store that cannot be read changes nothing.

use domain::access::{Authority as _, Principal};
use domain::{SensorId, Timestamp};

use super::*;
use crate::clock;
use crate::security::store::{Adding, NewDevice};

fn added(dir: &Path, id: &str) {
    let id = SensorId::new(id).expect("an id");
    let grants = domain::access::Grants::of_device(&id);
    let device = NewDevice { id, password: None, certificate: true, grants, expires_at: None };
    Store::open(dir).expect("a store").add_device(&device, Adding::New, "ann", Timestamp::UNIX_EPOCH).expect("added");
}

fn knows(watch: &Watch, id: &str) -> bool {
    watch.guard.is_in_force(&Principal::Device(id.into()))
}

#[test]
fn what_a_command_changes_is_seen_at_the_next_look() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    added(dir.path(), "a");
    let mut watch = Watch::open(dir.path(), Anonymous::Never, clock::system()).expect("readable");
    assert!(knows(&watch, "a") && !knows(&watch, "b"));
    added(dir.path(), "b");
    watch.look().expect("readable");
    assert!(knows(&watch, "b"));
    let id = SensorId::new("a").expect("an id");
    Store::open(dir.path()).expect("a store").revoke_device(&id, "ann", Timestamp::UNIX_EPOCH).expect("there is one");
    watch.look().expect("readable");
    assert!(!knows(&watch, "a"));
}

#[test]
fn a_restored_backup_is_read() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let backup = tempfile::tempdir().expect("a temporary directory");
    added(backup.path(), "from-backup");
    let mut watch = Watch::open(dir.path(), Anonymous::Never, clock::system()).expect("readable");
    std::fs::rename(backup.path().join("credentials.sqlite"), dir.path().join("credentials.sqlite")).expect("one file system");
    watch.look().expect("readable");
    assert!(knows(&watch, "from-backup"));
}

#[test]
fn a_store_that_cannot_be_read_leaves_everybody_as_they_were() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    added(dir.path(), "a");
    let mut watch = Watch::open(dir.path(), Anonymous::Never, clock::system()).expect("readable");
    std::fs::rename(dir.path().join("credentials.sqlite"), dir.path().join("kept")).expect("renamed");
    std::fs::write(dir.path().join("credentials.sqlite"), "no database, but long enough to be taken for one".repeat(20))
        .expect("written");
    assert!(watch.look().is_err());
    assert!(knows(&watch, "a"));
}
