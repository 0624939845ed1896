//! JSON tokens against serde_json as an independent judge.

use proptest::prelude::*;

use super::*;

/// Reads one whole text.
fn accepts(text: &str) -> Result<(), SyntaxError> {
    let mut json = Json::new(text);
    let token = json.value()?;
    json.skip(&token)?;
    json.end()
}

fn number(text: &str) -> Option<Number> {
    let mut json = Json::new(text);
    match json.value() {
        Ok(Token::Number(number)) if json.end().is_ok() => Some(number),
        _ => None,
    }
}

/// Texts that are nearly JSON: grown from JSON's own pieces.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\q\"",
        "\"",
        "1",
        "-0",
        "01",
        "1.5e3",
        "1.",
        ".5",
        "1e",
        "null",
        "nul",
        "true",
        "false",
        " ",
        "\n",
        "\t",
        "\\",
        "\"\u{1}\"",
        "ế",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn exactly_what_serde_json_accepts_is_accepted(text in prop_oneof![nearly_json(), ".{0,24}"]) {
        let judge = serde_json::from_str::<serde::de::IgnoredAny>(&text);
        prop_assert_eq!(accepts(&text).is_ok(), judge.is_ok(), "{:?}", text);
    }

    #[test]
    fn a_double_comes_back_as_itself(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let text = serde_json::to_string(&value).expect("a finite number is JSON");
        prop_assert_eq!(number(&text).map(|n| n.as_f64().to_bits()), Some(value.to_bits()));
    }

    #[test]
    fn a_text_comes_back_as_itself(text: String) {
        let written = serde_json::to_string(&text).expect("a text is JSON");
        let mut json = Json::new(&written);
        prop_assert_eq!(json.value(), Ok(Token::<Frame>::Text(text.into())));
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        (self.close, self.begun) == (other.close, other.begun)
    }
}

#[test]
fn an_integer_keeps_its_64_bits_and_a_larger_number_becomes_a_float() {
    assert_eq!(number("9223372036854775807"), Some(Number::Int(i64::MAX)));
    assert_eq!(number("9223372036854775808"), Some(Number::Float(9_223_372_036_854_775_808.0)));
    assert_eq!(number("-1e400"), Some(Number::Float(f64::NEG_INFINITY)));
    assert_eq!(number("1.7e12").and_then(Number::as_i64), Some(1_700_000_000_000));
    assert_eq!(number("1.5").and_then(Number::as_i64), None);
    assert_eq!(number("1e400").and_then(Number::as_i64), None);
}

#[test]
fn nesting_is_limited_and_costs_no_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(accepts(&nested(crate::limits::PAYLOAD_DEPTH_MAX)), Ok(()));
    let refused = accepts(&nested(100_000)).expect_err("too deep");
    assert_eq!(refused.what, "nested too deep");
}
