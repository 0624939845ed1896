//! The repository keeps its house rules. A failure lists every place; files due to be split are told, and do not fail.

use std::io::Write as _;

use tidy::tree::Tree;
use tidy::{ALL, rule};

#[test]
fn the_repository_keeps_its_house_rules() {
    let tree = Tree::of_repository();
    assert!(tree.sources.len() > 20, "the repository was not found");
    let long = rule::length::long_files(&tree);
    let told: String = long.iter().map(|finding| format!("due to be split: {finding}\n")).collect();
    std::io::stderr().write_all(told.as_bytes()).expect("stderr can be written");
    let mut broken = String::new();
    for rule in ALL {
        for finding in (rule.check)(&tree) {
            broken.push_str(&format!("{}:{}: {} ({})\n", finding.file, finding.line, finding.what, rule.name));
        }
    }
    assert!(broken.is_empty(), "house rules are broken:\n{broken}");
}
