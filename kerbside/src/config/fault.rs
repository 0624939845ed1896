//! What is wrong with the value of a key, or of a flag.

/// Named as whoever set it calls it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {detail}")]
pub struct Fault {
    pub key: &'static str,
    pub detail: String,
}
