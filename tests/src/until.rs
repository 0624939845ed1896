//! Bounded waits: a test asks again until a fact holds or its time is over.

use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(20);

/// Asks until `fact` gives something; `None` when `within` is over, the time of asking included.
#[expect(clippy::disallowed_methods, reason = "a black-box test waits in the machine's time")]
pub fn until<T>(within: Duration, mut fact: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(value) = fact() {
            return Some(value);
        }
        if began.elapsed() >= within {
            return None;
        }
        std::thread::sleep(STEP);
    }
}
