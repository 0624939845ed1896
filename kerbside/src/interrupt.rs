//! A token that a first SIGINT or SIGTERM cancels, for commands that are no servers.

use tokio_util::sync::CancellationToken;

use crate::signal;

/// Cancelled on the first signal. The watching task ends with the process.
pub fn token() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        match signal::next().await {
            Ok(signal) => tracing::info!(signal, "stopping"),
            Err(error) => tracing::warn!(%error, "signals cannot be watched"),
        }
        cancelled.cancel();
    });
    token
}
