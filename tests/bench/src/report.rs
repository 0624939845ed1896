//! The figures, as JSON for machines and as a Markdown section for docs/benchmarks.md.

use std::fmt::Write as _;

use sensors_sim::LoadReport;
use serde::Serialize;

use crate::delta::Stored;
use crate::machine::Machine;
use crate::marker::Visibility;
use crate::quantiles::Quantiles;

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// RFC 3339, UTC.
    pub date: String,
    pub machine: Machine,
    /// An unoptimised server is no benchmark; said beside every figure.
    pub debug_build: bool,
    /// Of the server after SIGTERM.
    pub exit_code: Option<i32>,
    /// fdatasync of the same disk, before and after.
    pub disk_before: Quantiles,
    pub disk_after: Quantiles,
    pub figures: Figures,
}

#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub throughput: Throughput,
    pub latency: Latency,
    /// `null` when the table was not there.
    pub stored: Option<Stored>,
    pub memory_mib: Option<f64>,
    pub memory_mib_max: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    pub load: LoadReport,
    /// From the first send until the ledger held all of them.
    pub accepted_per_s: f64,
    /// From the first send until the lake held all of them; `null` when it did not in time.
    pub committed_per_s: Option<f64>,
    pub ledger_received: u64,
    pub ledger_accepted: u64,
    /// The whole server, from the first send until the lake held all of them.
    pub server_cpu_s_per_million: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    pub load: LoadReport,
    pub visibility: Visibility,
}

impl Report {
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let machine = &self.machine;
        let build = if self.debug_build { ", **unoptimised build**" } else { "" };
        let _ = writeln!(text, "## {}\n", &self.date[..10.min(self.date.len())]);
        let _ = writeln!(
            text,
            "{} × {}, {:.1} GiB, Linux {}, load before {:.1}{build}. `kerbside-bench`: {} connections, window {}, {}-byte QoS 1 publishes; \
             throughput as fast as acknowledged, latency open loop from the scheduled send.\n",
            machine.cores,
            machine.cpu,
            machine.memory_gib,
            machine.kernel,
            machine.load_before,
            self.figures.throughput.load.connections,
            self.figures.throughput.load.window,
            self.figures.throughput.load.payload_bytes,
        );
        text.push_str("| figure | value |\n|---|---|\n");
        for (name, value) in self.rows() {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        for remark in self.remarks() {
            let _ = writeln!(text, "\n* {remark}");
        }
        text
    }

    fn rows(&self) -> Vec<(String, String)> {
        let Figures { throughput, latency, stored, memory_mib, memory_mib_max } = &self.figures;
        let rate = latency.load.rate.unwrap_or_default();
        let visible = latency.visibility.publish_to_visible;
        let told =
            |value: Option<f64>, digits: usize| value.map_or_else(|| "not told".to_owned(), |value| format!("{value:.digits$}"));
        let mut rows = vec![
            ("readings/s acknowledged after fsync".to_owned(), format!("{:.0}", throughput.load.acknowledged_per_s)),
            ("readings/s until the ledger holds them".to_owned(), format!("{:.0}", throughput.accepted_per_s)),
            ("readings/s until the lake holds them".to_owned(), told(throughput.committed_per_s, 0)),
            ("server CPU s per million readings, commits included".to_owned(), told(throughput.server_cpu_s_per_million, 2)),
            ("generator CPU s per million readings".to_owned(), {
                let load = &throughput.load;
                told(load.generator_cpu_s.map(|cpu| cpu * 1e6 / load.acknowledged.max(1) as f64), 2)
            }),
            (
                format!("PUBACK p50 / p99 / max at {rate:.0}/s"),
                triple(latency.load.latency_p50_us, latency.load.latency_p99_us, latency.load.latency_max_us),
            ),
            ("fdatasync of 4 kB p50 / p99 / max, before".to_owned(), quantiles(self.disk_before)),
            ("the same, after".to_owned(), quantiles(self.disk_after)),
            (format!("publish to visible p50 / p99 / max at {rate:.0}/s ({} markers)", visible.n), quantiles(visible)),
            (
                "memory of the server, MiB: at the end / most".to_owned(),
                format!("{} / {}", told(*memory_mib, 0), told(*memory_mib_max, 0)),
            ),
        ];
        if let Some(stored) = stored {
            let when = if stored.compacted { "after compaction" } else { "not compacted" };
            let bytes = told(stored.bytes_per_row(), 1);
            rows.push((
                format!("bytes a reading in the lake, {when}"),
                format!("{bytes} ({} rows, {} files)", stored.rows, stored.files),
            ));
        }
        rows
    }

    /// What a reader must know before using the figures.
    fn remarks(&self) -> Vec<String> {
        let Figures { throughput, latency, .. } = &self.figures;
        let mut remarks = Vec::new();
        if !latency.load.schedule_held {
            remarks.push(format!(
                "the generator did not hold its schedule ({} ms late at most): latencies measure it too",
                latency.load.generator_late_max_us / 1_000
            ));
        }
        if latency.load.window_late_max_us > 0 {
            remarks.push(format!("full windows held sends back by up to {} ms", latency.load.window_late_max_us / 1_000));
        }
        for load in [&throughput.load, &latency.load] {
            if load.acknowledged < load.sent || load.connections_lost > 0 {
                let lost = load.lost.join("; ");
                remarks.push(format!(
                    "{} of {} acknowledged, {} connections lost: {lost}",
                    load.acknowledged, load.sent, load.connections_lost
                ));
            }
        }
        if throughput.ledger_accepted != throughput.load.acknowledged {
            remarks.push(format!(
                "the ledger held {} accepted of {} acknowledged when it was asked last",
                throughput.ledger_accepted, throughput.load.acknowledged
            ));
        }
        if throughput.committed_per_s.is_none() {
            remarks.push("the lake did not hold all readings in time: the server's CPU is too low a figure".to_owned());
        }
        if latency.visibility.never_visible > 0 {
            remarks.push(format!("{} markers were not visible in time", latency.visibility.never_visible));
        }
        if self.exit_code != Some(0) {
            remarks.push(format!("the server ended with {:?} after SIGTERM", self.exit_code));
        }
        remarks
    }
}

fn quantiles(quantiles: Quantiles) -> String {
    triple(quantiles.p50_us, quantiles.p99_us, quantiles.max_us)
}

fn triple(p50_us: u64, p99_us: u64, max_us: u64) -> String {
    let ms = |us: u64| us as f64 / 1_000.0;
    format!("{:.1} / {:.1} / {:.1} ms", ms(p50_us), ms(p99_us), ms(max_us))
}

#[cfg(test)]
mod tests;
