//! `KERBSIDE_…` variables: `KERBSIDE_DATA_DIR`, and `KERBSIDE_INGEST__FLUSH_S` for keys of a section.
//!
//! A variable that names no key is a warning, not an error: other software of the machine may use the prefix.

use figment::Figment;
use figment::providers::{Env, Serialized};
use figment::value::Dict;

pub const PREFIX: &str = "KERBSIDE_";
/// Read elsewhere: by the command line, and by scripts and tests.
const OTHERS: [&str; 4] = ["CONFIG", "BIN", "SHARED", "CRASH_AT"];

/// The variables as a layer, and the names of those that no key of `defaults` answers to.
pub fn read(defaults: &Figment) -> (Env, Vec<String>) {
    let known = |key: &str| is_known(defaults, key);
    let mut unknown = Vec::new();
    for (name, _) in std::env::vars() {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if !OTHERS.contains(&rest) && !known(&rest.to_ascii_lowercase().replace("__", ".")) {
            unknown.push(name);
        }
    }
    let defaults = defaults.clone();
    let variables = Env::prefixed(PREFIX).split("__").filter(move |key| is_known(&defaults, &key.as_str().to_ascii_lowercase()));
    (variables, unknown)
}

/// Sections that take any key.
const OPEN: [&str; 2] = ["lake.storage", "lake.retention_days"];

/// A key is known when the defaults hold it, or an open section or an optional one without a default does.
fn is_known(defaults: &Figment, key: &str) -> bool {
    if defaults.find_value(key).is_ok() || matches!(key, "mqtt_ws" | "link") {
        return true;
    }
    match key.rsplit_once('.') {
        Some(("source", name)) => source_keys().contains_key(name),
        Some((section, _)) => OPEN.contains(&section),
        None => false,
    }
}

fn source_keys() -> Dict {
    Figment::from(Serialized::defaults(ingest::source::Options::default())).extract().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_key_without_a_default_has_a_variable_like_the_others() {
        let defaults = Figment::from(Serialized::defaults(Config::default()));
        for key in [
            "http",
            "mqtt_ws",
            "mqtts",
            "mqtt_wss",
            "https",
            "link",
            "ingest.commit_s",
            "broker.publishes_per_second_max",
            "source.user",
            "lake.storage.aws_region",
        ] {
            assert!(is_known(&defaults, key), "{key}");
        }
        for key in ["htp", "ingest.commit_every", "source.pasword", "nothing.at_all"] {
            assert!(!is_known(&defaults, key), "{key}");
        }
    }
}
