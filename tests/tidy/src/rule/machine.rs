//! No file of the repository knows where it once lay: paths into somebody's machine are of no use to anybody else.

use crate::Finding;
use crate::tree::Tree;

/// First folders of such paths.
const ROOTS: [&str; 3] = ["work", "root", "home"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(root) = ROOTS.iter().find(|root| names_path_below(line, root)) {
                let what = format!("names a path below /{root}");
                findings.push(Finding { file: file.path.clone(), line: index + 1, what });
            }
        }
    }
    findings
}

/// The folder as the first of an absolute path, not as a part of another name.
fn names_path_below(line: &str, root: &str) -> bool {
    let slashed = format!("/{root}");
    line.match_indices(&slashed).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + slashed.len()..].chars().next();
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '~' | '}' | '$' | '*');
        !before.is_some_and(goes_on) && (after == Some('/') || !after.is_some_and(goes_on) && after != Some('{'))
    })
}
