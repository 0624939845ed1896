//! Every Rust file says first what it is, and is Rust.

use crate::Finding;
use crate::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let mut find = |what: String| findings.push(Finding { file: source.path.clone(), line: 1, what });
        if !source.first_line.starts_with("//! ") {
            find(format!("opens with {:?}", source.first_line));
        }
        if let Some(error) = &source.error {
            find(format!("cannot be parsed: {error}"));
        }
    }
    findings
}
