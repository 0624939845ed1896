//! One value of an Arrow column as JSON: instants as RFC 3339, bytes as base64, nested values as they are.
//!
//! JSON has no NaN and no infinity: they are written as texts, so that nothing becomes null that is not.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::datatypes::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use serde_json::{Map, Value, json};

/// Null for what is null, and for a row that the array does not have.
pub fn json(array: &dyn Array, row: usize) -> Value {
    if row >= array.len() || array.is_null(row) {
        return Value::Null;
    }
    macro_rules! number {
        ($kind:ty) => {
            json!(array.as_primitive::<$kind>().value(row))
        };
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(row)),
        DataType::Utf8View => json!(array.as_string_view().value(row)),
        DataType::Binary => json!(STANDARD.encode(array.as_binary::<i32>().value(row))),
        DataType::BinaryView => json!(STANDARD.encode(array.as_binary_view().value(row))),
        DataType::Timestamp(unit, _) => instant(array, *unit, row),
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref()),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref()),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter();
            let members = fields.iter().zip(columns).map(|(field, column)| (field.name().clone(), json(column, row)));
            Value::Object(members.collect())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let members = (0..entries.len()).map(|entry| (text(keys, entry), json(values, entry)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        DataType::Dictionary(..) => match array.as_any_dictionary_opt() {
            Some(dictionary) => match json(dictionary.keys(), row).as_u64().and_then(|key| usize::try_from(key).ok()) {
                Some(key) => json(dictionary.values(), key),
                None => Value::Null,
            },
            None => Value::Null,
        },
        _ => json!(text(array, row)),
    }
}

fn float(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

fn instant(array: &dyn Array, unit: TimeUnit, row: usize) -> Value {
    let micros = match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).checked_mul(1_000_000),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row).checked_mul(1_000),
        TimeUnit::Microsecond => Some(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        TimeUnit::Nanosecond => Some(array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000)),
    };
    micros.map_or(Value::Null, |micros| json!(Timestamp::from_micros(micros).to_string()))
}

fn list(items: &dyn Array) -> Value {
    Value::Array((0..items.len()).map(|item| json(items, item)).collect())
}

/// As Arrow shows it: dates, decimals, intervals.
fn text(array: &dyn Array, row: usize) -> String {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(row).to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::DictionaryArray;

    use super::*;

    #[test]
    fn a_cell_of_a_dictionary_is_the_value_behind_its_key() {
        let words: DictionaryArray<Int8Type> = [Some("a"), None, Some("b"), Some("a")].into_iter().collect();
        let cells: Vec<_> = (0..5).map(|row| json(&words, row)).collect();
        assert_eq!(cells, [json!("a"), Value::Null, json!("b"), json!("a"), Value::Null]);
    }
}
