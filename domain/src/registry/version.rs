//! All versions of all objects of one kind: one sorted vector.
//!
//! A vector instead of a map of vectors because a city may have a million bays with one version each: 40 bytes a version beside the
//! object itself, and an edit, which is rare, copies the vector and none of the objects.

use std::sync::Arc;

use super::history::{self, Statement};
use super::object::{Area, Bay, Device, Object, Site, Station};
use super::span::Span;
use crate::time::Timestamp;

/// One version: what is said of an object, and when it holds.
#[derive(Debug)]
pub struct Version<T> {
    pub span: Span,
    pub object: Arc<T>,
}

impl<T> Clone for Version<T> {
    fn clone(&self) -> Self {
        Self { span: self.span, object: Arc::clone(&self.object) }
    }
}

impl<T: PartialEq> PartialEq for Version<T> {
    fn eq(&self, other: &Self) -> bool {
        self.span == other.span && (Arc::ptr_eq(&self.object, &other.object) || self.object == other.object)
    }
}

/// What the generic code needs of an object.
pub(super) trait Entity: PartialEq + Sized {
    fn key(&self) -> &str;
    fn shared(object: &Arc<Self>) -> Object;
}

macro_rules! entity {
    ($($kind:ident),*) => {$(
        impl Entity for $kind {
            fn key(&self) -> &str {
                self.id.as_str()
            }
            fn shared(object: &Arc<Self>) -> Object {
                Object::$kind(Arc::clone(object))
            }
        }
    )*};
}

entity!(Area, Site, Bay, Station, Device);

/// Sorted by id, then by time; the versions of one object never overlap.
#[derive(Debug, PartialEq)]
pub struct Versions<T>(Arc<Vec<Version<T>>>);

impl<T> Clone for Versions<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self(Arc::new(Vec::new()))
    }
}

impl<T> Versions<T> {
    pub fn all(&self) -> &[Version<T>] {
        &self.0
    }
}

/// One difference between two states of a registry.
pub(super) enum Difference<T> {
    Superseded(Version<T>),
    New(Version<T>),
}

#[expect(private_bounds, reason = "only the registry's own kinds are versioned")]
impl<T: Entity> Versions<T> {
    /// From versions in any order, as a store keeps them.
    pub(super) fn from_unsorted(mut versions: Vec<Version<T>>) -> Self {
        versions.sort_by(|a, b| a.object.key().cmp(b.object.key()).then(a.span.from.cmp(&b.span.from)));
        Self(Arc::new(versions))
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Version<T>> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All versions of one object, oldest first.
    pub fn of(&self, id: &str) -> &[Version<T>] {
        let start = self.0.partition_point(|version| version.object.key() < id);
        let length = self.0[start..].iter().take_while(|version| version.object.key() == id).count();
        &self.0[start..start + length]
    }

    /// The version that holds at an instant.
    pub fn at(&self, id: &str, at: Timestamp) -> Option<&Version<T>> {
        self.of(id).iter().find(|version| version.span.holds(at))
    }

    /// After `statements`, sorted by id and then by their order of effect.
    pub(super) fn amended(&self, statements: Vec<(String, Statement<T>)>, at: Timestamp) -> (Self, Vec<Difference<T>>) {
        let mut result = Vec::with_capacity(self.0.len() + statements.len());
        let mut differences = Vec::new();
        let mut rest = &self.0[..];
        let mut statements = statements.into_iter().peekable();
        while let Some((id, first)) = statements.next() {
            let start = rest.partition_point(|version| version.object.key() < id.as_str());
            let length = rest[start..].iter().take_while(|version| version.object.key() == id).count();
            let (before, from_here) = rest.split_at(start);
            let (known, after) = from_here.split_at(length);
            result.extend_from_slice(before);
            rest = after;
            let mut history = history::amended(known, first, at);
            while let Some((_, statement)) = statements.next_if(|(next, _)| *next == id) {
                history = history::amended(&history, statement, at);
            }
            differences.extend(known.iter().filter(|old| !history.contains(old)).cloned().map(Difference::Superseded));
            differences.extend(history.iter().filter(|new| !known.contains(new)).cloned().map(Difference::New));
            result.extend(history);
        }
        result.extend_from_slice(rest);
        (Self(Arc::new(result)), differences)
    }
}
