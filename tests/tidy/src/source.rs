//! A Rust file as the rules see it: its words with their lines, the paths it names, its functions, and what of it is test code.
//!
//! Comments and texts are no words, so a rule may be written down where it is broken.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// An identifier or a punctuation mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub line: usize,
    pub is_test: bool,
}

/// `a::b::c` as it is written, or as a `use` brings it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPath {
    pub segments: Vec<String>,
    pub line: usize,
    pub is_test: bool,
}

impl NamedPath {
    /// Whether `first::second` stand next to each other in it.
    pub fn has_pair(&self, first: &str, second: &str) -> bool {
        self.segments.windows(2).any(|pair| pair[0] == first && pair[1] == second)
    }
}

/// A function, method or inline test module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub name: String,
    pub line: usize,
    pub lines: usize,
    pub is_test: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Source {
    pub path: String,
    pub lines: usize,
    pub first_line: String,
    pub words: Vec<Word>,
    pub paths: Vec<NamedPath>,
    pub functions: Vec<Block>,
    pub inline_tests: Vec<Block>,
    /// Why it is no Rust, if so.
    pub error: Option<String>,
}

impl Source {
    pub fn read(path: &str, text: &str) -> Self {
        let mut source = Self {
            path: path.to_owned(),
            lines: text.lines().count(),
            first_line: text.lines().next().unwrap_or("").to_owned(),
            ..Self::default()
        };
        let file = match syn::parse_file(text) {
            Ok(file) => file,
            Err(error) => {
                source.error = Some(error.to_string());
                return source;
            }
        };
        let mut reader = Reader { source: &mut source, tests: Vec::new(), depth_in_test: usize::from(is_test_file(path)) };
        reader.visit_file(&file);
        let tests = reader.tests;
        let whole_is_test = is_test_file(path);
        let is_test = |line: usize| whole_is_test || tests.iter().any(|(from, to)| (*from..=*to).contains(&line));
        let tokens: TokenStream = text.parse().expect("what syn parsed is made of tokens");
        flatten(tokens, &is_test, &mut source.words);
        let mut written = paths_of(&source.words);
        source.paths.append(&mut written);
        source
    }

    /// `tests` of the workspace, a crate's `tests/` and `benches/`, and `x/tests.rs` with what lies below it.
    pub fn is_test_file(&self) -> bool {
        is_test_file(&self.path)
    }
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
}

struct Reader<'a> {
    source: &'a mut Source,
    /// First and last line of what is test code.
    tests: Vec<(usize, usize)>,
    depth_in_test: usize,
}

impl Reader<'_> {
    fn function(&mut self, name: &syn::Ident, from: Span, to: Span) {
        let (from, to) = (from.start().line, to.end().line);
        let is_test = self.depth_in_test > 0;
        self.source.functions.push(Block { name: name.to_string(), line: from, lines: to + 1 - from, is_test });
    }

    fn inside(&mut self, is_test: bool, span: Span, visit: impl FnOnce(&mut Self)) {
        if is_test {
            self.tests.push((span.start().line, span.end().line));
        }
        self.depth_in_test += usize::from(is_test);
        visit(self);
        self.depth_in_test -= usize::from(is_test);
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => self.used(with(&name.ident), name.span()),
            syn::UseTree::Rename(rename) => self.used(with(&rename.ident), rename.span()),
            syn::UseTree::Glob(glob) => self.used(before.to_vec(), glob.span()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(tree, before)),
        }
    }

    fn used(&mut self, segments: Vec<String>, span: Span) {
        let is_test = self.depth_in_test > 0;
        self.source.paths.push(NamedPath { segments, line: span.start().line, is_test });
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = has_test_attribute(&item.attrs);
        if is_test && item.content.is_some() {
            let (from, to) = (item.span().start().line, item.span().end().line);
            let block = Block { name: item.ident.to_string(), line: from, lines: to + 1 - from, is_test };
            self.source.inline_tests.push(block);
        }
        self.inside(is_test, item.span(), |reader| visit::visit_item_mod(reader, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.inside(has_test_attribute(&item.attrs), item.span(), |reader| {
            reader.function(&item.sig.ident, item.sig.span(), item.block.span());
            visit::visit_item_fn(reader, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.inside(has_test_attribute(&item.attrs), item.span(), |reader| {
            reader.function(&item.sig.ident, item.sig.span(), item.block.span());
            visit::visit_impl_item_fn(reader, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig.ident, item.sig.span(), block.span());
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.inside(has_test_attribute(&item.attrs), item.span(), |reader| visit::visit_item_impl(reader, item));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.inside(has_test_attribute(&item.attrs), item.span(), |reader| reader.use_tree(&item.tree, &[]));
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`; not `#[cfg(not(test))]`.
fn has_test_attribute(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().segments.last().is_some_and(|segment| segment.ident == "test") {
            return true;
        }
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let mut words = Vec::new();
        flatten(list.tokens.clone(), &|_| false, &mut words);
        let has = |text: &str| words.iter().any(|word| word.text == text);
        attribute.path().is_ident("cfg") && has("test") && !has("not")
    })
}

fn flatten(tokens: TokenStream, is_test: &dyn Fn(usize) -> bool, words: &mut Vec<Word>) {
    let word = |text: String, span: Span| {
        let line = span.start().line;
        Word { text, line, is_test: is_test(line) }
    };
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => words.push(word(ident.to_string(), ident.span())),
            TokenTree::Punct(punct) => words.push(word(punct.as_char().to_string(), punct.span())),
            TokenTree::Literal(_) => {}
            TokenTree::Group(group) => {
                words.push(word("(".to_owned(), group.span_open()));
                flatten(group.stream(), is_test, words);
                words.push(word(")".to_owned(), group.span_close()));
            }
        }
    }
}

/// Paths as they are written outside of `use`: words joined by two colons.
fn paths_of(words: &[Word]) -> Vec<NamedPath> {
    let is_name = |word: &Word| word.text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let mut paths = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let first = &words[at];
        at += 1;
        if !is_name(first) {
            continue;
        }
        let mut segments = vec![first.text.clone()];
        while let [colon, other, next, ..] = &words[at..] {
            if colon.text != ":" || other.text != ":" || !is_name(next) {
                break;
            }
            segments.push(next.text.clone());
            at += 3;
        }
        if segments.len() > 1 {
            paths.push(NamedPath { segments, line: first.line, is_test: first.is_test });
        }
    }
    paths
}
