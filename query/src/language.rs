//! The languages of refusals: one catalogue, chosen by `Accept-Language`.
//!
//! Only what a person reads is translated: titles and parameter faults. Keys, reasons and ids stay as they are.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    #[default]
    English,
    Vietnamese,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Vietnamese, Self::English];

    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Vietnamese => "vi",
        }
    }

    /// The best of the request's wishes that there is a catalogue for; English where it says nothing.
    pub fn of(headers: &HeaderMap) -> Self {
        let wishes = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best = (Self::English, 0.0);
        for wish in wishes.split(',') {
            let mut parts = wish.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let primary = tag.split('-').next().unwrap_or_default();
            let quality = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let found = Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary));
            if let Some(language) = found
                && quality > best.1
            {
                best = (language, quality);
            }
        }
        best.0
    }

    pub fn pick(self, text: &Text) -> &'static str {
        match self {
            Self::English => text.en,
            Self::Vietnamese => text.vi,
        }
    }
}

/// One sentence in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    pub en: &'static str,
    pub vi: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_quality_is_taken() {
        let cases = [
            ("", Language::English),
            ("vi", Language::Vietnamese),
            ("vi-VN,en;q=0.8", Language::Vietnamese),
            ("en;q=0.9, vi;q=0.1", Language::English),
            ("de, vi;q=0.5", Language::Vietnamese),
            ("xx;q=nonsense", Language::English),
        ];
        for (wish, language) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, wish.parse().expect("ascii"));
            assert_eq!(Language::of(&headers), language, "{wish}");
        }
    }
}
