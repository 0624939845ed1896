//! The house rules, checked: what a reviewer should not have to look for.
//!
//! ```text
//! repository ──tree──► text files ──source──► Rust files: tokens, paths, functions, what is test code
//!                          └────────── rule/* ──────────┘──► findings (file:line: rule: what)
//! ```
//!
//! A crate of its own, because it must build in seconds and link nothing of Kerbside. A new rule is one function and its
//! line in [`ALL`].

pub mod rule;
pub mod source;
pub mod tree;

use std::fmt;

use tree::Tree;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// From the root of the repository.
    pub file: String,
    /// From 1.
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A house rule.
pub struct Rule {
    pub name: &'static str,
    pub check: fn(&Tree) -> Vec<Finding>,
}

pub const ALL: [Rule; 11] = [
    Rule { name: "a file has at most 500 lines", check: rule::length::files },
    Rule { name: "a function has at most 70 lines", check: rule::length::functions },
    Rule { name: "unit tests over 80 lines stand in x/tests.rs", check: rule::length::inline_tests },
    Rule { name: "a file opens with //!", check: rule::opening::check },
    Rule { name: "a file is named by its noun", check: rule::name::check },
    Rule { name: "no unwrap, dbg!, todo!, unsafe; printing only on the command line", check: rule::word::check },
    Rule { name: "time and chance are passed in", check: rule::clock::check },
    Rule {
        name: "only broker/src/engine.rs names rumqttd, only query/src/problem.rs an error status",
        check: rule::owner::check,
    },
    Rule { name: "crates import as architecture.md draws", check: rule::import::check },
    Rule { name: "versions stand once, without default features", check: rule::dependency::check },
    Rule { name: "no path of a machine", check: rule::machine::check },
];

#[cfg(test)]
mod tests;
