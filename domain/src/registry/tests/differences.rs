//! A copy of a registry follows the original by what changed.

use super::*;

fn some_city() -> Registry {
    let rows = [
        here(json!({ "kind": "site", "id": "s", "name": "old" })),
        here(json!({ "kind": "bay", "id": "s-1", "site": "s" })),
        here(json!({ "kind": "bay", "id": "s-2", "site": "s", "features": ["ev"] })),
        here(json!({ "kind": "station", "id": "air", "class": "reference" })),
    ];
    import(&city(), &rows, at("2020-01-01T00:00:00Z"))
}

#[test]
fn the_changes_between_two_registries_lead_from_one_to_the_other() {
    let before = some_city();
    let edit = [
        here(json!({ "kind": "site", "id": "s", "name": "new" })),
        here(json!({ "kind": "bay", "id": "s-1", "site": "s", "valid_to": "2026-12-01" })),
        here(json!({ "kind": "bay", "id": "s-3", "site": "s" })),
    ];
    let after = import(&before, &edit, now());
    let changes = after.changes_since(&before);
    // The site's old version ends, the first bay's gets an end: one goes and one comes; the third bay only comes.
    assert_eq!(changes.iter().filter(|change| change.what == ChangeKind::Superseded).count(), 2);
    assert_eq!(changes.iter().filter(|change| change.what == ChangeKind::New).count(), 4);
    assert_eq!(before.changed(changes), after);
    assert_eq!(after.changed(before.changes_since(&after)), before);
}

#[test]
fn every_version_is_a_change_from_nothing_and_none_from_itself() {
    let whole = some_city();
    assert_eq!(whole.changes_since(&whole), []);
    let changes = whole.changes_since(&city());
    assert_eq!(changes.len(), whole.versions().count());
    assert_eq!(city().changed(changes), whole);
}
