//! What a reading costs on disk, read from a table's Delta log as any outside reader would (protocol: "add" and "remove" actions in
//! `_delta_log/<version>.json`). Only whole logs are read, from version 0 on: a run of minutes has one.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// The live files of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stored {
    pub files: usize,
    pub rows: u64,
    pub bytes: u64,
    /// Whether any commit only rewrote rows: a compaction has run.
    pub compacted: bool,
}

impl Stored {
    pub fn bytes_per_row(&self) -> Option<f64> {
        (self.rows > 0).then(|| self.bytes as f64 / self.rows as f64)
    }
}

#[derive(Deserialize)]
struct Action {
    add: Option<Add>,
    remove: Option<Remove>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    path: String,
    size: u64,
    stats: Option<String>,
    #[serde(default)]
    data_change: bool,
}

#[derive(Deserialize)]
struct Remove {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    num_records: u64,
}

/// `None` when the table does not exist or its log no longer begins at 0.
pub fn stored(table: &Path) -> anyhow::Result<Option<Stored>> {
    let mut live: HashMap<String, (u64, u64)> = HashMap::new();
    let mut compacted = false;
    let mut version = 0_u64;
    loop {
        let path = table.join("_delta_log").join(format!("{version:020}.json"));
        let Ok(text) = std::fs::read_to_string(&path) else { break };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let action: Action = serde_json::from_str(line).with_context(|| format!("reading {}", path.display()))?;
            if let Some(add) = action.add {
                let stats: Option<Stats> = add.stats.as_deref().and_then(|stats| serde_json::from_str(stats).ok());
                compacted |= !add.data_change;
                live.insert(add.path, (add.size, stats.map_or(0, |stats| stats.num_records)));
            }
            if let Some(remove) = action.remove {
                live.remove(&remove.path);
            }
        }
        version += 1;
    }
    let sums = live.values().fold((0, 0), |(bytes, rows), file| (bytes + file.0, rows + file.1));
    Ok((version > 0).then_some(Stored { files: live.len(), rows: sums.1, bytes: sums.0, compacted }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_files_are_those_added_and_not_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("_delta_log");
        std::fs::create_dir(&log).expect("created");
        let add = |path: &str, size: u64, rows: u64, data_change: bool| {
            let stats = format!("{{\\\"numRecords\\\":{rows}}}");
            format!("{{\"add\":{{\"path\":\"{path}\",\"size\":{size},\"dataChange\":{data_change},\"stats\":\"{stats}\"}}}}\n")
        };
        let write = |version: u64, text: String| std::fs::write(log.join(format!("{version:020}.json")), text).expect("written");
        assert_eq!(stored(folder.path()).expect("readable"), None);
        write(0, "{\"protocol\":{\"minReaderVersion\":1}}\n{\"metaData\":{}}\n".to_owned());
        write(1, add("a", 100, 10, true));
        write(2, add("b", 300, 30, true));
        let before = Stored { files: 2, rows: 40, bytes: 400, compacted: false };
        assert_eq!(stored(folder.path()).expect("readable"), Some(before));
        let removed = |path: &str| format!("{{\"remove\":{{\"path\":\"{path}\",\"dataChange\":false}}}}\n");
        write(3, removed("a") + &removed("b") + &add("c", 200, 40, false));
        let after = stored(folder.path()).expect("readable").expect("there");
        assert_eq!(after, Stored { files: 1, rows: 40, bytes: 200, compacted: true });
        assert_eq!(after.bytes_per_row(), Some(5.0));
    }
}
