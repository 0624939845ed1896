//! A token that a first SIGINT or SIGTERM cancels, for commands that are no servers. A second one leaves at once.

use tokio_util::sync::CancellationToken;

use crate::signal;

/// What a shell reports of a process that a signal ended.
const STATUS: i32 = 130;

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
        if signal::next().await.is_ok() {
            std::process::exit(STATUS);
        }
    });
    token
}
