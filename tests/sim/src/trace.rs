//! What happened, line by line: one seed gives the same bytes each time.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use domain::Clock as _;
use parking_lot::Mutex;

use crate::clock::VirtualClock;

#[derive(Clone)]
pub struct Trace {
    clock: Arc<VirtualClock>,
    text: Arc<Mutex<String>>,
}

impl Trace {
    pub fn new(clock: Arc<VirtualClock>) -> Self {
        Self { clock, text: Arc::default() }
    }

    /// One line: the virtual time in seconds, and what.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let now = self.clock.elapsed();
        let mut text = self.text.lock();
        writeln!(text, "{}.{:06} {what}", now.as_secs(), now.subsec_micros()).expect("writing to a string does not fail");
    }

    pub fn take(&self) -> String {
        std::mem::take(&mut self.text.lock())
    }
}

/// `note!(trace, "…", …)`
#[macro_export]
macro_rules! note {
    ($trace:expr, $($what:tt)*) => {
        $trace.note(format_args!($($what)*))
    };
}
