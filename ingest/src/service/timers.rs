//! What the service does by the clock between two slices: cut commits, forget old rows.

use std::time::Duration;

use tracing::info;

use super::Service;
use crate::checkpoint;
use crate::hot::Load;
use crate::metrics as names;
use crate::writer::{Job, Written};

/// Looks at due things this often while a commit is under way.
const TIMER_MAX: Duration = Duration::from_secs(1);

impl Service {
    /// Until something may be due.
    pub(super) fn next_timer(&self) -> Duration {
        if self.writer.is_busy() {
            return TIMER_MAX;
        }
        self.writer.until_due(self.shared.clock.elapsed())
    }

    pub(super) fn timers(&mut self) {
        let now = self.shared.clock.elapsed();
        if !self.writer.is_busy() && self.is_commit_due(now) {
            self.cut(Checkpoint::WhenDue);
        }
    }

    fn is_commit_due(&self, now: Duration) -> bool {
        let full = Load { rows: self.shared.options.commit_rows, bytes: self.shared.options.commit_bytes };
        self.shared.hot.read().uncommitted().reaches(full) || self.writer.until_due(now).is_zero()
    }

    /// Cuts at the pipeline's position and hands everything up to there to the writer.
    pub(super) fn cut(&mut self, checkpoint: Checkpoint) {
        let now = self.shared.clock.elapsed();
        let tables = {
            let mut hot = self.shared.hot.write();
            hot.forget(now);
            metrics::gauge!(names::HOT_ROWS).set(hot.all().rows as f64);
            metrics::gauge!(names::HOT_BYTES).set(hot.all().bytes as f64);
            hot.seal()
        };
        let pipeline = self.shared.pipeline.read();
        let state = pipeline.state();
        metrics::gauge!(names::HELD).set(state.held.len() as f64);
        metrics::gauge!(names::LAG_RECORDS).set(self.shared.journal.head().0.saturating_sub(state.position.0) as f64);
        let due = match checkpoint {
            Checkpoint::WhenDue => self.writer.is_checkpoint_due(state.position, now),
            Checkpoint::Now => true,
        };
        // The state is written at the same cut as the rows: every table will hold exactly what it says.
        let bytes =
            (due && state.position > self.shared.checkpoint()).then(|| checkpoint::encode(self.shared.journal.id(), state));
        let job = Job { upto: state.position, tables, checkpoint: bytes };
        drop(pipeline);
        self.writer.begin(&self.shared, &self.checkpoints, job, now);
    }

    pub(super) fn written(&mut self, written: Written) {
        if let Some(checkpoint) = written.checkpoint {
            info!(position = checkpoint.0, "checkpoint written");
        }
    }
}

/// Whether a cut carries a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checkpoint {
    WhenDue,
    Now,
}
