//! Bounded waits: a test asks again until a fact holds or its time is over.

use std::time::Duration;

const STEP: Duration = Duration::from_millis(20);

/// Asks until `fact` gives something; `None` after `within`.
pub fn until<T>(within: Duration, mut fact: impl FnMut() -> Option<T>) -> Option<T> {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(value) = fact() {
            return Some(value);
        }
        if waited >= within {
            return None;
        }
        std::thread::sleep(STEP);
        waited += STEP;
    }
}
