//! Registry edits: the record was judged before it was appended, and is judged once more as it is applied.

use std::sync::Arc;

use bytes::Bytes;
use domain::registry::{Change, Edit, Verdict};
use domain::{Kind, Position, Timestamp};
use lake::rows::{RegistryRows, RegistryVersion};
use lake::table::Table;

use super::{AppliedEdit, Committed, Effects, Pipeline, live};
use crate::registry::lake_rows;

impl Pipeline {
    /// Everything after this record is judged under the new registry; what the edit touches is rebuilt.
    pub(super) fn edit(
        &mut self,
        position: Position,
        received_at: Timestamp,
        author: String,
        features: Bytes,
        effects: &mut Effects,
        committed: &Committed,
    ) {
        let (edit, rows) = Edit::parse_geojson(&features, &self.registry, received_at);
        let taken = rows.iter().all(|row| row.verdict != Verdict::Refused);
        let mut changes = Vec::new();
        if let Some(edit) = edit {
            let (registry, changed) = self.registry.apply(&edit, received_at);
            changes = changed;
            self.registry = Arc::new(registry);
            self.generation += 1;
            self.rebuild();
        }
        if !committed.holds(Table::Registry, position) {
            push_versions(&mut effects.registry, &changes, position);
        }
        effects.edits.push(AppliedEdit { position, author, changes, rows, taken });
    }

    fn rebuild(&mut self) {
        let (registry, now) = (&self.registry, self.state.now);
        let sensors = &self.state.sensors;
        self.state.held.registered(now, |sensor| {
            let id = &sensors.get(sensor).id;
            Kind::ALL.into_iter().any(|kind| registry.resolve(kind, id, now).known)
        });
        self.state.live = live::rebuilt(&self.state.live, sensors, registry, self.state.position.0);
    }
}

fn push_versions(rows: &mut RegistryRows, changes: &[Change], position: Position) {
    for row in lake_rows(changes, position) {
        rows.push(&RegistryVersion {
            kind: row.kind,
            id: &row.id,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            properties: &row.properties,
            geometry: row.geometry.as_deref(),
            position: row.position,
        });
    }
}
