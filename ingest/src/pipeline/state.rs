//! Everything that the pipeline remembers: what a checkpoint holds.

use std::collections::VecDeque;

use domain::{Position, Timestamp};
use hashbrown::HashSet;
use lake::contract::{Changes, LedgerView, LiveState};
use serde::{Deserialize, Serialize};

use super::capacities::Capacities;
use super::erased::Erasures;
use super::held::{Held, LetterId};
use super::ledger::Ledger;
use super::open_edit::Edits;
use super::sensor::Sensors;

/// The state after the record at `position`. Two pipelines that read the same records are equal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub position: Position,
    /// The newest `received_at`: never decreases.
    pub now: Timestamp,
    pub ledger: Ledger,
    pub sensors: Sensors,
    pub held: Held,
    pub resolved: Resolved,
    pub live: LiveState,
    /// Since checkpoints of format 2.
    pub edits: Edits,
    /// Since checkpoints of format 3.
    pub capacities: Capacities,
    /// Since checkpoints of format 4.
    pub erasures: Erasures,
    /// The sensors that were heard last, by number, for followers.
    #[serde(skip)]
    pub heard: Changes<u32>,
}

impl State {
    pub fn totals(&self) -> LedgerView {
        let Ledger { counts, foreign, .. } = &self.ledger;
        LedgerView { counts: counts.clone(), foreign: *foreign, erased: self.erasures.readings, head: self.position.0 }
    }
}

/// The dead letters resolved last: a record that takes one again a second time changes nothing.
///
/// The service asks the table before it appends such a record, so a repetition can only come from a race, which is
/// short: remembering the newest is enough.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Resolved {
    order: VecDeque<LetterId>,
    set: HashSet<LetterId>,
}

/// A race between two requests spans a few batches at most.
const RESOLVED_REMEMBERED_MAX: usize = 65_536;

impl Resolved {
    /// `false` when it was remembered already.
    pub fn insert(&mut self, id: LetterId) -> bool {
        if !self.set.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > RESOLVED_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}
