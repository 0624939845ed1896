//! An edit: the rows of one file, judged together. All of them are taken, or none.

mod cross;
mod judge;

use std::cmp::Ordering;

use super::Registry;
use super::history::Statement;
use super::object::{Area, Bay, Device, Object, Site, Station};
use crate::time::Timestamp;

/// Rows that may be applied: each well-formed, and all of them fitting together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    rows: Vec<EditRow>,
}

/// One version as a file states it.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRow {
    /// Place in the file, from 1.
    pub row: usize,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub object: Object,
}

/// What became, or would become, of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Added,
    Changed,
    Unchanged,
    /// Taken, with a remark (an unknown property, …).
    Warned,
    Refused,
}

/// The verdict on one row and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowVerdict {
    /// Place in the file, from 1; 0 for the file itself.
    pub row: usize,
    pub kind: Option<String>,
    pub id: Option<String>,
    pub verdict: Verdict,
    /// The field, where one is at fault.
    pub field: Option<String>,
    pub detail: Option<String>,
}

/// The rows by kind, in the order in which they take effect.
#[derive(Default)]
pub(super) struct Statements {
    pub areas: Vec<(String, Statement<Area>)>,
    pub sites: Vec<(String, Statement<Site>)>,
    pub bays: Vec<(String, Statement<Bay>)>,
    pub stations: Vec<(String, Statement<Station>)>,
    pub devices: Vec<(String, Statement<Device>)>,
}

impl Edit {
    /// Judges a GeoJSON FeatureCollection as if it were imported at `at`: a verdict a row, and the edit unless a row is refused
    /// or nothing would change. Pure: the same bytes, registry and instant give the same answer when the journal is replayed.
    pub fn parse_geojson(bytes: &[u8], registry: &Registry, at: Timestamp) -> (Option<Self>, Vec<RowVerdict>) {
        judge::judge(bytes, registry, at)
    }

    pub fn rows(&self) -> &[EditRow] {
        &self.rows
    }

    pub(super) fn statements(&self) -> Statements {
        let mut rows: Vec<&EditRow> = self.rows.iter().collect();
        rows.sort_by(|a, b| in_order_of_effect(a, b));
        let mut statements = Statements::default();
        for (index, row) in rows.iter().enumerate() {
            // Of several versions of one object in a file each ends where the next begins.
            let next = rows.get(index + 1).filter(|next| same_object(row, next)).and_then(|next| next.from);
            let (from, to, id) = (row.from, row.to.or(next), row.object.id().to_owned());
            match row.object.clone() {
                Object::Area(object) => statements.areas.push((id, Statement { from, to, object })),
                Object::Site(object) => statements.sites.push((id, Statement { from, to, object })),
                Object::Bay(object) => statements.bays.push((id, Statement { from, to, object })),
                Object::Station(object) => statements.stations.push((id, Statement { from, to, object })),
                Object::Device(object) => statements.devices.push((id, Statement { from, to, object })),
            }
        }
        statements
    }
}

fn in_order_of_effect(a: &EditRow, b: &EditRow) -> Ordering {
    let key = |row: &EditRow| row.object.kind() as u8;
    key(a).cmp(&key(b)).then_with(|| a.object.id().cmp(b.object.id())).then(a.from.cmp(&b.from))
}

fn same_object(a: &EditRow, b: &EditRow) -> bool {
    a.object.kind() == b.object.kind() && a.object.id() == b.object.id()
}
