//! From one registry to another: the versions that differ, and what they make of a copy that somebody else holds.

use std::cmp::Ordering;

use super::object::Object;
use super::span::Span;
use super::version::{Entity, Version, Versions};
use super::{Change, ChangeKind, Registry};

impl Registry {
    /// The versions that `before` has and this one has not, and the other way round.
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        compare(&before.areas, &self.areas, &mut changes);
        compare(&before.sites, &self.sites, &mut changes);
        compare(&before.bays, &self.bays, &mut changes);
        compare(&before.stations, &self.stations, &mut changes);
        compare(&before.devices, &self.devices, &mut changes);
        changes
    }

    /// The registry that these changes lead to from here: `after.changes_since(before)` makes `after` of `before`.
    pub fn changed(&self, changes: Vec<Change>) -> Self {
        let (gone, new): (Vec<Change>, Vec<Change>) =
            changes.into_iter().partition(|change| change.what == ChangeKind::Superseded);
        // By kind, id and start, of which no two versions have the same.
        let mut gone: Vec<_> = gone.iter().map(|change| key(change.span, &change.object)).collect();
        gone.sort_unstable();
        let stays = |(span, object): &(Span, Object)| gone.binary_search(&key(*span, object)).is_err();
        let new = new.into_iter().map(|change| (change.span, change.object));
        Self::from_versions(self.city().clone(), self.versions().filter(stays).chain(new))
    }
}

fn key(span: Span, object: &Object) -> (u8, &str, Option<crate::Timestamp>) {
    (object.kind() as u8, object.id(), span.from)
}

fn compare<T: Entity>(before: &Versions<T>, after: &Versions<T>, changes: &mut Vec<Change>) {
    let (mut old, mut new) = (before.all(), after.all());
    let order = |a: &Version<T>, b: &Version<T>| (a.object.key(), a.span.from).cmp(&(b.object.key(), b.span.from));
    loop {
        let side = match (old.first(), new.first()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => order(a, b),
        };
        let gone = (side != Ordering::Greater).then(|| take_first(&mut old)).flatten();
        let come = (side != Ordering::Less).then(|| take_first(&mut new)).flatten();
        if gone == come {
            continue;
        }
        changes.extend(gone.map(|version| change(ChangeKind::Superseded, version)));
        changes.extend(come.map(|version| change(ChangeKind::New, version)));
    }
}

fn take_first<'a, T>(versions: &mut &'a [T]) -> Option<&'a T> {
    let (first, rest) = versions.split_first()?;
    *versions = rest;
    Some(first)
}

fn change<T: Entity>(what: ChangeKind, version: &Version<T>) -> Change {
    Change { what, span: version.span, object: T::shared(&version.object) }
}
