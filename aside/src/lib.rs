//! Work that blocks or takes long, beside the threads that serve everybody: the only file that names tokio's blocking threads.
//!
//! A runtime of one thread was chosen so that things happen in one order. There the work is done at once and in place: a simulation
//! repeats itself, and a test waits for nothing. Absent on purpose: a limit of such work at a time, which its callers know.

use std::future::Future;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinError, spawn_blocking};

/// Runs work that may wait for a disk or take long. `Err`: it panicked, or the runtime ends.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => Ok(work()),
        _ => spawn_blocking(work).await,
    }
}

/// As [`run`], for work that also waits for others: decoding what comes from a store, say.
pub async fn complete<F>(work: F) -> Result<F::Output, JoinError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let runtime = Handle::current();
    match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => Ok(work.await),
        _ => spawn_blocking(move || runtime.block_on(work)).await,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn on_a_runtime_of_one_thread_work_is_done_in_place() {
        let here = thread::current().id();
        assert!(run(move || thread::current().id() == here).await.expect("done"));
        assert!(complete(async move { thread::current().id() == here }).await.expect("done"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn on_a_runtime_of_several_it_keeps_no_thread_of_theirs_waiting() {
        let here = thread::current().id();
        assert!(run(move || thread::current().id() != here).await.expect("done"));
        assert!(complete(async move { thread::current().id() != here }).await.expect("done"));
        assert!(run(|| panic!("as it may")).await.is_err());
    }
}
