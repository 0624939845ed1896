//! How deep and how large a question may be, judged before anything recursive is done to it.
//!
//! A parser makes of `1+1+1+…` a tree as deep as it is long, and whatever comes after it walks trees by recursion. And a plan can
//! be far larger than its text: a named query that is used twice by the next one, and so on, doubles with each. So the words are
//! judged before a tree is made of them, and the tree before a plan is.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, ObjectName, ObjectNamePart, Query, Statement, TableFactor, Visit as _, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use domain::limits::{SQL_TABLES_MAX, SQL_WIDE_VALUE_BYTES, SQL_WORDS_IN_A_ROW_MAX};
use hashbrown::HashMap;
use lake::table::Table;

use super::EngineError;
use super::step::Extent;

/// No tree that is made of `sql` is deeper than [`SQL_WORDS_IN_A_ROW_MAX`]. The bytes of its longest word.
pub fn judge_text(sql: &str) -> Result<usize, EngineError> {
    let tokens =
        Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().map_err(|error| EngineError::Statement(error.to_string()))?;
    if depth(&tokens) > SQL_WORDS_IN_A_ROW_MAX {
        let detail = format!(
            "an expression of more than {SQL_WORDS_IN_A_ROW_MAX} words, or too many UNIONs: x IN (a, b, …) instead of x = a OR x = b …"
        );
        return Err(EngineError::TooCostly(detail));
    }
    let words = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_)));
    Ok(words.map(|word| word.to_string().len()).max().unwrap_or(0))
}

/// The tables and queries in a statement, those behind a name as often as the name is used, are no more than [`SQL_TABLES_MAX`].
pub fn judge_tables(statement: &Statement) -> Result<Extent, EngineError> {
    let mut count = Count::default();
    match statement.visit(&mut count) {
        ControlFlow::Continue(()) => {
            Ok(Extent { expressions: usize::try_from(count.whole.expressions).unwrap_or(0), longest: count.longest })
        }
        ControlFlow::Break(()) => {
            let detail =
                format!("more than {SQL_TABLES_MAX} tables and queries, those of WITH counted as often as they are used");
            Err(EngineError::TooCostly(detail))
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Size {
    tables: usize,
    /// Less than none while a list's values are yet to come.
    expressions: i64,
}

/// A table's columns: none has more.
const COLUMNS: i64 = 32;

impl Size {
    const EXPRESSION: Self = Self { tables: 0, expressions: 1 };
    const QUERY: Self = Self { tables: 1, expressions: 0 };
    const TABLE: Self = Self { tables: 1, expressions: COLUMNS };

    fn plus(self, other: Self) -> Self {
        Self { tables: self.tables.saturating_add(other.tables), expressions: self.expressions.saturating_add(other.expressions) }
    }
}

/// The queries around the place that the walk has come to, the innermost last.
#[derive(Default)]
struct Count {
    around: Vec<Around>,
    /// What has been walked through.
    whole: Size,
    longest: usize,
}

struct Around {
    /// Those that WITH names and that the walk has not come to: name and query, the next one last.
    coming: Vec<(String, *const Query)>,
    named: HashMap<String, Size>,
    size: Size,
}

impl Count {
    fn add(&mut self, size: Size) -> ControlFlow<()> {
        let Some(around) = self.around.last_mut() else {
            self.whole = self.whole.plus(size);
            return ControlFlow::Continue(());
        };
        around.size = around.size.plus(size);
        if around.size.tables > SQL_TABLES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn size_of(&self, name: &ObjectName) -> Size {
        let name = folded(&name.to_string());
        self.around.iter().rev().find_map(|around| around.named.get(&name)).copied().unwrap_or(Size::TABLE)
    }
}

/// Names that differ in case alone are taken for one: at worst a table counts as much as a query does.
fn folded(name: &str) -> String {
    name.trim_matches('"').to_lowercase()
}

/// Tables with payloads or shapes in them.
fn is_wide(name: &ObjectName) -> bool {
    let last = name.0.last().and_then(ObjectNamePart::as_ident);
    let wide = [Table::DeadLetters, Table::Registry];
    last.is_some_and(|ident| wide.iter().any(|table| table.name().eq_ignore_ascii_case(&ident.value)))
}

impl Visitor for Count {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables).rev();
        let coming = named.map(|cte| (folded(&cte.alias.name.value), &raw const *cte.query)).collect();
        self.around.push(Around { coming, named: HashMap::new(), size: Size::QUERY });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let size = self.around.pop().map_or(Size::default(), |around| around.size);
        let coming = self.around.last_mut().and_then(|around| around.coming.pop_if(|(_, coming)| std::ptr::eq(*coming, query)));
        match (coming, self.around.last_mut()) {
            (Some((name, _)), Some(around)) => {
                around.named.insert(name, size);
                ControlFlow::Continue(())
            }
            _ => self.add(size),
        }
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        match table {
            TableFactor::Table { name, .. } => {
                if is_wide(name) {
                    self.longest = SQL_WIDE_VALUE_BYTES;
                }
                self.add(self.size_of(name))
            }
            _ => self.add(Size::QUERY),
        }
    }

    /// A list's values are compared with, not made for each row.
    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let constants = match expr {
            Expr::InList { list, .. } => list.iter().filter(|item| matches!(item, Expr::Value(_))).count(),
            _ => 0,
        };
        self.add(Size { tables: 0, expressions: Size::EXPRESSION.expressions - constants as i64 })
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

    fn extent(sql: &str) -> Option<Extent> {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement");
        judge_tables(&statements.remove(0)).ok()
    }

    fn judged(sql: &str) -> bool {
        extent(sql).is_some()
    }

    #[test]
    fn expressions_are_counted_as_often_as_they_are_used_and_the_values_of_a_list_are_not() {
        let expressions = |sql: &str| extent(sql).expect("within the limits").expressions;
        assert_eq!(expressions("SELECT a, b + 1"), 4);
        assert_eq!(expressions("SELECT 1 FROM t WHERE a IN (1, 2, 3, 4)"), 3 + COLUMNS as usize);
        let once = expressions("WITH x AS (SELECT a, b, c) SELECT 1 FROM x");
        assert_eq!(expressions("WITH x AS (SELECT a, b, c) SELECT 1 FROM x, x"), once + 3);
    }

    #[test]
    fn tables_with_payloads_or_shapes_make_for_small_steps() {
        let longest = |sql: &str| extent(sql).expect("within the limits").longest;
        assert_eq!(longest("SELECT * FROM parking_readings"), 0);
        assert_eq!(longest("SELECT (SELECT count(*) FROM Dead_Letters)"), SQL_WIDE_VALUE_BYTES);
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
