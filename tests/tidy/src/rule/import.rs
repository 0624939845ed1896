//! Which crate may import which: the table of ARCHITECTURE.md, and the outside crates that stay behind one of ours.

use toml::{Table, Value};

use crate::Finding;
use crate::tree::{TextFile, Tree};

/// Folder, and which of ours it may import. Who is not here may import all: the front binary and the tests.
const MAY_IMPORT: [(&str, &[&str]); 11] = [
    ("aside", &[]),
    ("domain", &[]),
    ("dashboards", &[]),
    ("tests/tidy", &[]),
    ("tests/bench", &["domain", "sensors-sim"]),
    ("journal", &["aside", "domain"]),
    ("lake", &["aside", "domain"]),
    ("sensors-sim", &["domain"]),
    ("broker", &["aside", "domain", "journal"]),
    ("ingest", &["aside", "domain", "journal", "lake"]),
    ("query", &["aside", "domain", "lake"]),
];
const IMPORT_ALL: [&str; 4] = ["kerbside", "tests", "tests/sim", "fuzz"];

const OURS: [&str; 10] =
    ["aside", "domain", "journal", "lake", "broker", "ingest", "query", "sensors-sim", "dashboards", "kerbside"];

/// Outside crates that only one of ours depends on (`tests` apart).
const BELONGS_TO: [(&str, &str); 4] =
    [("datafusion", "query"), ("deltalake-core", "lake"), ("rumqttd", "broker"), ("rust-embed", "dashboards")];

/// `domain` knows no runtime.
const DOMAIN_NEVER: [&str; 3] = ["tokio", "tokio-util", "futures"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.manifests().flat_map(check_manifest).collect()
}

fn check_manifest(manifest: &TextFile) -> Vec<Finding> {
    let folder = manifest.path.trim_end_matches("/Cargo.toml");
    let Some(allowed) = MAY_IMPORT.iter().find(|(name, _)| *name == folder).map(|(_, allowed)| *allowed) else {
        let is_known = IMPORT_ALL.contains(&folder);
        let unknown = Finding { file: manifest.path.clone(), line: 1, what: "is no crate of the table in import.rs".to_owned() };
        return if is_known { foreign(manifest, folder) } else { vec![unknown] };
    };
    let mut findings = foreign(manifest, folder);
    for (name, line) in dependencies(manifest) {
        let name = name.trim_start_matches("kerbside-");
        let is_upward = OURS.contains(&name) && !allowed.contains(&name);
        if is_upward || folder == "domain" && DOMAIN_NEVER.contains(&name) {
            findings.push(Finding { file: manifest.path.clone(), line, what: format!("{folder} may not import {name}") });
        }
    }
    findings
}

fn foreign(manifest: &TextFile, folder: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, line) in dependencies(manifest) {
        let owner = BELONGS_TO.iter().find(|(outside, _)| *outside == name).map(|(_, owner)| *owner);
        if let Some(owner) = owner.filter(|owner| *owner != folder && folder != "tests") {
            let what = format!("only {owner} may depend on {name}");
            findings.push(Finding { file: manifest.path.clone(), line, what });
        }
    }
    findings
}

/// Names of all dependencies of a manifest, for building and testing too, with their lines.
pub(crate) fn dependencies(manifest: &TextFile) -> Vec<(String, usize)> {
    let table: Table = manifest.text.parse().unwrap_or_default();
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut names = Vec::new();
    for kind in kinds {
        if let Some(Value::Table(dependencies)) = table.get(kind) {
            names.extend(dependencies.keys().map(|name| (name.clone(), line_of(&manifest.text, name))));
        }
    }
    names
}

/// The line that begins with a key; 1 when it is written in a way of its own.
pub(crate) fn line_of(text: &str, key: &str) -> usize {
    let begins = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    text.lines().position(|line| begins(line.trim_start())).map_or(1, |index| index + 1)
}
