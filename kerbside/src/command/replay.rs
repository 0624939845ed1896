//! `replay`: a recording through MQTT.

use std::process::ExitCode;

use sensors_sim::{Mapping, PublisherOptions, Replay, ReplayOptions, ReplaySummary};

use crate::cli::{self, Recording};
use crate::command::simulate;
use crate::progress::Progress;
use crate::{clock, command, interrupt};

pub async fn run(replay: cli::Replay) -> anyhow::Result<ExitCode> {
    let options = ReplayOptions {
        publisher: PublisherOptions {
            client_id: format!("kerbside-replay-{}", std::process::id()),
            give_up_after_s: Some(30),
            ..simulate::publisher(&replay.target)?
        },
        speed: replay.speed.parse()?,
        shift_to_now: replay.recording.shift_to_now,
    };
    let mapping = mapping(&replay.recording)?;
    let job = Replay::new(replay.recording.file, mapping, options, clock::system());
    let running = job.progress();
    let progress = Progress::counting(move || {
        let now = running.now();
        format!("{} rows read, {} readings acknowledged", now.counts.rows, now.published.acknowledged)
    });
    let summary = progress.beside(job.run(interrupt::token())).await?;
    report(&summary)?;
    let is_whole = summary.is_complete() && !summary.counts.are_refusals_alone();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The mapping that the command line names, with its sensor; `None` leaves the choice to the file's header.
pub fn mapping(recording: &Recording) -> anyhow::Result<Option<Mapping>> {
    let named = recording.mapping.as_deref().map(Mapping::named).transpose()?;
    Ok(match (&recording.sensor, named) {
        (Some(sensor), Some(mapping)) => Some(mapping.with_sensor(sensor)),
        (Some(sensor), None) => Some(sensors_sim::Recording::open(&recording.file, None)?.mapping().clone().with_sensor(sensor)),
        (None, named) => named,
    })
}

fn report(summary: &ReplaySummary) -> anyhow::Result<()> {
    let counts = &summary.counts;
    let mut text = format!(
        "{} rows: {} readings, {} without a value, {} refused; {} acknowledged in {:.1} s\n",
        counts.rows,
        counts.readings,
        counts.missing,
        counts.refused,
        summary.published.acknowledged,
        summary.took.as_secs_f64(),
    );
    for refusal in &summary.refusals {
        text.push_str(&format!("line {}: {}\n", refusal.line, refusal.detail));
    }
    command::say(&text)
}
