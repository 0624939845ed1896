//! A task beside the pipeline: it never stands in its way, and its panic stops ingest.

use std::future::Future;

use tokio::task::{AbortHandle, JoinHandle};

use crate::error::Error;

/// The task never outlives its owner, however that one ends.
pub(super) struct Beside {
    name: &'static str,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    abort: AbortHandle,
}

impl Beside {
    pub fn start(name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Self {
        let task = tokio::spawn(work);
        Self { name, abort: task.abort_handle(), task: tokio::sync::Mutex::new(Some(task)) }
    }

    /// Resolves only if the task ended by a panic.
    pub async fn failed(&self) -> Error {
        let mut task = self.task.lock().await;
        if let Some(running) = task.as_mut()
            && running.await.is_err()
        {
            *task = None;
            return Error::Ended(self.name);
        }
        *task = None;
        std::future::pending().await
    }

    /// What it began on disk is whole or not there.
    pub async fn stop(self) {
        self.abort.abort();
        if let Some(task) = self.task.lock().await.take() {
            // Either way it is over.
            let _ = task.await;
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.abort.abort();
    }
}
