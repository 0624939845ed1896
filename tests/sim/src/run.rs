//! One seed from beginning to end, in one thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use domain::check::{self, Broken};
use lake::contract::Counts;
use tokio::runtime::Builder;

use crate::day;
use crate::mutation::Mutation;
use crate::reference::Shown;
use crate::scenario::Scenario;
use crate::world::World;

/// What became of a day.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    pub scenario: &'static str,
    pub mutation: Mutation,
    /// The promise that was broken, if one was.
    pub broken: Option<String>,
    pub trace: String,
    pub readings: u64,
    pub records: u64,
    pub acknowledged: u64,
}

thread_local! {
    /// Promises that `check!` saw broken in this thread's day.
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

static LISTENS: Once = Once::new();

fn listener(broken: Broken) {
    SEEN.with_borrow_mut(|seen| seen.push(format!("{}: {}", broken.promise.id(), broken.what)));
}

/// Plays one day.
pub fn run(seed: u64, scenario: Scenario, mutation: Mutation) -> anyhow::Result<Outcome> {
    play(&World::new(seed, scenario, mutation)?)
}

/// A whole day's journal, and what it came to: for a server of another kind to be given and asked.
pub struct Recording {
    /// Names and contents of the segments.
    pub journal: Vec<(String, Vec<u8>)>,
    /// By sensor, in the order of their instants.
    pub readings: BTreeMap<String, Vec<Shown>>,
    pub counts: Counts,
}

/// Plays one day of which no record is freed.
pub fn record(seed: u64, scenario: Scenario) -> anyhow::Result<(Outcome, Recording)> {
    let world = World::keeping_its_journal(seed, scenario)?;
    let outcome = play(&world)?;
    let (readings, counts) = world.oracle.came_to();
    Ok((outcome, Recording { journal: world.journal.contents(), readings, counts }))
}

fn play(world: &Arc<World>) -> anyhow::Result<Outcome> {
    LISTENS.call_once(|| check::listen(listener));
    SEEN.take();
    let idle = world.clone();
    let runtime = Builder::new_current_thread().on_thread_park(move || idle.idle()).build()?;
    let played = catch_unwind(AssertUnwindSafe(|| runtime.block_on(day::play(world.clone()))));
    let seen = SEEN.take();
    let broken = match played {
        Ok(Ok(())) => seen.into_iter().next(),
        Ok(Err(broken)) => Some(seen.into_iter().next().unwrap_or(broken)),
        Err(panic) => Some(seen.into_iter().next().unwrap_or_else(|| said(panic.as_ref()))),
    };
    // What is left of a day that ended early may panic as it is dropped; the verdict stands.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
    Ok(Outcome {
        seed: world.seed,
        scenario: world.scenario.name,
        mutation: world.mutation,
        broken,
        trace: world.trace.take(),
        readings: world.readings(),
        records: world.oracle.head().0,
        acknowledged: world.oracle.acknowledged(),
    })
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    format!("panic: {}", text.unwrap_or_default())
}

impl Outcome {
    /// The one command that plays it again.
    pub fn replay(&self) -> String {
        let mutation = match self.mutation {
            Mutation::None => String::new(),
            mutation => format!(" --mutation {}", mutation.name()),
        };
        format!("scripts/simulate --seed {} --scenario {}{mutation}", self.seed, self.scenario)
    }
}
