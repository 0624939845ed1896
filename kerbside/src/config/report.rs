//! `kerbside config`: each key, its value and the layer that set it; secrets are hidden.

use std::fmt::Write as _;

use figment::value::{Dict, Value};

use super::{Loaded, origin};

/// Words in the names of keys whose values are never shown.
const SECRET: [&str; 5] = ["password", "secret", "token", "key", "credential"];
/// Sections all of whose values are hidden: what an object store is opened with.
const SECRET_SECTIONS: [&str; 1] = ["lake.storage"];

const HIDDEN: &str = "\"…\"";

/// One line a key, sorted, in TOML's dotted form.
pub fn report(loaded: &Loaded) -> anyhow::Result<String> {
    let values: Dict = loaded.figment.extract()?;
    let mut lines = String::new();
    write_dict(loaded, &values, "", &mut lines)?;
    Ok(lines)
}

fn write_dict(loaded: &Loaded, values: &Dict, prefix: &str, lines: &mut String) -> anyhow::Result<()> {
    for (name, value) in values {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => write_dict(loaded, inner, &key, lines)?,
            value => {
                let is_secret = SECRET.iter().any(|word| name.contains(word)) || SECRET_SECTIONS.contains(&prefix);
                let text = if is_secret { HIDDEN.to_owned() } else { text(value)? };
                writeln!(
                    lines,
                    "{key} = {text}  # {}",
                    origin::of(&loaded.figment, &key).unwrap_or_else(|| "default".to_owned())
                )?;
            }
        }
    }
    Ok(())
}

/// As JSON; a password inside of a URL is hidden.
fn text(value: &Value) -> anyhow::Result<String> {
    let shown = value.as_str().and_then(|text| url::Url::parse(text).ok()).filter(|url| url.password().is_some());
    match shown {
        Some(mut url) => {
            // Fails for URLs that cannot have a password only.
            let _ = url.set_password(Some("…"));
            Ok(format!("\"{}\"", url.as_str().replace("%E2%80%A6", "…")))
        }
        None => Ok(serde_json::to_string(value)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Common;
    use crate::config;

    #[test]
    fn no_secret_is_shown_wherever_it_stands() {
        let set = ["lake.storage.aws_access_key_id=AKIA", "lake.storage.region=x", "source.url=mqtt://u:hush@broker:1883"];
        let common = Common { set: set.map(str::to_owned).to_vec(), ..Common::default() };
        let text = report(&config::load(&common, Vec::new()).expect("valid")).expect("a report");
        assert!(text.contains("mqtt://u:…@broker:1883"), "{text}");
        assert!(!text.contains("hush") && !text.contains("AKIA"), "{text}");
    }
}
