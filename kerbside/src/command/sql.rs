//! `sql`: one SELECT over the lake of a data directory, whether a server runs on it or not. What the lake does not hold yet is not seen.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use domain::{Clock, Position};
use lake::Lake;
use lake::contract::{TableView, View};
use lake::table::Table;
use query::engine::{EngineLimits, Rows, StatementLimits, cell_json};
use query::{Engine, LakeFiles};
use serde_json::Value;

use crate::cli::{Sql, SqlFormat};
use crate::config::Config;
use crate::{clock, command, data_dir, node};

pub async fn run(sql: Sql, config: Config) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = clock::system();
    if config.lake.url.is_empty() {
        data_dir::expect(&config.data_dir)?;
    }
    let options = node::lake_options(&config);
    let lake = Lake::open_read_only(options, Arc::clone(&clock)).await.context("the lake cannot be opened")?;
    let limits = EngineLimits {
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        memory_bytes: domain::limits::SQL_MEMORY_BYTES_MAX,
        footer_cache_bytes: config.query.footer_cache_bytes,
        statements: 1,
    };
    let engine = Engine::new(LakeFiles::of(&lake), limits, Arc::clone(&clock))?;
    let tables = Table::ALL.map(|table| (table, TableView { lake: lake.snapshot(table), hot: Vec::new() }));
    let view = View::new(Position(u64::MAX), clock.now(), tables.into());
    let answer = engine.select(&view, &sql.statement, StatementLimits::default()).await?;
    command::say(&match sql.format {
        SqlFormat::Table => table(&answer),
        SqlFormat::Csv => csv(&answer)?,
        SqlFormat::Json => json(&answer)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

fn columns(answer: &Rows) -> Vec<String> {
    answer.schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn rows(answer: &Rows) -> impl Iterator<Item = Vec<Value>> + '_ {
    answer.batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(move |row| batch.columns().iter().map(|column| cell_json(column, row)).collect())
    })
}

/// Null is an empty cell.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv(answer: &Rows) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns(answer))?;
    for row in rows(answer) {
        writer.write_record(row.iter().map(text))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// One object a line.
fn json(answer: &Rows) -> anyhow::Result<String> {
    let columns = columns(answer);
    let mut lines = String::new();
    for row in rows(answer) {
        let object: serde_json::Map<String, Value> = columns.iter().cloned().zip(row).collect();
        lines.push_str(&serde_json::to_string(&object)?);
        lines.push('\n');
    }
    Ok(lines)
}

/// Columns as wide as their widest cell, numbers to the right.
fn table(answer: &Rows) -> String {
    let header = columns(answer);
    let cells: Vec<Vec<Value>> = rows(answer).collect();
    let width = |column: usize| {
        let widest = cells.iter().map(|row| text(&row[column]).chars().count()).max().unwrap_or(0);
        widest.max(header[column].chars().count())
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = (String, bool)>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|((text, right), width)| if right { format!("{text:>width$}") } else { format!("{text:<width$}") })
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut out = line(&mut header.iter().map(|name| (name.clone(), false)));
    out.push_str(&line(&mut widths.iter().map(|width| ("-".repeat(*width), false))));
    for row in &cells {
        out.push_str(&line(&mut row.iter().map(|value| (text(value), value.is_number()))));
    }
    out.push_str(&format!("{} {}\n", cells.len(), if cells.len() == 1 { "row" } else { "rows" }));
    out
}
