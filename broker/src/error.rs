//! Why the front cannot start or go on, one variant for each thing a caller can do differently.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    #[error(
        "{address} is not loopback, and what is said there can be read on the way: listen with TLS (--mqtts, --mqtt-wss), or allow it by name with broker.allow_plaintext_off_loopback"
    )]
    Exposed { address: SocketAddr },
    #[error("{address} is for TLS, and no certificate was given")]
    NoCertificate { address: SocketAddr },
    #[error("{key} has to be {wanted}")]
    Option { key: &'static str, wanted: &'static str },
    #[error("broker checkpoint {}: {error}", .path.display())]
    Checkpoint { path: PathBuf, error: io::Error },
    #[error("broker checkpoint {} is damaged: {what}", .path.display())]
    Damaged { path: PathBuf, what: &'static str },
    #[error("broker checkpoint {} has format {found}, newer than this version reads", .path.display())]
    NewerFormat { path: PathBuf, found: u16 },
    #[error("broker cannot read the journal: {0}")]
    Journal(#[from] journal::TailError),
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A task of the front died of a bug; the process should stop rather than go on half alive.
    #[error("broker task {task} panicked")]
    Panicked { task: &'static str },
}
