//! What the file keeps, and who may read it.

use std::os::unix::fs::PermissionsExt as _;

use domain::access::Scope;
use tempfile::TempDir;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn device(id: &str) -> NewDevice {
    let id = SensorId::new(id).expect("an id");
    NewDevice {
        grants: Grants::of_device(&id),
        id,
        password: Some(Hash::of(b"p")),
        certificate: false,
        expires_at: Some(at(100)),
    }
}

fn opened() -> (TempDir, Store) {
    let dir = TempDir::new().expect("a temporary directory");
    let store = Store::open(&dir.path().join("security")).expect("a new store");
    (dir, store)
}

#[test]
fn what_was_added_is_read_again_and_a_change_is_seen_by_another_connection() {
    let (dir, reader) = opened();
    let mut writer = Store::open(&dir.path().join("security")).expect("the same store");
    let before = reader.version().expect("readable");
    let new = device("bay-1");
    writer.add_device(&new, Adding::New, "ann", at(1)).expect("added");
    let scopes = [Scope::Ops].into_iter().collect();
    let key = NewKey { id: "k1".into(), name: "Nguyễn An".into(), scopes, hash: [7; 32], expires_at: None };
    writer.add_key(&key, "ann", at(2)).expect("added");
    assert_ne!(reader.version().expect("readable"), before);
    let devices = reader.devices().expect("readable");
    assert_eq!((devices.len(), &devices[0].id, &devices[0].grants), (1, &new.id, &new.grants));
    assert_eq!(devices[0].password, new.password);
    let keys = reader.keys().expect("readable");
    assert_eq!((keys[0].name.as_str(), keys[0].scopes, keys[0].hash), ("Nguyễn An", scopes, [7; 32]));
}

#[test]
fn what_only_reads_makes_no_file() {
    let dir = TempDir::new().expect("a temporary directory");
    let security = dir.path().join("security");
    assert!(Store::open_existing(&security).expect("nothing is wrong").is_none());
    assert!(!security.exists());
    Store::open(&security).expect("a new store");
    assert!(Store::open_existing(&security).expect("it is there now").is_some());
}

#[test]
fn a_device_ends_by_its_time_and_by_revocation() {
    let (_dir, mut store) = opened();
    store.add_device(&device("bay-1"), Adding::New, "ann", at(1)).expect("added");
    let life = |store: &Store| store.devices().expect("readable")[0].life;
    assert_eq!((life(&store).state(at(99)), life(&store).state(at(100))), ("active", "expired"));
    let id = SensorId::new("bay-1").expect("an id");
    store.revoke_device(&id, "ann", at(5)).expect("there is one");
    store.revoke_device(&id, "ann", at(6)).expect("changes nothing");
    assert_eq!(life(&store).revoked_at, Some(at(5)));
    assert!(!life(&store).is_in_force(at(5)));
}

#[test]
fn an_id_that_stands_is_taken_until_it_is_revoked_or_replaced() {
    let (_dir, mut store) = opened();
    store.add_device(&device("bay-1"), Adding::New, "ann", at(1)).expect("added");
    assert!(matches!(store.add_device(&device("bay-1"), Adding::New, "ann", at(2)), Err(StoreError::Exists(_))));
    assert!(store.has_device(&device("bay-1").id).expect("readable"));
    store.add_device(&device("bay-1"), Adding::Replacing, "ann", at(3)).expect("replaced");
    store.revoke_device(&SensorId::new("bay-1").expect("an id"), "ann", at(4)).expect("there is one");
    assert!(!store.has_device(&device("bay-1").id).expect("readable"));
    store.add_device(&device("bay-1"), Adding::New, "ann", at(5)).expect("free again");
    let devices = store.devices().expect("readable");
    assert_eq!((devices.len(), devices[0].life.created_at, devices[0].life.revoked_at), (1, at(5), None));
}

#[test]
fn what_is_not_there_cannot_be_revoked() {
    let (_dir, mut store) = opened();
    assert!(matches!(store.revoke_device(&SensorId::new("x").expect("an id"), "ann", at(1)), Err(StoreError::NoDevice(_))));
    assert!(matches!(store.revoke_key("x", "ann", at(1)), Err(StoreError::NoKey(_))));
}

#[test]
fn only_its_owner_reads_the_file() {
    let (dir, _store) = opened();
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let security = dir.path().join("security");
    assert_eq!((mode(&security), mode(&security.join("credentials.sqlite"))), (0o700, 0o600));
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let (dir, store) = opened();
    store.connection.pragma_update(None, "user_version", FORMAT + 1).expect("writable");
    assert!(matches!(Store::open(&dir.path().join("security")), Err(StoreError::Newer { .. })));
}

#[test]
fn every_change_stands_in_the_audit_and_an_act_that_broke_off_shows() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut store = Store::open(dir.path()).expect("a new file");
    store.add_device(&device("bay-1"), Adding::New, "ann", at(1)).expect("added");
    store.add_device(&device("bay-1"), Adding::Replacing, "ann", at(2)).expect("replaced");
    store.revoke_device(&SensorId::new("bay-1").expect("an id"), "bo", at(3)).expect("there is one");
    assert!(store.revoke_key("x", "bo", at(4)).is_err());
    let act = |act| Act { who: "bo", act, subject: "/v1/registry" };
    let begun = store.begin(act("importRegistry"), at(5)).expect("begun");
    store.begin(act("importRegistry"), at(6)).expect("begun");
    store.end(begun, "done", at(7)).expect("ended");
    let told: Vec<_> = store.acts(10).expect("acts").into_iter().map(|act| (act.act, act.who, act.outcome)).collect();
    let names: Vec<_> = told.iter().map(|(act, who, outcome)| (act.as_str(), who.as_str(), outcome.is_some())).collect();
    let expected = [
        ("importRegistry", "bo", false),
        ("importRegistry", "bo", true),
        ("device revoke", "bo", true),
        ("device replace", "ann", true),
        ("device add", "ann", true),
    ];
    assert_eq!(names, expected);
}
