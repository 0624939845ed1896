//! What is reckoned is never less than what is made, and what is too long is not made.

use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::Field;
use datafusion::common::config::ConfigOptions;

use super::*;

fn call(name: &str, bytes_max: usize, arguments: &[ColumnarValue]) -> Result<ColumnarValue, DataFusionError> {
    let functions = bounded(bytes_max);
    let function = functions.iter().find(|function| function.name() == name).expect("it is among them");
    let fields: Vec<FieldRef> =
        arguments.iter().map(|argument| Arc::new(Field::new("argument", argument.data_type(), true)) as FieldRef).collect();
    let rows = arguments.iter().find_map(|argument| match argument {
        ColumnarValue::Array(values) => Some(values.len()),
        ColumnarValue::Scalar(_) => None,
    });
    function.invoke_with_args(ScalarFunctionArgs {
        args: arguments.to_vec(),
        arg_fields: fields,
        number_rows: rows.unwrap_or(1),
        return_field: Arc::new(Field::new("made", DataType::Utf8, true)),
        config_options: Arc::new(ConfigOptions::default()),
    })
}

fn one(text: &str) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::from(text))
}

fn number(number: i64) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::from(number))
}

#[test]
fn a_text_within_the_limit_is_made_and_a_longer_one_is_not() {
    let texts = |texts: &[&str]| ColumnarValue::Array(Arc::new(StringArray::from(texts.to_vec())));
    let numbers = ColumnarValue::Array(Arc::new(Int64Array::from(vec![1, 10])));
    for (name, taken, refused) in [
        ("repeat", vec![one("ab"), number(5)], vec![one("ab"), number(1_000_000_000)]),
        ("repeat", vec![texts(&["x", "y"]), numbers.clone()], vec![texts(&["x", "yy"]), numbers.clone()]),
        ("repeat", vec![one("ab"), number(-5)], vec![one("ab"), number(i64::MAX)]),
        ("lpad", vec![one("ab"), number(10), one("0")], vec![one("ab"), number(1_000_000_000), one("0")]),
        ("rpad", vec![one("ab"), number(10)], vec![one("ộ"), number(4)]),
        ("concat", vec![one("abc"), one("def")], vec![one("abcdef"), one("abcdef")]),
        ("concat_ws", vec![one(","), one("a"), one("b")], vec![one("12345"), one("abc"), one("def")]),
        ("replace", vec![one("aab"), one("a"), one("xy")], vec![one("aab"), one("a"), one("xyzxyz")]),
        ("replace", vec![one("abc"), one("z"), one("0123456789")], vec![one("abc"), one(""), one("0123456789")]),
        ("regexp_replace", vec![one("abc"), one("b"), one("x")], vec![one("abc"), one("b"), one(r"\0\0\0\0")]),
    ] {
        let made = call(name, 10, &taken).unwrap_or_else(|error| panic!("{name}: {error}"));
        let longest = Argument::of(&made).map(|made| (0..made.values.len()).map(|row| made.bytes(row)).max());
        assert!(longest.expect("texts").is_some_and(|bytes| bytes <= 10), "{name}");
        assert!(matches!(call(name, 10, &refused), Err(DataFusionError::ResourcesExhausted(_))), "{name}");
    }
}
