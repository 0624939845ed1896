//! Threads of its own for questions over many rows, so that neither their work nor their panics reach those who serve sensors.
//!
//! What runs here was written by strangers: any statement over any data. A panic is told to the asker and ends nothing else: the
//! front binary exempts these threads by their name. Stacks are large, as plans are walked by recursion; what is not used costs nothing.

use std::future::Future;

use domain::limits::ENGINE_STACK_BYTES;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::EngineError;

/// The name of every thread of an engine.
pub const ENGINE_THREADS: &str = "query engine";

/// Weaker than the threads that take readings in and answer live questions: under load a question gets a quarter of a core beside them.
const NICE: i32 = 5;

/// Threads that read files for the workers; what is more waits.
const READERS_MAX: usize = 16;

pub struct Threads {
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
}

impl Threads {
    pub fn start(workers: usize) -> Result<Self, EngineError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers.max(1))
            .max_blocking_threads(READERS_MAX)
            .thread_name(ENGINE_THREADS)
            .thread_stack_size(ENGINE_STACK_BYTES)
            .on_thread_start(weaken)
            .enable_all()
            .build()
            .map_err(|error| EngineError::Failed(format!("no threads for questions: {error}")))?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Who drops the future cancels the work.
    pub async fn run<T, F>(&self, work: F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        ended(self.runtime().spawn(work)).await
    }

    /// The same for work that may keep its thread busy for long without a pause, such as the planning of a statement: the workers go
    /// on with the questions of others.
    pub async fn run_apart<T, F>(&self, work: F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        let (runtime, stop) = (self.runtime().handle().clone(), CancellationToken::new());
        let _dropped = stop.clone().drop_guard();
        let until_stopped = async move {
            tokio::select! {
                outcome = work => outcome,
                () = stop.cancelled() => Err(EngineError::Failed("nobody waits for it any more".to_owned())),
            }
        };
        ended(self.runtime().spawn_blocking(move || runtime.block_on(until_stopped))).await
    }

    /// Work that waits for nobody.
    pub async fn carry_out<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        ended(self.runtime().spawn_blocking(work)).await
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken in drop only")
    }
}

/// A panic becomes the question's failure.
async fn ended<T>(task: JoinHandle<Result<T, EngineError>>) -> Result<T, EngineError> {
    AbortOnDropHandle::new(task).await.unwrap_or_else(|error| Err(EngineError::Failed(error.to_string())))
}

impl Drop for Threads {
    /// Without waiting: an engine ends inside another runtime, where nobody may wait.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn weaken() {
    if let Err(error) = rustix::process::nice(NICE) {
        warn!(%error, "a thread of the query engine runs with the priority of all others");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_questions_failure_and_no_other_question_notices() {
        let threads = Threads::start(1).expect("threads start");
        let failed = threads.run::<(), _>(async { panic!("as kernels do") }).await;
        assert!(matches!(failed, Err(EngineError::Failed(cause)) if cause.contains("as kernels do")));
        assert!(matches!(threads.carry_out::<()>(|| panic!("as writers do")).await, Err(EngineError::Failed(_))));
        assert!(matches!(threads.run_apart::<(), _>(async { panic!("as plans do") }).await, Err(EngineError::Failed(_))));
        let name = || Ok(std::thread::current().name().map(str::to_owned));
        assert_eq!(threads.run(async move { name() }).await.expect("answered").as_deref(), Some(ENGINE_THREADS));
        assert_eq!(threads.carry_out(name).await.expect("answered").as_deref(), Some(ENGINE_THREADS));
    }

    #[tokio::test]
    async fn work_that_never_pauses_keeps_no_other_question_waiting() {
        let threads = Threads::start(1).expect("threads start");
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (answered, is_answered) = std::sync::mpsc::channel::<()>();
        let busy = threads.run_apart(async move {
            begun.send(()).map_err(|error| EngineError::Failed(error.to_string()))?;
            is_answered.recv().map_err(|error| EngineError::Failed(error.to_string()))
        });
        let other = async {
            has_begun.recv().expect("it begins");
            let answer = threads.run(async { Ok(7) }).await;
            answered.send(()).expect("it waits");
            answer
        };
        let (busy, other) = tokio::join!(busy, other);
        assert!(busy.is_ok() && matches!(other, Ok(7)));
    }
}
