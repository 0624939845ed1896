//! What gave a key its value: a file, a variable, a flag; nothing but the defaults otherwise.

use figment::{Figment, Metadata, Source};

use super::environment;

/// How the metadata of flags begin.
pub const COMMAND_LINE: &str = "command line";

/// `None`: the default stands.
pub fn of(figment: &Figment, key: &str) -> Option<String> {
    of_metadata(figment.find_metadata(key)?, key)
}

/// Of a value that is known by the layer that brought it.
pub fn of_metadata(metadata: &Metadata, key: &str) -> Option<String> {
    match &metadata.source {
        Some(Source::File(path)) => Some(path.display().to_string()),
        _ if metadata.name.contains("environment") => {
            Some(format!("environment {}{}", environment::PREFIX, key.to_ascii_uppercase().replace('.', "__")))
        }
        _ if metadata.name.starts_with(COMMAND_LINE) => Some(metadata.name.to_string()),
        _ => None,
    }
}
