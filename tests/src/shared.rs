//! Real recordings and vectors beside the checkout. Nothing of them is copied: where they are absent a test says so.

use std::path::PathBuf;

/// `KERBSIDE_SHARED`, else `../shared` beside the checkout; `None` where `path` is absent, with a line that says so.
pub fn file(path: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("KERBSIDE_SHARED") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
    };
    let path = root.join("data").join(path);
    if path.exists() {
        return Some(path);
    }
    crate::program::say(&format!("skipped: {} is not there", path.display()));
    None
}
