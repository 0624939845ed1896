//! Words that production code and tests do without.

use crate::Finding;
use crate::source::{Source, Word};
use crate::tree::Tree;

const MACROS: [&str; 3] = ["dbg", "todo", "unimplemented"];
const PRINTING: [&str; 4] = ["println", "eprintln", "print", "eprint"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let prints = may_print(source);
        for (index, word) in source.words.iter().enumerate() {
            let is_macro = source.words.get(index + 1).is_some_and(|next| next.text == "!");
            if is_forbidden(word, is_macro, prints) {
                findings.push(Finding { file: source.path.clone(), line: word.line, what: format!("says {}", word.text) });
            }
        }
    }
    findings
}

fn is_forbidden(word: &Word, is_macro: bool, prints: bool) -> bool {
    let text = word.text.as_str();
    matches!(text, "unwrap" | "unsafe") || is_macro && (MACROS.contains(&text) || !prints && PRINTING.contains(&text))
}

/// The command line, benchmarks, and build scripts, whose way to speak to cargo it is.
fn may_print(source: &Source) -> bool {
    let path = source.path.as_str();
    path.starts_with("kerbside/src/")
        || path.ends_with("build.rs")
        || path.split('/').any(|part| matches!(part, "benches" | "bench" | "bench.rs"))
}
