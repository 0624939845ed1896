//! `registry import` and `registry export`: into and out of a stopped data directory or a running server.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use bytes::Bytes;
use lake::contract::{EditVerdict, Intake as _, RowVerdict, Verdict};

use crate::cli::{Registry, Server};
use crate::config::Config;
use crate::offline::Offline;
use crate::remote::Remote;
use crate::security::Deed;
use crate::{clock, command, data_dir};

/// As the journal's record names whoever edits by this command.
const AUTHOR: &str = "registry-import";
/// Rows that are told one by one; the rest are counted.
const ROWS_TOLD_MAX: usize = 50;

pub async fn run(registry: Registry, config: Config) -> anyhow::Result<ExitCode> {
    match registry {
        Registry::Import { file, dry_run, server } => import(&file, dry_run, &server, &config).await,
        Registry::Export { server } => export(&server, &config).await,
    }
}

async fn import(file: &Path, dry_run: bool, server: &Server, config: &Config) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let features = match file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        false => bytes,
        true => match domain::registry::geojson_from_csv(&bytes) {
            Ok(features) => features,
            Err(rows) => {
                let rows: Vec<RowVerdict> = rows.into_iter().map(RowVerdict::from).collect();
                return tell(&EditVerdict { position: None, rows }, dry_run);
            }
        },
    };
    let verdict = match Remote::named(server)? {
        Some(remote) => {
            let path = format!("/v1/registry?author={AUTHOR}&dry_run={dry_run}");
            let answer = tokio::task::spawn_blocking(move || remote.post(&path, "application/geo+json", &features)).await??;
            judged(answer)?
        }
        None if dry_run => judged_at_rest(features, config).await?,
        None => {
            let mut offline = Offline::open(config).await?;
            let dir = config.security.dir(&config.data_dir);
            let deed = Deed::begin(&dir, "registry import", &file.display().to_string(), clock::system())?;
            let handle = offline.handle();
            let edited = offline.run(handle.edit_registry(AUTHOR, Bytes::from(features), false)).await;
            deed.end(&match &edited {
                Ok(Ok(verdict)) => outcome(verdict),
                Ok(Err(error)) => format!("failed: {error}"),
                Err(error) => format!("broke off: {error:#}"),
            })?;
            let verdict = edited?;
            offline.close().await?;
            verdict?
        }
    };
    tell(&verdict, dry_run)
}

/// A dry run is no act and makes nothing: without a data dir the rows are judged as the first of a city.
async fn judged_at_rest(features: Vec<u8>, config: &Config) -> anyhow::Result<EditVerdict> {
    if let Err(data_dir::Error::Missing(_)) = data_dir::expect(&config.data_dir) {
        let nothing = domain::registry::Registry::empty(config.city.clone());
        let (_, rows) = domain::registry::Edit::parse_geojson(&features, &nothing, clock::system().now());
        return Ok(EditVerdict { position: None, rows: rows.into_iter().map(RowVerdict::from).collect() });
    }
    let mut offline = Offline::open_existing(config).await?;
    let handle = offline.handle();
    let verdict = offline.run(handle.edit_registry(AUTHOR, Bytes::from(features), true)).await?;
    offline.close().await?;
    Ok(verdict?)
}

/// As the audit keeps it.
pub fn outcome(verdict: &EditVerdict) -> String {
    let count = |wanted: Verdict| verdict.rows.iter().filter(|row| row.verdict == wanted).count();
    match count(Verdict::Refused) {
        0 => format!(
            "{} added, {} changed, {} with a remark, {} unchanged",
            count(Verdict::Added),
            count(Verdict::Changed),
            count(Verdict::Warned),
            count(Verdict::Unchanged)
        ),
        refused => format!("refused: {refused} of {} rows", verdict.rows.len()),
    }
}

/// A refused edit is an answer here: its rows say why.
fn judged(answer: crate::remote::Answer) -> anyhow::Result<EditVerdict> {
    let body = answer.json()?;
    match body.get("rows") {
        Some(rows) => {
            let rows = serde_json::from_value(rows.clone()).context("the verdicts of the server")?;
            Ok(EditVerdict { position: serde_json::from_value(body["position"].clone()).ok(), rows })
        }
        None => anyhow::bail!(answer.accepted().err().unwrap_or_else(|| anyhow::anyhow!("the server gave no verdicts"))),
    }
}

fn tell(verdict: &EditVerdict, dry_run: bool) -> anyhow::Result<ExitCode> {
    let count = |wanted: Verdict| verdict.rows.iter().filter(|row| row.verdict == wanted).count();
    let told = |row: &&RowVerdict| matches!(row.verdict, Verdict::Refused | Verdict::Warned);
    // What was refused is told before what was merely remarked on.
    let mut rows: Vec<_> = verdict.rows.iter().filter(|row| dry_run || told(row)).collect();
    rows.sort_by_key(|row| row.verdict != Verdict::Refused);
    let mut text = String::new();
    let limit = if dry_run { usize::MAX } else { ROWS_TOLD_MAX };
    rows.iter().take(limit).for_each(|row| text.push_str(&line(row)));
    if rows.len() > limit {
        text.push_str(&format!("… and {} more rows with remarks\n", rows.len() - limit));
    }
    let refused = count(Verdict::Refused);
    text.push_str(&format!(
        "{} rows: {} added, {} changed, {} unchanged, {} with a remark, {refused} refused{}\n",
        verdict.rows.len(),
        count(Verdict::Added),
        count(Verdict::Changed),
        count(Verdict::Unchanged),
        count(Verdict::Warned),
        match (dry_run, refused) {
            (true, _) => "; a dry run changes nothing",
            (false, 0) => "",
            (false, _) => "; nothing was changed",
        },
    ));
    command::say(&text)?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(row: &RowVerdict) -> String {
    let word = match row.verdict {
        Verdict::Added => "added",
        Verdict::Changed => "changed",
        Verdict::Unchanged => "unchanged",
        Verdict::Warned => "warned",
        Verdict::Refused => "refused",
    };
    let mut line = format!("row {}: {word}", row.row);
    for part in [&row.kind, &row.id].into_iter().flatten() {
        line.push_str(&format!(" {part}"));
    }
    match (&row.field, &row.detail) {
        (Some(field), Some(detail)) => line.push_str(&format!(": {field}: {detail}")),
        (None, Some(detail)) => line.push_str(&format!(": {detail}")),
        (Some(field), None) => line.push_str(&format!(": {field}")),
        (None, None) => {}
    }
    line.push('\n');
    line
}

async fn export(server: &Server, config: &Config) -> anyhow::Result<ExitCode> {
    let features = match Remote::named(server)? {
        Some(remote) => tokio::task::spawn_blocking(move || remote.get("/v1/registry")?.accepted()).await??.body,
        None => {
            let mut offline = Offline::open_existing(config).await?;
            let handle = offline.handle();
            let exported = offline.run(handle.export_registry(None)).await?;
            offline.close().await?;
            String::from_utf8(exported?.to_vec())?
        }
    };
    command::say(&features)?;
    Ok(ExitCode::SUCCESS)
}
