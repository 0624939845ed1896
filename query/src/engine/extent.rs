//! How deep and how large a question may be, judged before anything recursive is done to it.
//!
//! A parser makes of `1+1+1+…` a tree as deep as it is long, and whatever comes after it walks trees by recursion. And a plan can
//! be far larger than its text: a named query that is used twice by the next one, and so on, doubles with each. So the words are
//! judged before a tree is made of them, and the plan before it is optimized.

use std::ops::ControlFlow;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{Statement, visit_relations};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use domain::limits::{SQL_PLAN_NODES_MAX, SQL_RELATIONS_MAX, SQL_WORDS_IN_A_ROW_MAX};

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

/// The tables that a statement names, each as often as it does.
pub fn judge_relations(statement: &Statement) -> Result<(), EngineError> {
    let mut relations = 0;
    let many = visit_relations(statement, |_| {
        relations += 1;
        if relations > SQL_RELATIONS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match many {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(EngineError::TooCostly(format!("more than {SQL_RELATIONS_MAX} tables are joined"))),
    }
}

/// The plan as it would be walked: what it shares counts each time.
pub fn judge_plan(plan: &LogicalPlan) -> Result<(), EngineError> {
    let mut nodes = 0;
    plan.apply_with_subqueries(|_| {
        nodes += 1;
        Ok(if nodes > SQL_PLAN_NODES_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if nodes > SQL_PLAN_NODES_MAX {
        return Err(EngineError::TooCostly(format!("a plan of more than {SQL_PLAN_NODES_MAX} steps")));
    }
    Ok(())
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
    use super::*;

    fn depth_of(sql: &str) -> usize {
        depth(&Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().expect("words"))
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
