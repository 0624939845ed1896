//! The partition value: a UTC date as text.

use domain::Timestamp;
use domain::time::MICROS_PER_DAY;

/// `2026-11-24` of days since 1970-01-01.
pub(crate) fn text(day: i32) -> String {
    let start = Timestamp::from_micros(i64::from(day) * MICROS_PER_DAY).to_string();
    start.split('T').next().unwrap_or_default().to_owned()
}

/// `None` when the text is no date.
pub(crate) fn parse(text: &str) -> Option<i32> {
    Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).ok().map(Timestamp::utc_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_same_after_writing_and_reading_it() {
        for day in [-1, 0, 1, 20_781, 100_000] {
            assert_eq!(parse(&text(day)), Some(day));
        }
        assert_eq!(text(0), "1970-01-01");
        assert_eq!(parse("__HIVE_DEFAULT_PARTITION__"), None);
    }
}
