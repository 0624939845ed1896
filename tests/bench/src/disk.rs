//! What the disk itself takes: fdatasync after an append of 4 kB, one at a time, where the server's data dir lies.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use domain::Clock;

use crate::quantiles::Quantiles;

const APPENDS: usize = 300;
const APPEND_BYTES: usize = 4 * 1024;
/// A slow disk gives fewer samples rather than a long wait.
const TIME_MAX: Duration = Duration::from_secs(10);

pub fn fdatasync(folder: &Path, clock: &dyn Clock) -> anyhow::Result<Quantiles> {
    let path = folder.join("fdatasync-probe");
    let mut file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let block = [0x5a; APPEND_BYTES];
    let began = clock.elapsed();
    let mut durations = Vec::with_capacity(APPENDS);
    while durations.len() < APPENDS && clock.elapsed().saturating_sub(began) < TIME_MAX {
        file.write_all(&block).context("appending")?;
        let before = clock.elapsed();
        file.sync_data().context("fdatasync")?;
        durations.push(clock.elapsed().saturating_sub(before));
    }
    std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    Ok(Quantiles::of(durations))
}
