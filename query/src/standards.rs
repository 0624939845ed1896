//! The indices and limits that answers are judged by.

use std::sync::LazyLock;

use domain::air::Standards;

pub static STANDARDS: LazyLock<Standards> = LazyLock::new(Standards::built_in);

/// The indices by name, as a caller may ask for them.
pub const INDICES: &[&str] = &["vn_aqi", "us_epa", "eu_aqi"];
/// The texts with limits, and what several editions are called together.
pub const LIMITS: &[&str] = &["qcvn05", "qcvn05_2013", "qcvn05_2023", "who_2021"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_asked_for_is_what_there_is() {
        assert!(STANDARDS.indices().all(|index| INDICES.contains(&index.id.as_str())));
        assert!(INDICES.iter().all(|id| STANDARDS.index(id).is_some()));
        assert!(STANDARDS.limits().all(|text| LIMITS.contains(&text.id.as_str())));
        assert!(LIMITS.iter().all(|id| STANDARDS.is_limits(id)));
    }
}
