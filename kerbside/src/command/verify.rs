//! `verify`: every promise that can be checked at rest, on a data directory that no process serves.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use lake::Lake;
use lake::verify::Verification;

use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::{clock, command, node};

/// Of a promise and a table that are broken in many places so many are told one by one.
const TOLD_MAX: usize = 5;

/// Exit status 1 and the broken promises, those of one kind together.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::open_existing(&config.data_dir)?;
    let journal_dir = data_dir::journal(data_dir.path());
    let journal = tokio::task::spawn_blocking(move || journal::verify(&journal_dir)).await?.context("the journal")?;
    let mut text = String::new();
    journal_text(&mut text, journal.as_ref())?;
    let mut broken = Broken::default();
    match open_lake(&config, &data_dir).await? {
        Some(lake) => {
            // Behind a damaged record nobody knows how far the journal reached.
            let whole = journal.iter().filter(|journal| journal.damages.is_empty());
            let heads: Vec<_> = whole.map(|journal| (journal.id, journal.last)).collect();
            let tables = lake.verify(&heads).await.context("the lake")?;
            let subject = ingest::verify::Subject {
                data_dir: data_dir.path(),
                journal_dir: &data_dir::journal(data_dir.path()),
                options: &config.ingest,
                city: &config.city,
            };
            let ledger = ingest::verify::verify(&subject, journal.as_ref(), &lake, &tables).await?;
            for table in &tables.counts {
                writeln!(text, "lake: {}: {} rows in {} files", table.table, table.rows, table.files)?;
            }
            text.push_str(&ledger_text(&ledger));
            for finding in &ledger.findings {
                broken.add(finding.promise.to_owned(), finding.detail.clone());
            }
            broken.add_tables(&tables);
        }
        None => {
            writeln!(text, "lake: none, nor a checkpoint: this is the data dir of a broker alone")?;
            for damage in journal.iter().flat_map(|journal| &journal.damages) {
                broken.add(domain::Promise::Ack1.id().to_owned(), damage.to_string());
            }
        }
    }
    broken.write(&mut text)?;
    command::say(&text)?;
    Ok(if broken.kinds.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `None` where no ingest ever worked. A directory in which one did has a lake somewhere.
async fn open_lake(config: &Config, data_dir: &DataDir) -> anyhow::Result<Option<Lake>> {
    let is_own = config.lake.url.is_empty();
    let path = data_dir.path();
    if is_own && !data_dir::lake(path).exists() && !ingest::has_worked_in(path) {
        return Ok(None);
    }
    let lake = Lake::open_read_only(node::lake_options(config), clock::system()).await.context("the lake")?;
    Ok(Some(lake))
}

fn journal_text(text: &mut String, journal: Option<&journal::Report>) -> std::fmt::Result {
    let Some(journal) = journal else {
        return writeln!(text, "journal: none");
    };
    let journal::Report { first, last, segments, bytes, .. } = journal;
    writeln!(text, "journal: records {first} to {last}, {segments} segments, {bytes} bytes")?;
    match &journal.torn {
        Some(torn) => {
            writeln!(text, "journal: its last write was torn and never acknowledged; the next start cuts it off: {torn:?}")
        }
        None => Ok(()),
    }
}

/// What is broken, by kind and table, in the order in which it was found.
#[derive(Default)]
struct Broken {
    kinds: Vec<Kind>,
}

struct Kind {
    name: String,
    count: usize,
    first: Vec<String>,
}

impl Broken {
    fn add(&mut self, name: String, detail: String) {
        let kind = match self.kinds.iter_mut().position(|kind| kind.name == name) {
            Some(known) => &mut self.kinds[known],
            None => {
                self.kinds.push(Kind { name, count: 0, first: Vec::new() });
                self.kinds.last_mut().expect("just pushed")
            }
        };
        kind.count += 1;
        if kind.first.len() < TOLD_MAX {
            kind.first.push(detail);
        }
    }

    fn add_tables(&mut self, tables: &Verification) {
        for finding in &tables.findings {
            let file = finding.file.as_deref().map(|file| format!("{file}: ")).unwrap_or_default();
            self.add(format!("{}: {}", finding.kind.name(), finding.table), format!("{file}{}", finding.detail));
        }
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        for Kind { name, count, first } in &self.kinds {
            match first.as_slice() {
                [only] if *count == 1 => writeln!(text, "broken: {name}: {only}")?,
                _ => {
                    writeln!(text, "broken: {name}: {count} times")?;
                    first.iter().try_for_each(|detail| writeln!(text, "  {detail}"))?;
                    if *count > first.len() {
                        writeln!(text, "  and {} more", count - first.len())?;
                    }
                }
            }
        }
        match self.kinds.iter().map(|kind| kind.count).sum::<usize>() {
            0 => writeln!(text, "every promise holds"),
            1 => writeln!(text, "1 finding"),
            count => writeln!(text, "{count} findings"),
        }
    }
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
    if ledger.erased != (0, 0) {
        let (readings, letters) = ledger.erased;
        text.push_str(&format!(
            "ledger: {readings} of the accepted readings and {letters} dead letters were erased on request\n"
        ));
    }
    for ingest::verify::Unfinished { sensor, readings, letters } in &ledger.unfinished {
        text.push_str(&format!(
            "ledger: an erasure of {sensor} did not end, {readings} readings and {letters} dead letters of it still stand: do it again\n"
        ));
    }
    if ledger.untaken > 0 {
        text.push_str(&format!("ledger: {} further records wait in the journal for the next start\n", ledger.untaken));
    }
    text
}
