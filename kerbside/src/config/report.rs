//! `kerbside config`: each key, its value and the layer that set it; secrets are hidden.

use std::fmt::Write as _;

use figment::value::{Dict, Value};

use super::Loaded;

/// Keys whose values are never shown.
const SECRET: [&str; 4] = ["password", "secret", "token", "key"];

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
                let text = if SECRET.iter().any(|secret| name == secret) { "\"…\"".to_owned() } else { text(value)? };
                writeln!(lines, "{key} = {text}  # {}", source(loaded, &key))?;
            }
        }
    }
    Ok(())
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?)
}

fn source(loaded: &Loaded, key: &str) -> String {
    match loaded.figment.find_metadata(key) {
        Some(metadata) => match &metadata.source {
            Some(figment::Source::File(path)) => path.display().to_string(),
            _ if metadata.name.contains("environment") => "environment".to_owned(),
            _ if metadata.name.contains("Common") => "command line".to_owned(),
            _ if metadata.name.contains("Value") => "command line, --set".to_owned(),
            _ => "default".to_owned(),
        },
        None => "default".to_owned(),
    }
}
