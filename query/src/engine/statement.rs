//! One read-only SELECT over the tables of a view, within limits of rows, time and memory.
//!
//! Fences: the text must be a single query statement, within an [extent](extent), that says nothing of what the [fence](fence) keeps
//! out; the plan must not define, change or set anything; and the session knows no table but those of the view, so there is nothing
//! else to name. What runs goes on in [steps](super::step) that fit into memory. Dropping the future cancels the work.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{self, visit_expressions, visit_statements};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use domain::limits::{SQL_ANSWER_BYTES_MAX, SQL_BYTES_MAX, SQL_ROWS_MAX, SQL_TIME_MAX};
use futures::TryStreamExt;
use lake::contract::View;
use lake::snapshot::DataFile;
use lake::table::Table;

use super::metered::metered;
use super::named::name_all;
use super::planner::Planner;
use super::step::{Extent, Step};
use super::{Core, Engine, EngineError, SnapshotTable, extent, fence, growth, slice_bytes};

#[derive(Clone, Copy, Debug)]
pub struct StatementLimits {
    pub rows: usize,
    pub time: Duration,
    /// Of the answer, as Arrow.
    pub answer_bytes: usize,
    /// Of the text itself.
    pub bytes: usize,
}

impl Default for StatementLimits {
    fn default() -> Self {
        Self { rows: SQL_ROWS_MAX, time: SQL_TIME_MAX, answer_bytes: SQL_ANSWER_BYTES_MAX, bytes: SQL_BYTES_MAX }
    }
}

/// An answer: the columns stand even when there are no rows.
pub struct Rows {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl Engine {
    /// Answers one SELECT on `view`.
    pub async fn select(&self, view: &View, sql: &str, limits: StatementLimits) -> Result<Rows, EngineError> {
        let (core, view, sql) = (Arc::clone(&self.core), view.clone(), sql.to_owned());
        let in_turn = async {
            // Before it takes one of the threads, of which there are few.
            let turn = Arc::clone(&core.turns).acquire_owned().await;
            let turn = turn.map_err(|_| EngineError::Failed("the engine is closed".to_owned()))?;
            let work = async move {
                let _turn = turn;
                match core.run(&view, parse(&sql, limits)?, limits).await {
                    Ok(rows) => Ok(rows),
                    Err(error) => Err(core.looks.located(error, &files_of(&view)).await),
                }
            };
            self.threads.run_apart(work).await
        };
        // Of here and not of the engine's threads: a plan that takes too long keeps one of them busy, and its turn.
        let too_late = self.clock.sleep(limits.time);
        tokio::select! {
            rows = in_turn => rows,
            () = too_late => Err(EngineError::TooCostly(format!("more than {} s", limits.time.as_secs()))),
        }
    }
}

impl Core {
    /// A state of its own: a cloned one would share its catalogue, and one statement would see another's snapshot.
    fn without_tables(&self, step: Step) -> SessionState {
        let config = self.state.config().clone().with_create_default_catalog_and_schema(true).with_batch_size(step.rows);
        let mut builder = SessionStateBuilder::new_from_existing(self.state.clone())
            .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
            .with_config(config);
        // Of two functions of one name the last counts, of planners the first that does it.
        builder.scalar_functions().get_or_insert_default().extend(growth::bounded(step.value_bytes));
        let planner = Arc::new(Planner { value_bytes: step.value_bytes });
        builder.expr_planners().get_or_insert_default().insert(0, planner);
        builder.build()
    }

    async fn run(&self, view: &View, question: Parsed, limits: StatementLimits) -> Result<Rows, EngineError> {
        let Parsed { statement, extent } = question;
        let step = Step::of(extent, self.state.config().target_partitions());
        let context = SessionContext::new_with_state(self.without_tables(step));
        for (table, _) in view.tables() {
            let provider = SnapshotTable::of(self.files.clone(), *table, view);
            let registered = context.register_table(table.name(), Arc::new(provider));
            registered.map_err(|error| EngineError::Failed(error.to_string()))?;
        }
        let state = context.state();
        let plan = state.statement_to_plan(statement).await?;
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(&plan)?;
        let bounded = LogicalPlanBuilder::from(plan).limit(0, Some(limits.rows.saturating_add(1)))?.build()?;
        let plan = metered(state.create_physical_plan(&bounded).await?)?;
        let mut stream = execute_stream(plan, context.task_ctx())?;
        let mut answer = Rows { schema: stream.schema(), batches: Vec::new() };
        let (mut rows, mut bytes) = (0, 0);
        while let Some(batch) = stream.try_next().await? {
            rows += batch.num_rows();
            bytes += slice_bytes(&batch);
            if rows > limits.rows {
                return Err(EngineError::TooCostly(format!("more than {} rows: add a LIMIT or a narrower WHERE", limits.rows)));
            }
            if bytes > limits.answer_bytes {
                let detail = format!("an answer of more than {} bytes: ask for fewer columns or rows", limits.answer_bytes);
                return Err(EngineError::TooCostly(detail));
            }
            answer.batches.push(batch);
        }
        Ok(answer)
    }
}

fn files_of(view: &View) -> Vec<(Table, &[DataFile])> {
    view.tables().map(|(table, of)| (*table, &of.lake.files[..])).collect()
}

/// A statement that passed the fences.
struct Parsed {
    statement: Statement,
    extent: Extent,
}

/// The one query of the text.
fn parse(sql: &str, limits: StatementLimits) -> Result<Parsed, EngineError> {
    let refused = |detail: &str| Err(EngineError::Statement(detail.to_owned()));
    if sql.len() > limits.bytes {
        return refused(&format!("the statement has more than {} bytes", limits.bytes));
    }
    let longest = extent::judge_text(sql)?;
    let mut statements = DFParser::parse_sql_with_dialect(sql, &PostgreSqlDialect {})?;
    let (Some(mut statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return refused("exactly one SELECT is taken");
    };
    let Statement::Statement(inner) = &mut statement else {
        return refused("only SELECT is taken");
    };
    let ast::Statement::Query(query) = inner.as_mut() else {
        return refused("only SELECT is taken");
    };
    name_all(query);
    let query = &*query;
    // A query may carry others inside (WITH x AS (INSERT …), SELECT … INTO): none but queries may be among them.
    let nested = visit_statements(query, |inner: &ast::Statement| match inner {
        ast::Statement::Query(_) => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    let into = matches!(query.body.as_ref(), ast::SetExpr::Select(select) if select.into.is_some());
    let writes = matches!(query.body.as_ref(), ast::SetExpr::Insert(_) | ast::SetExpr::Update(_) | ast::SetExpr::Delete(_));
    let variables = visit_expressions(query, |expression: &ast::Expr| match expression {
        ast::Expr::Identifier(name) if name.value.starts_with('@') => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if nested.is_break() || into || writes || variables.is_break() || !query.locks.is_empty() {
        return refused("only reading SELECT is taken");
    }
    fence::judge(query)?;
    let of_tables = extent::judge_tables(inner)?;
    let extent = Extent { longest: longest.max(of_tables.longest), ..of_tables };
    Ok(Parsed { statement, extent })
}

#[cfg(test)]
mod tests;
