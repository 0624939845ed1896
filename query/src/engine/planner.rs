//! How two kinds of expressions are planned here: `a || b || …`, whose length is reckoned, and `qc['pm25']`, a value of a map or struct.

use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::functions::core::get_field;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{GetFieldAccess, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::growth;

#[derive(Debug)]
pub struct Planner {
    /// Of a text that an operator makes.
    pub value_bytes: usize,
}

impl ExprPlanner for Planner {
    fn plan_binary_op(&self, raw: RawBinaryExpr, _: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>, DataFusionError> {
        if raw.op != BinaryOperator::StringConcat {
            return Ok(PlannerResult::Original(raw));
        }
        let mut texts = growth::texts_of(raw.left);
        texts.extend(growth::texts_of(raw.right));
        Ok(PlannerResult::Planned(growth::joined(texts, self.value_bytes)))
    }

    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        _: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>, DataFusionError> {
        match raw.field_access {
            GetFieldAccess::NamedStructField { name } => Ok(PlannerResult::Planned(get_field().call(vec![raw.expr, lit(name)]))),
            _ => Ok(PlannerResult::Original(raw)),
        }
    }
}
