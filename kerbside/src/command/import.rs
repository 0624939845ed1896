//! `import`: a recording without MQTT, into a stopped data directory or a running server. The same checks and the same dedupe: what is
//! there already changes nothing, so that an import can be repeated, and goes on where `--from-line` says.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use domain::record::{Publish, Source};
use domain::time::Timestamp;
use lake::contract::Intake as _;
use sensors_sim::{Recorded, Recording};

use crate::cli;
use crate::command::{self, replay};
use crate::config::Config;
use crate::offline::Offline;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::security::Deed;
use crate::{clock, interrupt};

/// Readings that are durable together; what an interruption repeats at most.
const BATCH: usize = 2_000;

pub async fn run(import: cli::Import, config: Config) -> anyhow::Result<ExitCode> {
    let rows = Rows::open(&import)?;
    let taken = Arc::new(AtomicU64::new(0));
    let progress = {
        let taken = Arc::clone(&taken);
        Progress::counting(move || format!("{} readings durable", taken.load(Ordering::Relaxed)))
    };
    let rows = match Remote::named(&import.server)? {
        Some(remote) => progress.beside(into_server(rows, remote, &taken)).await?,
        None => {
            let mut offline = Offline::open(&config).await?;
            let dir = config.security.dir(&config.data_dir);
            let deed = Deed::begin(&dir, "import", &import.recording.file.display().to_string(), clock::system())?;
            let handle = offline.handle();
            let worked = progress.beside(offline.run(into_data_dir(rows, handle, &taken))).await;
            let durable = taken.load(Ordering::Relaxed);
            deed.end(&match &worked {
                Ok(Ok(rows)) => rows.outcome(durable),
                Ok(Err(error)) | Err(error) => format!("broke off with {durable} readings durable: {error:#}"),
            })?;
            let rows = worked?;
            offline.close().await?;
            rows?
        }
    };
    rows.report(taken.load(Ordering::Relaxed))
}

/// The recording's readings in batches, with what was skipped and refused.
struct Rows {
    recording: Recording,
    shift_micros: i64,
    from_line: u64,
    refusals: Vec<String>,
    /// Beside those.
    further_refusals: u64,
    interrupted: Option<u64>,
}

/// Refusals that are told one by one.
const REFUSALS_TOLD_MAX: usize = 20;

impl Rows {
    fn open(import: &cli::Import) -> anyhow::Result<Self> {
        let file = &import.recording.file;
        let mapping = replay::mapping(&import.recording)?;
        let mut shift_micros = 0;
        if import.recording.shift_to_now {
            let last = Recording::open(file, mapping.clone())?.last_ts();
            shift_micros = last.map_or(0, |last| clock::system().now().micros_since(last));
        }
        let recording = Recording::open(file, mapping)?;
        Ok(Self {
            recording,
            shift_micros,
            from_line: import.from_line,
            refusals: Vec::new(),
            further_refusals: 0,
            interrupted: None,
        })
    }

    fn batch(&mut self) -> Vec<Recorded> {
        let mut batch = Vec::with_capacity(BATCH);
        for row in self.recording.by_ref() {
            match row {
                Ok(row) if row.line < self.from_line => {}
                Ok(mut row) => {
                    row.ts = Timestamp::from_micros(row.ts.as_micros() + self.shift_micros);
                    batch.push(row);
                    if batch.len() == BATCH {
                        break;
                    }
                }
                Err(refusal) if self.refusals.len() < REFUSALS_TOLD_MAX => self.refusals.push(refusal.to_string()),
                Err(_) => self.further_refusals += 1,
            }
        }
        batch
    }

    /// As the audit keeps it.
    fn outcome(&self, taken: u64) -> String {
        let stopped = self.interrupted.map(|line| format!(", stopped before line {line}")).unwrap_or_default();
        format!("{taken} readings durable, {} rows refused{stopped}", self.recording.counts().refused)
    }

    fn report(&self, taken: u64) -> anyhow::Result<ExitCode> {
        let counts = self.recording.counts();
        let mut text = format!(
            "{} rows: {} readings, {} without a value, {} refused; {taken} durable\n",
            counts.rows, counts.readings, counts.missing, counts.refused
        );
        self.refusals.iter().for_each(|refusal| text.push_str(&format!("{refusal}\n")));
        if self.further_refusals > 0 {
            text.push_str(&format!("… and {} more\n", self.further_refusals));
        }
        if let Some(line) = self.interrupted {
            text.push_str(&format!("stopped before line {line}: go on with --from-line {line}\n"));
        }
        let is_whole = self.interrupted.is_none() && !self.recording.is_torn() && !counts.are_refusals_alone();
        if self.recording.is_torn() {
            text.push_str("the file broke off: what follows that line was not read\n");
        }
        command::say(&text)?;
        Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn into_data_dir(mut rows: Rows, handle: ingest::Handle, taken: &AtomicU64) -> anyhow::Result<Rows> {
    let stop = interrupt::token();
    let mut last = None;
    loop {
        let batch = rows.batch();
        let Some(first) = batch.first() else { break };
        if stop.is_cancelled() {
            rows.interrupted = Some(first.line);
            break;
        }
        let messages = batch.iter().map(|row| Publish::new(Source::Import, &row.topic(), row.payload())).collect();
        let positions = handle.publish(messages).await.with_context(|| repeat_from(first.line))?;
        last = positions.last().copied();
        taken.fetch_add(batch.len() as u64, Ordering::Relaxed);
    }
    if let Some(position) = last {
        handle.settled(position, SETTLE_MAX).await;
    }
    Ok(rows)
}

/// A pipeline that is behind goes on at the next start: nothing is lost by not waiting longer.
const SETTLE_MAX: std::time::Duration = std::time::Duration::from_secs(60);

async fn into_server(rows: Rows, remote: Remote, taken: &Arc<AtomicU64>) -> anyhow::Result<Rows> {
    let (stop, taken) = (interrupt::token(), Arc::clone(taken));
    let sending = tokio::task::spawn_blocking(move || {
        let mut rows = rows;
        loop {
            let batch = rows.batch();
            let Some(first) = batch.first() else { break };
            if stop.is_cancelled() {
                rows.interrupted = Some(first.line);
                break;
            }
            let body: String = batch.iter().map(Recorded::ndjson_line).collect();
            let answer = remote.post("/v1/import", "application/x-ndjson", body.as_bytes());
            answer.and_then(|answer| answer.accepted()).with_context(|| repeat_from(first.line))?;
            taken.fetch_add(batch.len() as u64, Ordering::Relaxed);
        }
        anyhow::Ok(rows)
    });
    sending.await?
}

fn repeat_from(line: u64) -> String {
    format!("stopped before line {line} (go on with --from-line {line})")
}
