//! The table of tasks: each has a name and a stage, and its end outside of a shutdown stops the process.
//!
//! A city is better served by a process that ends with a clear sentence, and is started again by its service manager, than by
//! one that lives on with a dead part. rumqttd's router is the exception: the broker replaces it.
//! Shutdown runs with the flow of readings: a stage is told to stop once the one before it has.

use std::future::Future;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::signal;

/// In the order of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// What lets readings in, and answers questions about them.
    Doors,
    /// What judges and writes them.
    Pipeline,
}

impl Stage {
    const ALL: [Self; 2] = [Self::Doors, Self::Pipeline];
}

/// A task's name and how it ended.
type Ended = (&'static str, anyhow::Result<()>);

/// Runs the parts of a server until one ends or a signal asks for the end.
pub struct Supervisor {
    tasks: JoinSet<Ended>,
    stages: [(CancellationToken, TaskTracker); Stage::ALL.len()],
}

impl Supervisor {
    pub fn new() -> Self {
        Self { tasks: JoinSet::new(), stages: Stage::ALL.map(|_| (CancellationToken::new(), TaskTracker::new())) }
    }

    /// Starts a part; it ends when the token is cancelled.
    pub fn start<E, F>(&mut self, stage: Stage, name: &'static str, part: impl FnOnce(CancellationToken) -> F)
    where
        E: Into<anyhow::Error> + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let (token, tracker) = &self.stages[stage as usize];
        let part = tracker.track_future(part(token.clone()));
        self.tasks.spawn(async move { (name, part.await.map_err(Into::into)) });
    }

    /// Waits for `ready`, then for a signal or the first part that ends, then stops the stages in their order. A second signal
    /// leaves at once.
    pub async fn run(mut self, ready: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let outcome = self.watch(ready).await;
        tokio::select! {
            () = self.stop() => outcome,
            signal = signal::next() => anyhow::bail!("left at once on a second {}", signal?),
        }
    }

    async fn watch(&mut self, ready: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let mut stopping = std::pin::pin!(signal::next());
        tokio::select! {
            // The signal is listened for before anybody is told that the server is ready.
            biased;
            signal = &mut stopping => { told(signal?); return Ok(()); }
            ended = self.tasks.join_next() => return unasked(ended),
            ready = ready => ready?,
        }
        tokio::select! {
            signal = &mut stopping => { told(signal?); Ok(()) }
            ended = self.tasks.join_next() => unasked(ended),
        }
    }

    async fn stop(&mut self) {
        for (token, tracker) in &self.stages {
            token.cancel();
            tracker.close();
            tracker.wait().await;
        }
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok((name, Ok(()))) => tracing::debug!(name, "ended"),
                Ok((name, Err(error))) => tracing::error!(name, error = format!("{error:#}"), "ended with an error"),
                Err(panic) => tracing::error!(%panic, "a part panicked while stopping"),
            }
        }
    }
}

fn told(signal: &'static str) {
    tracing::info!(signal, "shutdown asked for");
}

fn unasked(ended: Option<Result<Ended, tokio::task::JoinError>>) -> anyhow::Result<()> {
    match ended {
        Some(Ok((name, Ok(())))) => Err(anyhow::anyhow!("{name} ended unasked")),
        Some(Ok((name, Err(error)))) => Err(error.context(format!("{name} failed"))),
        Some(Err(panic)) => Err(anyhow::anyhow!("a part panicked: {panic}")),
        None => Err(anyhow::anyhow!("there is nothing to run")),
    }
}
