//! File names that say nothing, and `mod.rs`.

use crate::Finding;
use crate::tree::Tree;

const EMPTY_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "manager", "misc", "part2"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for part in source.path.trim_end_matches(".rs").split('/') {
            let says_nothing = part.split(['_', '-']).any(|word| EMPTY_NAMES.contains(&word));
            if says_nothing || part == "mod" {
                findings.push(Finding { file: source.path.clone(), line: 1, what: format!("is named {part:?}") });
            }
        }
    }
    findings
}
