//! How one row of an edit changes the versions of its object: the rules of validity, as one pure function.
//!
//! A row without `valid_from` speaks of an unknown object since ever, of a known one from the import on. `valid_to` closes the
//! object; a row with both that falls inside another version splits that one, which goes on afterwards. A row with the `valid_from`
//! of a known version, or one that says what holds there already, amends that version, so that a file imported twice changes nothing.

use std::sync::Arc;

use super::span::Span;
use super::version::Version;
use crate::time::Timestamp;

/// What a row says: this object, within these dates where it gives any.
#[derive(Clone, Debug)]
pub struct Statement<T> {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub object: Arc<T>,
}

/// The versions of the object after the row; `known` is sorted and free of overlaps, so is the result.
pub(super) fn amended<T: PartialEq>(known: &[Version<T>], row: Statement<T>, at: Timestamp) -> Vec<Version<T>> {
    let (span, cleared) = effect(known, &row, at);
    let mut result: Vec<Version<T>> = Vec::with_capacity(known.len() + 2);
    for version in known {
        result
            .extend(outside(version.span, cleared).into_iter().map(|span| Version { span, object: Arc::clone(&version.object) }));
    }
    if !span.is_empty() {
        result.push(Version { span, object: row.object });
    }
    result.sort_by_key(|version| version.span.from);
    result
}

/// Where the row holds, and the span within which nothing else holds any more (it contains the former).
fn effect<T: PartialEq>(known: &[Version<T>], row: &Statement<T>, at: Timestamp) -> (Span, Span) {
    if known.is_empty() {
        let span = Span { from: row.from, to: row.to };
        return (span, span);
    }
    match (row.from, row.to) {
        (Some(from), to) => from_a_date(known, row, from, to),
        (None, None) => from_a_date(known, row, at, None),
        (None, Some(to)) => closing(known, row, to, at),
    }
}

fn from_a_date<T: PartialEq>(known: &[Version<T>], row: &Statement<T>, from: Timestamp, to: Option<Timestamp>) -> (Span, Span) {
    let Some(holder) = known.iter().find(|version| version.span.holds(from)) else {
        let next = known.iter().filter_map(|version| version.span.from).find(|&start| start > from);
        let span = Span { from: Some(from), to: to.or(next) };
        return (span, span);
    };
    let amends = holder.span.from == Some(from) || holder.object == row.object;
    let span = Span { from: if amends { holder.span.from } else { Some(from) }, to: to.or(holder.span.to) };
    // An amended version is replaced whole; another one goes on after the row's end.
    (span, if amends { joined(span, holder.span) } else { span })
}

fn closing<T: PartialEq>(known: &[Version<T>], row: &Statement<T>, to: Timestamp, at: Timestamp) -> (Span, Span) {
    let past = to <= at;
    let closed = match past {
        true => known.iter().rev().find(|version| version.span.from.is_none_or(|from| from < to)),
        false => known.iter().find(|version| version.span.holds(at)),
    };
    let Some(closed) = closed else {
        let span = Span { from: (!past).then_some(at), to: Some(to) };
        return (span, span);
    };
    let goes_on = past || closed.object == row.object;
    let span = Span { from: if goes_on { closed.span.from } else { Some(at) }, to: Some(to) };
    (span, joined(span, Span { from: span.from, to: closed.span.to }))
}

/// From where both begin to the later end.
fn joined(span: Span, other: Span) -> Span {
    let to = span.to.zip(other.to).map(|(a, b)| a.max(b));
    Span { from: span.from, to }
}

/// What is left of a span without another: none, one or two parts.
fn outside(span: Span, cleared: Span) -> Vec<Span> {
    if !span.overlaps(cleared) {
        return vec![span];
    }
    let head = Span { from: span.from, to: cleared.from };
    let tail = Span { from: cleared.to, to: span.to };
    let keep_head = cleared.from.is_some() && !head.is_empty();
    let keep_tail = cleared.to.is_some() && !tail.is_empty();
    [keep_head.then_some(head), keep_tail.then_some(tail)].into_iter().flatten().collect()
}
