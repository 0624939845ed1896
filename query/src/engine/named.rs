//! A name for each query in FROM that has none.
//!
//! DataFusion's optimizer takes a projection for a copy of the one below it where both have the same expressions, and leaves it out.
//! That `x` is another column each time only shows by the name of the query it comes from: without one,
//! `SELECT x + 1 AS x FROM (SELECT x + 1 AS x FROM …)` adds once.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Ident, Query, TableAlias, TableFactor, VisitMut as _, VisitorMut};

/// Names what has no name.
pub fn name_all(query: &mut Query) {
    // Nothing in it breaks off.
    let _: ControlFlow<()> = query.visit(&mut Names(0));
}

/// How many were given.
struct Names(usize);

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { alias: alias @ None, .. } = table {
            self.0 += 1;
            let name = Ident::with_quote('"', format!("subquery {}", self.0));
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::Statement;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn each_query_without_a_name_is_given_its_own_and_others_keep_theirs() {
        let sql = "SELECT 1 FROM (SELECT 1 FROM (SELECT 2)) CROSS JOIN (SELECT 3) AS t";
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement");
        let Statement::Query(query) = &mut statements[0] else { panic!("{sql} is a query") };
        name_all(query);
        let named = r#"SELECT 1 FROM (SELECT 1 FROM (SELECT 2) AS "subquery 2") AS "subquery 1" CROSS JOIN (SELECT 3) AS t"#;
        assert_eq!(query.to_string(), named);
    }
}
