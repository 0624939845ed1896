//! How long files, functions and inline tests may be. Test code has functions of any length.

use crate::Finding;
use crate::source::{Block, Source};
use crate::tree::Tree;

const FILE_LINES_MAX: usize = 500;
/// From here on a file is due to be split.
const FILE_LINES_WARN: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const INLINE_TEST_LINES_MAX: usize = 80;

pub fn files(tree: &Tree) -> Vec<Finding> {
    longer_than(tree, FILE_LINES_MAX)
}

/// Files that are due to be split: no findings yet.
pub fn long_files(tree: &Tree) -> Vec<Finding> {
    longer_than(tree, FILE_LINES_WARN)
}

fn longer_than(tree: &Tree, max: usize) -> Vec<Finding> {
    let finding = |source: &Source| Finding { file: source.path.clone(), line: 1, what: format!("{} lines", source.lines) };
    tree.sources.iter().filter(|source| source.lines > max).map(finding).collect()
}

pub fn functions(tree: &Tree) -> Vec<Finding> {
    blocks(tree, |source| &source.functions, |block| !block.is_test && block.lines > FUNCTION_LINES_MAX)
}

pub fn inline_tests(tree: &Tree) -> Vec<Finding> {
    blocks(tree, |source| &source.inline_tests, |block| block.lines > INLINE_TEST_LINES_MAX)
}

fn blocks(tree: &Tree, of: fn(&Source) -> &[Block], is_too_long: fn(&Block) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for block in of(source).iter().filter(|block| is_too_long(block)) {
            let what = format!("{} has {} lines", block.name, block.lines);
            findings.push(Finding { file: source.path.clone(), line: block.line, what });
        }
    }
    findings
}
