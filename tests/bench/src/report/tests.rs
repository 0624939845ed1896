//! Figures as a reader sees them.

use super::*;

fn load() -> LoadReport {
    LoadReport {
        connections: 50,
        window: 100,
        payload_bytes: 200,
        rate: Some(20_000.0),
        sent: 1_000,
        acknowledged: 1_000,
        seconds: 2.0,
        acknowledged_per_s: 500.0,
        latency_p50_us: 4_000,
        latency_p99_us: 16_000,
        latency_max_us: 20_500,
        schedule_held: true,
        generator_late_max_us: 1_000,
        window_late_max_us: 0,
        generator_cpu_s: Some(0.002),
        lost: Vec::new(),
        connections_lost: 0,
    }
}

fn report() -> Report {
    let visibility =
        Visibility { publish_to_visible: Quantiles { n: 3, p50_us: 9_000, p99_us: 30_000, max_us: 30_000 }, never_visible: 0 };
    let throughput = Throughput {
        load: load(),
        accepted_per_s: 450.0,
        committed_per_s: Some(400.0),
        ledger_received: 1_000,
        ledger_accepted: 1_000,
        server_cpu_s_per_million: Some(4.25),
    };
    Report {
        date: "2026-11-24T05:00:00Z".to_owned(),
        machine: Machine { cpu: "X".to_owned(), cores: 2, memory_gib: 15.6, kernel: "6.1".to_owned(), load_before: 0.1 },
        debug_build: false,
        exit_code: Some(0),
        disk_before: Quantiles::default(),
        disk_after: Quantiles::default(),
        figures: Figures {
            throughput,
            latency: Latency { load: load(), visibility },
            stored: Some(Stored { files: 1, rows: 1_000, bytes: 12_000, compacted: true }),
            memory_mib: Some(120.0),
            memory_mib_max: Some(180.0),
        },
    }
}

#[test]
fn a_clean_run_is_a_table_without_remarks() {
    let text = report().markdown();
    for row in [
        "| server CPU s per million readings, commits included | 4.25 |",
        "| PUBACK p50 / p99 / max at 20000/s | 4.0 / 16.0 / 20.5 ms |",
        "| bytes a reading in the lake, after compaction | 12.0 (1000 rows, 1 files) |",
    ] {
        assert!(text.contains(row), "{row} in {text}");
    }
    assert!(!text.contains("\n* "), "{text}");
}

#[test]
fn what_spoils_a_figure_is_said_beside_it() {
    let mut report = report();
    report.figures.latency.load.schedule_held = false;
    report.figures.throughput.ledger_accepted = 999;
    report.exit_code = Some(101);
    report.debug_build = true;
    let text = report.markdown();
    for remark in ["did not hold its schedule", "999 accepted of 1000", "101", "unoptimised"] {
        assert!(text.contains(remark), "{remark} in {text}");
    }
}
