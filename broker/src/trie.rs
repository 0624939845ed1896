//! Subscriptions by their filters, one level of a topic a node: a publish visits only what can match.

use compact_str::CompactString;
use hashbrown::HashMap;

/// What is subscribed under each filter path.
#[derive(Debug)]
pub struct Trie<T> {
    root: Node<T>,
    len: usize,
}

#[derive(Debug)]
struct Node<T> {
    /// `+` and `#` are levels like any other.
    children: HashMap<CompactString, Node<T>>,
    entries: Vec<T>,
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { root: Node::default(), len: 0 }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { children: HashMap::new(), entries: Vec::new() }
    }
}

impl<T> Trie<T> {
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn insert(&mut self, path: &str, entry: T) {
        let mut node = &mut self.root;
        for level in path.split('/') {
            node = node.children.entry(level.into()).or_default();
        }
        node.entries.push(entry);
        self.len += 1;
    }

    /// Removes what `is_it` says of one path, and the nodes that nothing needs any more.
    pub fn remove(&mut self, path: &str, is_it: impl Fn(&T) -> bool) {
        self.len -= self.root.remove(path.split('/'), &is_it);
    }

    pub fn matching<'a>(&'a self, topic: &str, found: &mut impl FnMut(&'a T)) {
        if !self.is_empty() {
            self.root.matching(topic, Level::First, found);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    First,
    Further,
}

impl<T> Node<T> {
    fn remove<'p>(&mut self, mut path: impl Iterator<Item = &'p str>, is_it: &impl Fn(&T) -> bool) -> usize {
        let Some(level) = path.next() else {
            let before = self.entries.len();
            self.entries.retain(|entry| !is_it(entry));
            return before - self.entries.len();
        };
        let Some(child) = self.children.get_mut(level) else { return 0 };
        let path: &mut dyn Iterator<Item = &'p str> = &mut path;
        let removed = child.remove(path, is_it);
        if child.entries.is_empty() && child.children.is_empty() {
            self.children.remove(level);
        }
        removed
    }

    fn matching<'a>(&'a self, topic: &str, level: Level, found: &mut impl FnMut(&'a T)) {
        // Wildcards in the first level do not match topics of the server's own ($SYS).
        let wild = level == Level::Further || !topic.starts_with('$');
        if wild && let Some(all) = self.children.get("#") {
            all.entries.iter().for_each(&mut *found);
        }
        let (first, rest) = match topic.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (topic, None),
        };
        if let Some(child) = self.children.get(first) {
            child.descend(rest, found);
        }
        if wild && let Some(child) = self.children.get("+") {
            child.descend(rest, found);
        }
    }

    fn descend<'a>(&'a self, rest: Option<&str>, found: &mut impl FnMut(&'a T)) {
        match rest {
            Some(rest) => self.matching(rest, Level::Further, found),
            None => {
                self.entries.iter().for_each(&mut *found);
                // `a/#` matches `a`, too.
                if let Some(all) = self.children.get("#") {
                    all.entries.iter().for_each(found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::{Filter, is_topic, matches};

    proptest! {
        #[test]
        fn the_trie_finds_what_the_rule_says(
            paths in proptest::collection::vec("[ab+#$/]{1,6}", 1..20),
            topic in "[ab$/]{1,6}",
        ) {
            let mut trie = Trie::default();
            let valid: Vec<String> = paths.into_iter().filter(|path| Filter::parse(&path.as_str().into()).is_some()).collect();
            for (number, path) in valid.iter().enumerate() {
                trie.insert(path, number);
            }
            prop_assume!(is_topic(&topic));
            let mut found = Vec::new();
            trie.matching(&topic, &mut |number| found.push(*number));
            found.sort_unstable();
            let expected: Vec<usize> = (0..valid.len()).filter(|&number| matches(&valid[number], &topic)).collect();
            prop_assert_eq!(found, expected);
            for (number, path) in valid.iter().enumerate() {
                trie.remove(path, |&entry| entry == number);
            }
            prop_assert!(trie.is_empty() && trie.root.children.is_empty());
        }
    }
}
