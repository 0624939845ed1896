//! What a statement may not say, judged on its tree before a plan is made of it: whatever gathers or makes values without end.
//!
//! Memory pools see what operators keep, and neither what a function makes nor what a type reserves. So functions stand in a list,
//! each looked at for what it makes (those that make texts are [bounded](super::growth)); tables are those of the lake.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, DataType, Expr, Function, Query, TableFactor, Visit as _, Visitor};

use super::EngineError;

/// By name; those of one line are of one kind.
const OFFERED: &[&[&str]] = &[
    &["abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "cot", "degrees", "exp"],
    &[
        "factorial",
        "floor",
        "gcd",
        "isnan",
        "iszero",
        "lcm",
        "ln",
        "log",
        "log10",
        "log2",
        "nanvl",
        "pi",
        "pow",
        "power",
        "radians",
    ],
    &["random", "round", "signum", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"],
    &["current_date", "current_time", "current_timestamp", "date_bin", "date_format", "date_part", "date_trunc", "datepart"],
    &["datetrunc", "from_unixtime", "make_date", "make_time", "now", "to_char", "to_date", "to_local_time", "to_time"],
    &["to_timestamp", "to_timestamp_micros", "to_timestamp_millis", "to_timestamp_nanos", "to_timestamp_seconds", "to_unixtime"],
    &["ascii", "bit_length", "btrim", "char_length", "character_length", "chr", "concat", "concat_ws", "contains", "ends_with"],
    &["initcap", "instr", "left", "length", "lower", "lpad", "ltrim", "octet_length", "position", "repeat", "replace", "reverse"],
    &[
        "right",
        "rpad",
        "rtrim",
        "split_part",
        "starts_with",
        "strpos",
        "substr",
        "substring",
        "to_hex",
        "translate",
        "trim",
        "upper",
    ],
    &["regexp_count", "regexp_instr", "regexp_like", "regexp_match", "regexp_replace"],
    &["arrow_typeof", "coalesce", "get_field", "greatest", "ifnull", "least", "nullif", "nvl", "nvl2"],
    &["any_value", "approx_distinct", "approx_median", "approx_percentile_cont", "approx_percentile_cont_with_weight", "avg"],
    &["bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count", "covar", "covar_pop", "covar_samp", "first_value"],
    &["grouping", "last_value", "max", "mean", "median", "min", "percentile_cont", "regr_avgx", "regr_avgy", "regr_count"],
    &[
        "regr_intercept",
        "regr_r2",
        "regr_slope",
        "regr_sxx",
        "regr_sxy",
        "regr_syy",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "sum",
    ],
    &["var", "var_pop", "var_population", "var_samp", "var_sample"],
    &["eu_aqi", "nowcast", "us_epa", "vn_aqi"],
    &["cume_dist", "dense_rank", "lag", "lead", "ntile", "percent_rank", "rank", "row_number"],
];

/// Functions that gather the rows of a group, of which there may be any number, in one value.
const GATHER: &[&str] = &["array_agg", "string_agg", "listagg", "list_agg"];

/// Functions in FROM that make rows out of nothing.
const MAKE_ROWS: &[&str] = &["generate_series", "range"];

/// Whether nothing in `query` is of a kind that memory cannot be bounded for.
pub fn judge(query: &Query) -> Result<(), EngineError> {
    match query.visit(&mut Fence) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(detail) => Err(EngineError::Statement(detail)),
    }
}

struct Fence;

impl Visitor for Fence {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        match &query.with {
            Some(with) if with.recursive => {
                ControlFlow::Break("WITH RECURSIVE is not offered: nothing bounds how many rows it makes".to_owned())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<String> {
        match table {
            TableFactor::Table { args: None, .. } | TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => {
                ControlFlow::Continue(())
            }
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => {
                let name = last_part(name);
                let why = if MAKE_ROWS.contains(&name.as_str()) { "it makes rows without end" } else { "it is no table" };
                ControlFlow::Break(format!("{name} is not offered in FROM: {why}"))
            }
            _ => ControlFlow::Break("only tables and queries are offered in FROM".to_owned()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        let refused = match expr {
            Expr::Function(function) => refused_function(function),
            Expr::Cast { data_type, .. } => refused_type(data_type),
            Expr::TypedString(text) => refused_type(&text.data_type),
            Expr::Convert { data_type: Some(data_type), .. } => refused_type(data_type),
            Expr::Overlay { .. } => Some("overlay is not offered".to_owned()),
            Expr::Array(_) | Expr::Tuple(_) | Expr::Struct { .. } | Expr::Dictionary(_) | Expr::Map(_) => {
                Some("values made of several are not offered: name them one by one".to_owned())
            }
            _ => None,
        };
        refused.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }
}

fn refused_function(function: &Function) -> Option<String> {
    let name = last_part(&function.name);
    if GATHER.contains(&name.as_str()) {
        return Some(format!(
            "{name} is not offered: it gathers any number of rows in one value; ORDER BY and read them as rows"
        ));
    }
    // Over a window it names a row, as an aggregate it keeps the first n.
    let is_of_window = name == "nth_value" && function.over.is_some();
    let is_offered = is_of_window || OFFERED.iter().any(|names| names.contains(&name.as_str()));
    (!is_offered).then(|| format!("there is no function {name} here"))
}

/// A type such as `int[1000000]` reserves its places for each row, nulls included.
fn refused_type(data_type: &DataType) -> Option<String> {
    let is_nested = matches!(
        data_type,
        DataType::Array(_)
            | DataType::Struct(..)
            | DataType::Map(..)
            | DataType::Tuple(_)
            | DataType::Nested(_)
            | DataType::Union(_)
            | DataType::Table(_)
    );
    is_nested.then(|| format!("a cast to {data_type} is not offered: only to types of single values"))
}

fn last_part(name: &ast::ObjectName) -> String {
    name.0.last().and_then(ast::ObjectNamePart::as_ident).map(|ident| ident.value.to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn judged(sql: &str) -> Result<(), String> {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement");
        match statements.as_slice() {
            [ast::Statement::Query(query)] => judge(query).map_err(|error| error.to_string()),
            _ => panic!("{sql} is no query"),
        }
    }

    #[test]
    fn what_gathers_or_makes_values_without_end_is_refused_by_name() {
        for (sql, named) in [
            ("SELECT array_agg(sensor) FROM parking_readings", "array_agg"),
            ("SELECT Array_Agg(sensor) OVER () FROM parking_readings", "array_agg"),
            ("SELECT string_agg(sensor, ',') FROM parking_readings", "string_agg"),
            ("SELECT nth_value(sensor, 1000000000) FROM parking_readings", "nth_value"),
            ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t", "WITH RECURSIVE"),
            ("SELECT (WITH RECURSIVE t AS (SELECT 1) SELECT 1)", "WITH RECURSIVE"),
            ("SELECT * FROM generate_series(1, 1000000000)", "generate_series"),
            ("SELECT * FROM parking_readings, LATERAL range(1, 1000000000) r", "range"),
            ("SELECT generate_series(1, 1000000000)", "generate_series"),
            ("SELECT * FROM unnest(ARRAY[1, 2])", "FROM"),
            ("SELECT NULL::bigint[1000000000]", "BIGINT[1000000000]"),
            ("SELECT arrow_cast(NULL, 'FixedSizeList(1000000000, Int64)')", "arrow_cast"),
            ("SELECT named_struct('a', 1)", "named_struct"),
            ("SELECT (sensor, sensor) FROM parking_readings", "made of several"),
            ("SELECT levenshtein(sensor, sensor) FROM parking_readings", "levenshtein"),
            ("SELECT overlay(sensor PLACING sensor FROM 1) FROM parking_readings", "overlay"),
            ("SELECT 1 ORDER BY array_agg(1)", "array_agg"),
        ] {
            let refused = judged(sql).expect_err(sql);
            assert!(refused.contains(named), "{sql}: {refused}");
        }
    }

    #[test]
    fn every_function_that_is_offered_exists() {
        use datafusion::execution::SessionStateDefaults as Defaults;
        let scalar = Defaults::default_scalar_functions();
        let aggregate = Defaults::default_aggregate_functions();
        let window = Defaults::default_window_functions();
        let of_air = super::super::air::functions();
        let scalar = scalar.iter().chain(&of_air).flat_map(|of| of.aliases().iter().cloned().chain([of.name().to_owned()]));
        let aggregate = aggregate.iter().flat_map(|of| of.aliases().iter().cloned().chain([of.name().to_owned()]));
        let window = window.iter().flat_map(|of| of.aliases().iter().cloned().chain([of.name().to_owned()]));
        let known: Vec<String> = scalar.chain(aggregate).chain(window).collect();
        let unknown: Vec<&str> = OFFERED.concat().into_iter().filter(|name| !known.iter().any(|known| known == name)).collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }

    #[test]
    fn what_questions_are_made_of_is_taken() {
        for sql in [
            "WITH t AS (SELECT sensor, lag(observed_at) OVER (PARTITION BY sensor ORDER BY observed_at) AS l FROM parking_readings) \
             SELECT extract(hour FROM l), count(*), nth_value(sensor, 2) OVER () FROM t GROUP BY 1",
            "SELECT date_trunc('hour', observed_at), avg(pm25), qc['pm25'] FROM air_readings WHERE sensor IN ('a', 'b') GROUP BY 1, 3",
            "SELECT substring(sensor FROM 1 FOR 3), trim(sensor), position('a' IN sensor), ceil(free), CAST(free AS text) FROM (VALUES (1)) v",
            "SELECT * FROM parking_readings a JOIN (air_readings b CROSS JOIN registry) ON true",
        ] {
            assert_eq!(judged(sql), Ok(()), "{sql}");
        }
    }
}
