//! Time and chance come from `domain::{Clock, rng}` and are passed in, so that a simulation can drive them. Test code may ask.

use crate::Finding;
use crate::source::NamedPath;
use crate::tree::Tree;

const OWNERS: [&str; 2] = ["domain/src/time.rs", "domain/src/rng.rs"];
/// Who hands the runtime's timer to the clock.
const TIMER_OWNER: &str = "kerbside/src/clock.rs";

const NOW: [(&str, &str); 6] =
    [("SystemTime", "now"), ("Instant", "now"), ("Timestamp", "now"), ("Zoned", "now"), ("Utc", "now"), ("Uuid", "new_v4")];
const CHANCE: [&str; 4] = ["rand", "rand_chacha", "getrandom", "fastrand"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(|source| !OWNERS.contains(&source.path.as_str())) {
        for path in source.paths.iter().filter(|path| !path.is_test) {
            let timer = path.segments.starts_with(&["tokio".to_owned(), "time".to_owned()]);
            if asks(path) || timer && source.path != TIMER_OWNER {
                let what = format!("names {}", path.segments.join("::"));
                findings.push(Finding { file: source.path.clone(), line: path.line, what });
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

fn asks(path: &NamedPath) -> bool {
    NOW.iter().any(|(first, second)| path.has_pair(first, second)) || CHANCE.contains(&path.segments[0].as_str())
}
