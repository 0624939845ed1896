//! What can go wrong here, one variant per thing a caller can do differently.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options contradict each other: say so and stop.
    #[error("{0}")]
    Options(String),
    /// A file could not be read: name it.
    #[error("cannot read {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    /// The CSV has no usable header.
    #[error("cannot read the header of {path}: {detail}")]
    Header { path: PathBuf, detail: String },
    /// No shipped mapping knows this header: give one with `--mapping`.
    #[error(
        "no mapping recognises the columns of {path}: {columns}; name one of {known}, or write one (docs/formats/mapping.md)"
    )]
    Unrecognised { path: PathBuf, columns: String, known: String },
    /// Neither shipped nor a file.
    #[error("--mapping {name}: neither a shipped mapping ({known}) nor a file; docs/formats/mapping.md says how one is written")]
    NoMapping { name: String, known: String },
    /// The mapping itself is wrong, or names a column that the file does not have.
    #[error("mapping {name}: {detail}")]
    Mapping { name: String, detail: String },
    /// The broker could not be reached or refused us, and waiting will not mend it.
    #[error("broker {broker}: {detail}")]
    Broker { broker: String, detail: String },
}
