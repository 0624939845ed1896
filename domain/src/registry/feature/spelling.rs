//! The properties of each kind, and which of them somebody meant who wrote another.

use crate::registry::object::ObjectKind;

/// From here on two names are taken for one that was misspelt: `site_id` and `site` are, `owner` and `name` are not.
const LIKENESS_MIN: f64 = 0.8;

/// What every kind has.
macro_rules! properties {
    ($($own:literal),*) => {
        &["kind", "id", "valid_from", "valid_to", $($own),*]
    };
}

/// Every property that a feature of the kind may have.
pub(super) fn properties(kind: ObjectKind) -> &'static [&'static str] {
    match kind {
        ObjectKind::Area => properties!["name", "names", "level", "parent"],
        ObjectKind::Site => properties![
            "name",
            "names",
            "site_kind",
            "place",
            "vehicle",
            "capacity",
            "heartbeat_s",
            "price",
            "opening_hours",
            "closed"
        ],
        ObjectKind::Bay => properties!["site", "features", "max_stay_min", "heartbeat_s", "min_dwell_s", "closed"],
        ObjectKind::Station => properties!["name", "names", "class", "measures", "interval_s"],
        ObjectKind::Device => properties!["profile", "firmware", "status", "bindings"],
    }
}

/// Of a feature whose kind is not known.
pub(super) fn every_property() -> Vec<&'static str> {
    ObjectKind::ALL.into_iter().flat_map(properties).copied().collect()
}

/// What is said behind an unknown name where it is like a known one; else nothing.
pub(in crate::registry) fn near(name: &str, known: &[&str]) -> String {
    let name = name.to_lowercase();
    let likeness = known.iter().map(|known| (known, strsim::jaro_winkler(&name, known)));
    let best = likeness.filter(|(_, likeness)| *likeness >= LIKENESS_MIN).max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map(|(known, _)| format!(", did you mean {known:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_known_again_and_another_word_is_not() {
        let bay = properties(ObjectKind::Bay);
        for (name, meant) in [
            ("site_id", "site"),
            ("Site", "site"),
            ("max_stay", "max_stay_min"),
            ("heartbeat", "heartbeat_s"),
            ("feature", "features"),
        ] {
            assert_eq!(near(name, bay), format!(", did you mean {meant:?}?"), "{name}");
        }
        for name in ["owner", "colour", "surface", "x"] {
            assert_eq!(near(name, bay), "", "{name}");
        }
    }
}
