//! Registry edits: the record was judged before it was appended, and is judged once more as it is applied.
//!
//! Judging a city takes seconds, and so does finding what it makes of the state; nobody else may wait that long for the pipeline. The
//! service asks which edit comes next ([`Pipeline::next_edit`]), judges it and rebuilds aside, and hands both to the step. A step that
//! was not handed an edit judges by itself and comes to the same.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use domain::registry::{Change, Edit, Registry, RowVerdict, Verdict};
use domain::{Position, Timestamp};
use lake::rows::{RegistryRows, RegistryVersion};
use lake::table::Table;

use super::open_edit::WholeEdit;
use super::rebuilt::Rebuilt;
use super::state::State;
use super::touched::Touched;
use super::{AppliedEdit, Committed, Effects, Pipeline};
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
    /// Before and after; `None` when nothing changes.
    registry: Option<(Arc<Registry>, Arc<Registry>)>,
    received_at: Timestamp,
    rebuilt: Option<Rebuilt>,
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
                (Some((registry, Arc::new(next))), changes)
            }
            None => (None, Vec::new()),
        };
        let versions = (is_written && !changes.is_empty()).then(|| versions(&changes, position));
        let applied = AppliedEdit { position, author, changes, rows, taken };
        Judged { registry: next, received_at, rebuilt: None, versions, applied }
    }
}

impl Judged {
    /// From the state as it is before the edit's record.
    pub fn rebuild(&mut self, state: &State) {
        self.rebuilt = self.registry.as_ref().map(|(before, after)| {
            let touched = Touched::by(&self.applied.changes, before, after);
            Rebuilt::of(state, after, &touched, state.now.max(self.received_at), self.applied.position.0)
        });
    }
}

impl Pipeline {
    /// The edit that becomes whole with the batch's first record, if one does: no record comes between it and the state.
    pub fn next_edit(&self, batch: &Batch, committed: &Committed) -> Option<Judging> {
        let record = batch.records.first()?;
        let whole = match &record.what {
            What::Registry { author, features } => {
                let mut edits = self.state.edits.clone();
                Some(edits.whole(record.position, record.received_at, author.clone(), features.clone()))
            }
            What::RegistryPart(part) => {
                let mut edits = self.state.edits.clone();
                edits.part(record.position, record.received_at, part.clone())
            }
            What::Message(_) | What::Reprocess(_) | What::Tick | What::Session | What::Erase(_) => None,
        };
        whole.map(|edit| self.judging(edit, committed))
    }

    /// Everything after this record is judged under the new registry; what the edit touches is rebuilt.
    pub(super) fn edit(&mut self, edit: WholeEdit, judged: &mut Option<Judged>, effects: &mut Effects, committed: &Committed) {
        let mut judged = match judged.take_if(|judged| judged.applied.position == edit.position) {
            Some(judged) => judged,
            None => self.judging(edit, committed).judge(),
        };
        if judged.rebuilt.is_none() {
            judged.rebuild(&self.state);
        }
        if let Some((_, registry)) = judged.registry {
            self.registry = registry;
            self.generation += 1;
            self.state.edits.newest = judged.applied.position;
        }
        if let Some(rebuilt) = judged.rebuilt {
            rebuilt.put(&mut self.state);
        }
        effects.registry.extend(judged.versions);
        effects.edits.push(judged.applied);
    }

    fn judging(&self, edit: WholeEdit, committed: &Committed) -> Judging {
        let is_written = !committed.holds(Table::Registry, edit.position);
        Judging { edit, registry: self.registry.clone(), is_written }
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
