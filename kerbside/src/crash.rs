//! `KERBSIDE_CRASH_AT=commit.before_log:2`: the process kills itself at a named place, as the crash tests ask. Read once.

use anyhow::Context as _;
use domain::crash::{self, Moment, Point};
use rustix::process::{Signal, getpid, kill_process};

/// Of the environment only: nobody's configuration file ends a city.
const VARIABLE: &str = "KERBSIDE_CRASH_AT";

pub fn arm() -> anyhow::Result<()> {
    let Ok(text) = std::env::var(VARIABLE) else {
        return Ok(());
    };
    let moment: Moment = text.parse().context(VARIABLE)?;
    tracing::warn!(place = moment.point.name(), pass = moment.pass, "this process will kill itself: {VARIABLE} asks for it");
    crash::arm(moment, die);
    Ok(())
}

/// As nobody can catch: no destructor runs, no buffer is written.
fn die(point: Point) {
    tracing::warn!("ends at {}", point.name());
    if let Err(error) = kill_process(getpid(), Signal::KILL) {
        tracing::error!(%error, "cannot kill itself");
    }
}
