//! Keeps the retained topics `kerbside/v1/state/…` as the API answers: what changed, turning stale included, is announced.
//!
//! Query renders, the front hands out; this is only the beat between them.

use std::sync::Arc;
use std::time::Duration;

use domain::Clock;
use lake::contract::Live;
use query::Announcements;
use tokio_util::sync::CancellationToken;

/// LIVE-1 speaks of a second.
const EVERY: Duration = Duration::from_millis(500);

/// Tells subscribers how sites and stations stand.
pub struct Announcer {
    live: Arc<dyn Live>,
    front: broker::Handle,
    clock: Arc<dyn Clock>,
}

impl Announcer {
    pub fn new(live: Arc<dyn Live>, front: broker::Handle, clock: Arc<dyn Clock>) -> Self {
        Self { live, front, clock }
    }

    /// Looks until `shutdown`. A look goes over a whole city and so is no work for the runtime's threads.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut announcements = Announcements::default();
        while shutdown.run_until_cancelled(self.clock.sleep(EVERY)).await.is_some() {
            let (live, now) = (Arc::clone(&self.live), self.clock.now());
            let look = tokio::task::spawn_blocking(move || {
                let changed = announcements.changed(&*live, now);
                (announcements, changed)
            });
            let (looked, changed) = look.await?;
            announcements = looked;
            self.front.announce(changed).await;
        }
        Ok(())
    }
}
