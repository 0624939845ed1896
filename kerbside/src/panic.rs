//! A panic in any thread or task ends the process, after saying where.
//!
//! Everything acknowledged is already on disk, so leaving at once loses nothing, while a half-alive server would lie to
//! its sensors and readers. Exempt are the threads of [`broker::ENGINE_THREADS`], since the broker replaces that engine itself, and those
//! of [`query::ENGINE_THREADS`]: a question that panics is answered as a failure, and no other one notices.

use std::panic::PanicHookInfo;

/// Exit status of a process that a panic ended: that of Rust's own runtime.
const STATUS: i32 = 101;

pub fn end_process_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        report(panic);
        let is_exempt = |name: &str| broker::ENGINE_THREADS.contains(&name) || name == query::ENGINE_THREADS;
        let exempt = std::thread::current().name().is_some_and(is_exempt);
        if !exempt {
            std::process::exit(STATUS);
        }
    }));
}
