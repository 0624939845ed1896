//! Keeps the retained topics `kerbside/v1/state/…` as the API answers: what changed, turning stale included, is announced.
//!
//! Query renders, the front hands out; this is only the beat between them.

use std::sync::Arc;
use std::time::Duration;

use domain::Clock;
use query::Announcements;
use tokio_util::sync::CancellationToken;

/// LIVE-1 speaks of a second.
const EVERY: Duration = Duration::from_millis(500);

/// Tells subscribers how sites and stations stand.
pub struct Announcer {
    announcements: Announcements,
    front: broker::Handle,
    clock: Arc<dyn Clock>,
}

impl Announcer {
    pub fn new(announcements: Announcements, front: broker::Handle, clock: Arc<dyn Clock>) -> Self {
        Self { announcements, front, clock }
    }

    /// Looks until `shutdown`. A look goes over a whole city and so is no work for the runtime's threads.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Self { mut announcements, front, clock } = self;
        while shutdown.run_until_cancelled(clock.sleep(EVERY)).await.is_some() {
            let now = clock.now();
            let look = tokio::task::spawn_blocking(move || {
                let changed = announcements.changed(now);
                (announcements, changed)
            });
            let (looked, changed) = look.await?;
            announcements = looked;
            front.announce(changed).await;
        }
        Ok(())
    }
}
