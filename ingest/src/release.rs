//! Takes held elements again when they are due, and ticks when time alone makes something due.
//!
//! What is due is the pipeline's to say (by its own now); this only appends the records. An element stays held until its record
//! is read by the pipeline, so whatever dies in between, the next start appends nothing twice and forgets nothing.
//!
//! A task of its own: finding a letter in the lake takes as long as the disk does, and live readings do not wait for it.

use std::sync::Arc;
use std::time::Duration;

use domain::record::{self, Record};
use domain::{Position, Timestamp};
use hashbrown::{HashMap, HashSet};
use journal::Append;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::letters;
use crate::pipeline::LetterId;
use crate::shared::Shared;

/// Elements taken again in one go.
const RELEASE_MAX: usize = 256;
/// Between two looks at what is due.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Until `shutdown`, from when everything that was there at the start is taken: what is under way since before is then known.
pub async fn release(shared: Arc<Shared>, shutdown: CancellationToken) {
    let work = async {
        shared.taken(shared.start).await;
        let mut release = Release::default();
        let mut head = shared.head.subscribe();
        loop {
            head.borrow_and_update();
            release.look(&shared).await;
            // Only a record makes something held.
            if shared.pipeline.read().state().held.next_due().is_none() {
                let _ = head.changed().await;
            }
            shared.clock.sleep(LOOK_EVERY).await;
        }
    };
    shutdown.run_until_cancelled(work).await;
}

#[derive(Default)]
struct Release {
    /// Appended, and not yet read by the pipeline.
    under_way: HashMap<LetterId, Append>,
    /// Held, and nowhere in the table: somebody took them away before their time. Told once.
    missing: HashSet<LetterId>,
    tick: Option<Append>,
}

impl Release {
    /// Costs a look at the held elements when nothing is due. Failures of lake and journal are tried again later.
    async fn look(&mut self, shared: &Shared) {
        let (now, next_due) = {
            let pipeline = shared.pipeline.read();
            (pipeline.state().now, pipeline.state().held.next_due())
        };
        let Some(next_due) = next_due else {
            self.under_way.clear();
            return;
        };
        if next_due > now {
            self.tick(shared, next_due);
            return;
        }
        self.release(shared, now).await;
    }

    /// The pipeline's now stands still without records.
    fn tick(&mut self, shared: &Shared, next_due: Timestamp) {
        let outstanding = self.tick.as_ref().is_some_and(|tick| is_outstanding(tick, shared.position()));
        if next_due <= shared.clock.now() && !outstanding {
            self.tick = Some(shared.journal.append(record::kind::TICK, &[]));
        }
    }

    async fn release(&mut self, shared: &Shared, now: Timestamp) {
        let head = shared.position();
        self.under_way.retain(|_, append| is_outstanding(append, head));
        let due: Vec<(LetterId, i32)> = {
            let pipeline = shared.pipeline.read();
            let held = &pipeline.state().held;
            self.missing.retain(|id| held.holds(*id));
            let due = held.due(now);
            due.filter(|(id, _)| !self.under_way.contains_key(id) && !self.missing.contains(id)).take(RELEASE_MAX).collect()
        };
        if due.is_empty() {
            return;
        }
        let wanted: HashSet<LetterId> = due.iter().map(|(id, _)| *id).collect();
        let days: HashSet<i32> = due.iter().map(|(_, day)| *day).collect();
        let found = match letters::find(shared, &wanted, Some(&days)).await {
            Ok(found) => found,
            Err(error) => {
                warn!(%error, "held readings cannot be read, trying again");
                return;
            }
        };
        debug!(count = found.len(), "held readings are due");
        for (id, _) in due {
            match found.get(&id) {
                Some(letter) => {
                    let (kind, body) = Record::Reprocess(letter.again()).encode();
                    self.under_way.insert(id, shared.journal.append(kind, &body));
                }
                None => {
                    warn!(position = id.of.0, element = id.element, "a held reading is not among the dead letters any more");
                    self.missing.insert(id);
                }
            }
        }
    }
}

/// Whether the record may still come: not failed, and not read yet.
fn is_outstanding(append: &Append, head: Position) -> bool {
    !matches!(append.outcome(), Some(Err(_))) && append.position() > head
}
