//! A progress line on stderr for long work in a terminal; silent elsewhere.

use std::future::Future;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const EVERY: Duration = Duration::from_millis(200);

/// Shows a text that changes while something runs.
pub struct Progress {
    bar: ProgressBar,
    text: Box<dyn Fn() -> String + Send>,
}

impl Progress {
    pub fn counting(text: impl Fn() -> String + Send + 'static) -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        Self { bar, text: Box::new(text) }
    }

    /// Runs `work` and shows the text until it ends.
    pub async fn beside<T>(self, work: impl Future<Output = T>) -> T {
        let clock = crate::clock::system();
        let mut work = std::pin::pin!(work);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = clock.sleep(EVERY) => {
                    self.bar.set_message((self.text)());
                    self.bar.tick();
                }
            }
        };
        self.bar.finish_and_clear();
        outcome
    }
}
