//! How deep and how large a question may be, judged before anything recursive is done to it.
//!
//! A parser makes of `1+1+1+…` a tree as deep as it is long, and whatever comes after it walks trees by recursion. And a plan can
//! be far larger than its text: a named query that is used twice by the next one, and so on, doubles with each. So the words are
//! judged before a tree is made of them, and the tree before a plan is.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, Query, Statement, TableFactor, Visit as _, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use domain::limits::{SQL_TABLES_MAX, SQL_WORDS_IN_A_ROW_MAX};
use hashbrown::HashMap;

use super::EngineError;

/// No tree that is made of `sql` is deeper than [`SQL_WORDS_IN_A_ROW_MAX`].
pub fn judge_text(sql: &str) -> Result<(), EngineError> {
    let tokens =
        Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().map_err(|error| EngineError::Statement(error.to_string()))?;
    if depth(&tokens) > SQL_WORDS_IN_A_ROW_MAX {
        let detail = format!(
            "an expression of more than {SQL_WORDS_IN_A_ROW_MAX} words, or too many UNIONs: x IN (a, b, …) instead of x = a OR x = b …"
        );
        return Err(EngineError::TooCostly(detail));
    }
    Ok(())
}

/// The tables and queries in a statement, those behind a name as often as the name is used, are no more than [`SQL_TABLES_MAX`].
pub fn judge_tables(statement: &Statement) -> Result<(), EngineError> {
    match statement.visit(&mut Count::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            let detail =
                format!("more than {SQL_TABLES_MAX} tables and queries, those of WITH counted as often as they are used");
            Err(EngineError::TooCostly(detail))
        }
    }
}

/// The queries around the place that the walk has come to, the innermost last.
#[derive(Default)]
struct Count(Vec<Around>);

struct Around {
    /// Those that WITH names and that the walk has not come to: name and query, the next one last.
    coming: Vec<(String, *const Query)>,
    named: HashMap<String, usize>,
    size: usize,
}

impl Count {
    fn add(&mut self, size: usize) -> ControlFlow<()> {
        let Some(around) = self.0.last_mut() else {
            return ControlFlow::Continue(());
        };
        around.size = around.size.saturating_add(size);
        if around.size > SQL_TABLES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn size_of(&self, name: &ObjectName) -> usize {
        let name = folded(&name.to_string());
        self.0.iter().rev().find_map(|around| around.named.get(&name)).copied().unwrap_or(1)
    }
}

/// Names that differ in case alone are taken for one: at worst a table counts as much as a query does.
fn folded(name: &str) -> String {
    name.trim_matches('"').to_lowercase()
}

impl Visitor for Count {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables).rev();
        let coming = named.map(|cte| (folded(&cte.alias.name.value), &raw const *cte.query)).collect();
        self.0.push(Around { coming, named: HashMap::new(), size: 1 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let size = self.0.pop().map_or(0, |around| around.size);
        let Some(around) = self.0.last_mut() else {
            return ControlFlow::Continue(());
        };
        match around.coming.pop_if(|(_, coming)| std::ptr::eq(*coming, query)) {
            Some((name, _)) => {
                around.named.insert(name, size);
                ControlFlow::Continue(())
            }
            None => self.add(size),
        }
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        match table {
            TableFactor::Table { name, .. } => self.add(self.size_of(name)),
            _ => self.add(1),
        }
    }
}

/// What stands between one pair of brackets.
#[derive(Default)]
struct Level {
    /// Since the last comma.
    words: usize,
    /// Of the brackets since the last comma.
    inner: usize,
    /// Of what the commas have parted.
    deepest: usize,
    /// UNION and the like: they go on across commas.
    sets: usize,
}

/// What a set operation makes of a plan: several nodes, each larger than an expression's.
const SET_WORDS: usize = 16;

impl Level {
    fn part(&mut self) {
        self.deepest = self.deepest.max(self.words + self.inner);
        (self.words, self.inner) = (0, 0);
    }

    fn depth(mut self) -> usize {
        self.part();
        self.deepest + SET_WORDS * self.sets
    }
}

/// At least the depth of any tree that is made of the words: one goes through the words between two commas, and into one of the
/// brackets among them.
fn depth(tokens: &[Token]) -> usize {
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    for token in tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::LParen | Token::LBracket | Token::LBrace => {
                level.words += 1;
                outer.push(std::mem::take(&mut level));
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                // A closing bracket too many is for the parser to tell.
                if let Some(around) = outer.pop() {
                    let inner = std::mem::replace(&mut level, around).depth();
                    level.inner = level.inner.max(inner);
                }
            }
            Token::Comma => level.part(),
            Token::Word(word) if is_set_operation(word.keyword) => level.sets += 1,
            _ => level.words += 1,
        }
    }
    outer.into_iter().chain([level]).map(Level::depth).sum()
}

fn is_set_operation(word: Keyword) -> bool {
    matches!(word, Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn depth_of(sql: &str) -> usize {
        depth(&Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().expect("words"))
    }

    fn judged(sql: &str) -> bool {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement");
        judge_tables(&statements.remove(0)).is_ok()
    }

    #[test]
    fn a_named_query_counts_as_often_as_it_is_used() {
        let with = |uses: usize| format!("WITH a AS (SELECT 1 FROM t, t, t) SELECT 1 FROM {}", vec!["A"; uses].join(", "));
        assert!(judged(&with(15)) && !judged(&with(16)), "1 + 4 a use");
        let inside = "SELECT (WITH a AS (SELECT 1 FROM t, t) SELECT 1 FROM a), (SELECT 1 FROM a)";
        assert!(judged(inside), "a name ends with its query");
        let doubled = (1..6).map(|n| format!("t{n} AS (SELECT (SELECT 1 FROM t{0}) + (SELECT 1 FROM t{0}))", n - 1));
        let doubled = doubled.collect::<Vec<_>>().join(", ");
        assert!(!judged(&format!("WITH t0 AS (SELECT 1 FROM x), {doubled} SELECT 1 FROM t5")));
        assert!(!judged(&format!("SELECT 1 FROM {}", vec!["(VALUES (1)) v"; 40].join(", "))), "a query in brackets counts, too");
    }

    #[test]
    fn depth_counts_words_between_commas_and_the_deepest_brackets_among_them() {
        assert_eq!(depth_of("1+1"), 3);
        assert_eq!(depth_of("1,1,1,1"), 1);
        assert_eq!(depth_of("x IN (1,2,3)"), 4, "a long list is not deep");
        assert_eq!(depth_of("f(1, 2+3) + g(4)"), 8);
        assert_eq!(depth_of("((((1))))"), 5);
        assert_eq!(depth_of("(1+(2"), 5, "what is left open counts");
        assert_eq!(depth_of("1)+1"), 3);
        assert_eq!(depth_of("SELECT 1, 2 UNION SELECT 3, 4"), 3 + SET_WORDS);
    }
}
