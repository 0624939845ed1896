//! Registry edits: the record was judged before it was appended, and is judged once more as it is applied.
//!
//! Judging a city takes seconds, and nobody else may wait that long for the pipeline: the service asks which edit comes next
//! ([`Pipeline::next_edit`]), judges it aside, and hands the result to the step. A step that was not handed one judges by itself and
//! comes to the same.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use domain::registry::{Change, Edit, Registry, RowVerdict, Verdict};
use domain::{Kind, Position};
use lake::rows::{RegistryRows, RegistryVersion};
use lake::table::Table;

use super::open_edit::WholeEdit;
use super::{AppliedEdit, Committed, Effects, Pipeline, live};
use crate::batch::{Batch, What};
use crate::registry::lake_rows;

/// An edit and the registry that it meets.
pub struct Judging {
    edit: WholeEdit,
    registry: Arc<Registry>,
    /// The table does not hold its rows yet.
    is_written: bool,
}

/// What becomes of it.
pub struct Judged {
    /// `None` when nothing changes.
    registry: Option<Arc<Registry>>,
    versions: Option<RecordBatch>,
    applied: AppliedEdit,
}

impl Judging {
    /// Pure, and long for a large edit.
    pub fn judge(self) -> Judged {
        let Self { edit: WholeEdit { position, received_at, author, features }, registry, is_written } = self;
        let (edit, rows) = match features.text() {
            Ok(text) => Edit::parse_geojson(&text, &registry, received_at),
            Err(why) => (None, vec![refused(why)]),
        };
        let taken = rows.iter().all(|row| row.verdict != Verdict::Refused);
        let (next, changes) = match edit {
            Some(edit) => {
                let (next, changes) = registry.apply(&edit, received_at);
                (Some(Arc::new(next)), changes)
            }
            None => (None, Vec::new()),
        };
        let versions = (is_written && !changes.is_empty()).then(|| versions(&changes, position));
        Judged { registry: next, versions, applied: AppliedEdit { position, author, changes, rows, taken } }
    }
}

impl Pipeline {
    /// The first edit that becomes whole in the batch, if one does.
    pub fn next_edit(&self, batch: &Batch, committed: &Committed) -> Option<Judging> {
        let mut edits = self.state.edits.clone();
        let whole = batch.records.iter().find_map(|record| match &record.what {
            What::Registry { author, features } => {
                Some(edits.whole(record.position, record.received_at, author.clone(), features.clone()))
            }
            What::RegistryPart(part) => edits.part(record.position, record.received_at, part.clone()),
            What::Message(_) | What::Reprocess(_) | What::Tick | What::Session => None,
        });
        whole.map(|edit| self.judging(edit, committed))
    }

    /// Everything after this record is judged under the new registry; what the edit touches is rebuilt.
    pub(super) fn edit(&mut self, edit: WholeEdit, judged: &mut Option<Judged>, effects: &mut Effects, committed: &Committed) {
        let judged = match judged.take_if(|judged| judged.applied.position == edit.position) {
            Some(judged) => judged,
            None => self.judging(edit, committed).judge(),
        };
        if let Some(registry) = judged.registry {
            self.registry = registry;
            self.generation += 1;
            self.state.edits.newest = judged.applied.position;
            self.rebuild();
        }
        effects.registry.extend(judged.versions);
        effects.edits.push(judged.applied);
    }

    fn judging(&self, edit: WholeEdit, committed: &Committed) -> Judging {
        let is_written = !committed.holds(Table::Registry, edit.position);
        Judging { edit, registry: self.registry.clone(), is_written }
    }

    fn rebuild(&mut self) {
        let (registry, now) = (&self.registry, self.state.now);
        let sensors = &self.state.sensors;
        self.state.held.registered(now, |sensor| {
            let id = &sensors.get(sensor).id;
            Kind::ALL.into_iter().any(|kind| registry.resolve(kind, id, now).known)
        });
        let capacities = &mut self.state.capacities;
        self.state.live = live::rebuilt(&self.state.live, capacities, sensors, registry, self.state.position.0);
    }
}

fn versions(changes: &[Change], position: Position) -> RecordBatch {
    let mut rows = RegistryRows::default();
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
    rows.finish()
}

/// Of the file as a whole.
fn refused(why: String) -> RowVerdict {
    RowVerdict { row: 0, kind: None, id: None, verdict: Verdict::Refused, field: Some("file".to_owned()), detail: Some(why) }
}
