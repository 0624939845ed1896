//! `verify`: every promise that can be checked at rest, on a data directory that no process serves.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use lake::Lake;

use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::{clock, command, node};

/// Exit status 1 and a line for each broken promise.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::open_existing(&config.data_dir)?;
    let journal_dir = data_dir::journal(data_dir.path());
    let journal = tokio::task::spawn_blocking(move || journal::verify(&journal_dir)).await?.context("the journal")?;
    let lake = Lake::open_read_only(node::lake_options(&config), clock::system()).await.context("the lake")?;
    let heads: Vec<_> = journal.iter().map(|journal| (journal.id, journal.last)).collect();
    let tables = lake.verify(&heads).await.context("the lake")?;
    let subject = ingest::verify::Subject {
        data_dir: data_dir.path(),
        journal_dir: &data_dir::journal(data_dir.path()),
        options: &config.ingest,
        city: &config.city,
    };
    let ledger = ingest::verify::verify(&subject, journal.as_ref(), &lake, &tables).await?;

    let mut text = String::new();
    match &journal {
        Some(journal) => {
            writeln!(
                text,
                "journal: records {} to {}, {} segments, {} bytes",
                journal.first, journal.last, journal.segments, journal.bytes
            )?;
            if let Some(torn) = &journal.torn {
                writeln!(text, "journal: its last write was torn and never acknowledged; the next start cuts it off: {torn:?}")?;
            }
        }
        None => writeln!(text, "journal: none")?,
    }
    for table in &tables.counts {
        writeln!(text, "lake: {}: {} rows in {} files", table.table, table.rows, table.files)?;
    }
    text.push_str(&ledger_text(&ledger));
    let findings: Vec<String> = ledger
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.promise, finding.detail))
        .chain(tables.findings.iter().map(|finding| {
            let file = finding.file.as_deref().map(|file| format!(" {file}")).unwrap_or_default();
            format!("{}: {}{file}: {}", finding.kind.name(), finding.table, finding.detail)
        }))
        .collect();
    for finding in &findings {
        writeln!(text, "broken: {finding}")?;
    }
    writeln!(
        text,
        "{}",
        if findings.is_empty() { "every promise holds".to_owned() } else { format!("{} findings", findings.len()) }
    )?;
    command::say(&text)?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ledger_text(ledger: &ingest::verify::Report) -> String {
    let counts = &ledger.counts;
    let compared = match &ledger.inexact {
        None => "compared with the tables, sensor by sensor".to_owned(),
        Some(why) => format!("not compared with the tables: {why}"),
    };
    let mut text = format!(
        "ledger: at record {}: {} received = {} accepted + {} duplicate + {} rejected; {compared}\n",
        ledger.position,
        counts.received,
        counts.accepted,
        counts.duplicate,
        counts.rejected_total(),
    );
    for table in &ledger.uncommitted {
        let (name, rows, committed) = (table.table, table.rows, table.committed);
        text.push_str(&format!(
            "ledger: {name}: {rows} rows of records after {committed} wait in the journal for the next start\n"
        ));
    }
    if ledger.untaken > 0 {
        text.push_str(&format!("ledger: {} further records wait in the journal for the next start\n", ledger.untaken));
    }
    text
}
