//! Plays days by their seeds: one again after a failure, or many for a long run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use clap::Parser;
use sim::{Mutation, Outcome, run, scenario};

/// Plays simulated days.
#[derive(Parser)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// So many seeds from there on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The same scenario for all; else they take turns.
    #[arg(long)]
    scenario: Option<String>,
    /// A promise broken on purpose.
    #[arg(long, default_value = "none")]
    mutation: String,
    /// Days played at once.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Prints what happened, line by line.
    #[arg(long)]
    trace: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mutation = Mutation::by_name(&arguments.mutation).context("no such mutation")?;
    let named = match &arguments.scenario {
        Some(name) => Some(scenario::by_name(name).context("no such scenario")?),
        None => None,
    };
    let (next, end) = (AtomicU64::new(arguments.seed), arguments.seed + arguments.seeds);
    let tally: Mutex<BTreeMap<&'static str, (u64, u64, u64)>> = Mutex::default();
    let broken = AtomicU64::new(0);
    let work = || -> anyhow::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(());
            }
            let outcome = run(seed, named.unwrap_or_else(|| scenario::of_seed(seed)), mutation)?;
            report(&outcome, arguments.trace)?;
            broken.fetch_add(u64::from(outcome.broken.is_some()), Ordering::Relaxed);
            let mut tally = tally.lock().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
            let entry = tally.entry(outcome.scenario).or_default();
            *entry = (entry.0 + 1, entry.1 + outcome.records, entry.2 + outcome.acknowledged);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?)
    })?;
    for (scenario, (days, records, acknowledged)) in tally.into_inner().map_err(|_| anyhow::anyhow!("a thread panicked"))? {
        say(&format!("{scenario}: {days} days, {records} records, {acknowledged} acknowledged"))?;
    }
    let broken = broken.into_inner();
    ensure!(broken == 0, "{broken} of {} days broke a promise", arguments.seeds);
    Ok(())
}

fn report(outcome: &Outcome, whole: bool) -> anyhow::Result<()> {
    if whole {
        say(outcome.trace.trim_end())?;
    }
    if let Some(broken) = &outcome.broken {
        say(&format!("seed {} ({}): {broken}\n  {}", outcome.seed, outcome.scenario, outcome.replay()))?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
