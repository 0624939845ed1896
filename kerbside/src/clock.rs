//! The machine's clock with tokio's timer behind it: the only file that names `tokio::time`.

use std::sync::Arc;

use domain::Clock;
use domain::time::SystemClock;

/// Time for every service of this process.
#[expect(clippy::disallowed_methods, reason = "the one place where the runtime's timer enters")]
pub fn system() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}
