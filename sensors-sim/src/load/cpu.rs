//! CPU time of a process, from /proc (proc(5)); absent on systems that have none.

/// Ticks of /proc a second: USER_HZ, 100 on every architecture that Linux serves today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of user and system time of a process, or of this one. `None` where /proc does not tell.
pub fn cpu_seconds(pid: Option<u32>) -> Option<f64> {
    let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The command's name may hold anything; fields are counted after its closing parenthesis, where the third field begins.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some((ticks(14)? + ticks(15)?) / TICKS_PER_SECOND)
}
