//! A version stands once, in the workspace, and takes no default features: what is compiled is what somebody asked for.

use toml::{Table, Value};

use super::import::line_of;
use crate::Finding;
use crate::tree::{TextFile, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let root = tree.files.iter().find(|file| file.path == "Cargo.toml");
    root.into_iter().flat_map(check_workspace).chain(tree.manifests().flat_map(check_member)).collect()
}

fn check_workspace(manifest: &TextFile) -> Vec<Finding> {
    let table: Table = manifest.text.parse().unwrap_or_default();
    let dependencies = table.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    let mut findings = Vec::new();
    for (name, value) in dependencies.into_iter().flatten() {
        let is_ours = value.get("path").is_some();
        if !is_ours && value.get("default-features").and_then(Value::as_bool) != Some(false) {
            let line = line_of(&manifest.text, name);
            let what = format!("{name} lacks default-features = false");
            findings.push(Finding { file: manifest.path.clone(), line, what });
        }
    }
    findings
}

fn check_member(manifest: &TextFile) -> Vec<Finding> {
    let table: Table = manifest.text.parse().unwrap_or_default();
    let mut findings = Vec::new();
    // A workspace of its own (the fuzz targets) cannot inherit.
    if table.contains_key("workspace") {
        return findings;
    }
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (name, value) in table.get(kind).and_then(Value::as_table).into_iter().flatten() {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                let line = line_of(&manifest.text, name);
                let what = format!("{name} does not take its version from the workspace");
                findings.push(Finding { file: manifest.path.clone(), line, what });
            }
        }
    }
    findings
}
