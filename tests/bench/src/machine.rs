//! The machine a figure was taken on: without it a figure is a rumour.

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub kernel: String,
    /// The load average of the last minute before the run: other work on the machine shows here.
    pub load_before: f64,
}

impl Machine {
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        Self {
            cpu: value(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: value(&read("/proc/meminfo"), "MemTotal").and_then(kibibytes).unwrap_or(0.0) / 1024.0 / 1024.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: read("/proc/loadavg").split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0),
        }
    }
}

/// Resident memory of a process, MiB: now and at its most.
pub fn memory_mib(pid: u32) -> Option<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mib = |key: &str| Some(kibibytes(value(&status, key)?)? / 1024.0);
    Some((mib("VmRSS")?, mib("VmHWM")?))
}

/// The value of a `key : value` line.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()))
}

/// Of `16337216 kB`.
fn kibibytes(text: &str) -> Option<f64> {
    text.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_this_process_are_told() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && machine.memory_gib > 0.0, "{machine:?}");
        let (now, most) = memory_mib(std::process::id()).expect("Linux tells");
        assert!(0.0 < now && now <= most);
    }
}
