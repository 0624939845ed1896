//! Each rule finds what it is for, and leaves alone what only looks like it.

use crate::rule;
use crate::tree::Tree;
use crate::{ALL, Finding};

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

/// `file:line` of each finding.
#[track_caller]
fn finds(check: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)], expected: &[&str]) {
    let findings = check(&tree(files));
    let places: Vec<_> = findings.iter().map(|finding| format!("{}:{}", finding.file, finding.line)).collect();
    assert_eq!(places, expected, "{findings:?}");
}

fn function_of(lines: usize) -> String {
    format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
}

#[test]
fn a_long_file_is_found() {
    finds(
        rule::length::files,
        &[("a/src/x.rs", &"//! x\n".repeat(501)), ("a/src/y.rs", &"//! y\n".repeat(500))],
        &["a/src/x.rs:1"],
    );
    assert_eq!(rule::length::long_files(&tree(&[("a/src/y.rs", &"//! y\n".repeat(401))])).len(), 1);
}

#[test]
fn a_long_function_is_found_unless_it_is_a_test() {
    finds(rule::length::functions, &[("a/src/x.rs", &function_of(71)), ("a/src/y.rs", &function_of(70))], &["a/src/x.rs:1"]);
    let method = format!("struct A;\nimpl A {{\n{}}}", function_of(71));
    finds(rule::length::functions, &[("a/src/x.rs", &method)], &["a/src/x.rs:3"]);
    let test = format!("#[cfg(test)]\nmod tests {{\n{}}}", function_of(99));
    finds(rule::length::functions, &[("a/src/x.rs", &test), ("a/src/x/tests.rs", &function_of(99))], &[]);
    finds(rule::length::inline_tests, &[("a/src/x.rs", &test)], &["a/src/x.rs:1"]);
}

#[test]
fn a_file_without_its_opening_or_without_sense_is_found() {
    let files = [("a/src/x.rs", "use std::fmt;"), ("a/src/y.rs", "//! Fine."), ("a/src/z.rs", "//! Broken\nfn {")];
    finds(rule::opening::check, &files, &["a/src/x.rs:1", "a/src/z.rs:1"]);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    let files = [("a/src/utils.rs", ""), ("a/src/x/mod.rs", ""), ("a/src/test_helpers.rs", ""), ("a/src/model.rs", "")];
    finds(rule::name::check, &files, &["a/src/utils.rs:1", "a/src/x/mod.rs:1", "a/src/test_helpers.rs:1"]);
}

#[test]
fn forbidden_words_are_found_in_code_and_not_in_texts_and_comments() {
    let code =
        "//! unwrap dbg!\nfn f() {\n    g().unwrap();\n    dbg!(1);\n    println!(\"todo!()\");\n    h().unwrap_or(0);\n}\n";
    finds(rule::word::check, &[("a/src/x.rs", code)], &["a/src/x.rs:3", "a/src/x.rs:4", "a/src/x.rs:5"]);
    let printing = "fn f() {\n    println!();\n}\n#[cfg(test)]\nmod tests {\n    fn t() { g().unwrap(); }\n}\n";
    let files = [
        ("kerbside/src/main.rs", printing),
        ("a/benches/b.rs", "fn f() { println!() }"),
        ("a/tests/t.rs", "fn f() { println!() }"),
    ];
    finds(rule::word::check, &files, &["kerbside/src/main.rs:6", "a/tests/t.rs:1"]);
}

#[test]
fn asking_the_machine_for_time_or_chance_is_found_outside_tests() {
    let code = "use std::time::{Duration, Instant};\nuse tokio::{sync, time};\nfn f() {\n    Instant::now();\n    std::time::SystemTime::now();\n    \
                rand::random();\n    tokio::time::sleep(d);\n}\n#[cfg(test)]\nmod tests {\n    fn t() { std::time::Instant::now(); }\n}\n";
    let expected = ["a/src/x.rs:2", "a/src/x.rs:4", "a/src/x.rs:5", "a/src/x.rs:6", "a/src/x.rs:7"];
    finds(rule::clock::check, &[("a/src/x.rs", code)], &expected);
    let clock = "fn f() { tokio::time::sleep(d); }";
    finds(rule::clock::check, &[("domain/src/time.rs", code), ("kerbside/src/clock.rs", clock), ("tests/src/x.rs", code)], &[]);
}

#[test]
fn names_of_one_file_are_found_elsewhere() {
    let code = "use rumqttd::Broker;\nfn f() -> StatusCode {\n    StatusCode::OK;\n    http::StatusCode::NOT_FOUND\n}\n";
    finds(rule::owner::check, &[("query/src/x.rs", code)], &["query/src/x.rs:1", "query/src/x.rs:4"]);
    finds(
        rule::owner::check,
        &[("broker/src/engine.rs", code), ("query/src/problem.rs", code)],
        &["broker/src/engine.rs:4", "query/src/problem.rs:1"],
    );
}

#[test]
fn an_import_against_the_direction_is_found() {
    let lake = "[dependencies]\ndomain.workspace = true\njournal.workspace = true\n";
    let domain = "[dev-dependencies]\nlake.workspace = true\n[dependencies]\ntokio.workspace = true\n";
    let ingest = "[dependencies]\nlake.workspace = true\ndatafusion.workspace = true\n";
    let files = [("lake/Cargo.toml", lake), ("domain/Cargo.toml", domain), ("ingest/Cargo.toml", ingest), ("new/Cargo.toml", "")];
    let expected = ["lake/Cargo.toml:3", "domain/Cargo.toml:4", "domain/Cargo.toml:2", "ingest/Cargo.toml:3", "new/Cargo.toml:1"];
    finds(rule::import::check, &files, &expected);
    finds(rule::import::check, &[("kerbside/Cargo.toml", lake)], &[]);
}

#[test]
fn a_version_of_its_own_and_default_features_are_found() {
    let root = "[workspace.dependencies]\na = \"1\"\nb = { version = \"1\", default-features = false }\nc = { path = \"c\" }\n";
    let member = "[dependencies]\na = \"1\"\nb.workspace = true\n";
    finds(rule::dependency::check, &[("Cargo.toml", root), ("x/Cargo.toml", member)], &["Cargo.toml:2", "x/Cargo.toml:2"]);
}

#[test]
fn a_path_of_a_machine_is_found_in_any_text() {
    let slash = "/";
    let bad =
        format!("cd {slash}work/x\nfine/work/x\n\"{slash}root\"\nhttp://x{slash}home/\n`{slash}home/me`\n{slash}workspace\n");
    finds(rule::machine::check, &[("docs/x.md", &bad)], &["docs/x.md:1", "docs/x.md:3", "docs/x.md:5"]);
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let mut names: Vec<_> = ALL.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}
