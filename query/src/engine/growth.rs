//! Functions that make longer texts than they are given, bounded: how long each will be is reckoned before it is made.
//!
//! DataFusion's memory pool counts what operators keep, not what a function makes: `repeat('x', 1000000000)` takes a gigabyte
//! before anybody looks. What is reckoned is never less than what is made.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::error::DataFusionError;
use datafusion::functions::{datetime, regex, string, unicode};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// All of them, each making texts of so many bytes at most.
pub fn bounded(bytes_max: usize) -> Vec<Arc<ScalarUDF>> {
    let grows = [
        (string::repeat(), Grows::Times),
        (unicode::lpad(), Grows::ToLength),
        (unicode::rpad(), Grows::ToLength),
        (string::concat(), Grows::Joined),
        (string::concat_ws(), Grows::Joined),
        (string::replace(), Grows::Replaced),
        (regex::regexp_replace(), Grows::ReplacedByPattern),
        (datetime::to_char(), Grows::Formatted),
    ];
    let bounded = |(inner, grows)| Arc::new(ScalarUDF::new_from_impl(Bounded { inner, grows, bytes_max }));
    grows.map(bounded).into()
}

/// A text of more than so many bytes is refused: for what no function makes, such as `a || b`.
pub fn checked(text: Expr, bytes_max: usize) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Checked { signature, bytes_max }).call(vec![text])
}

/// How the length of what is made follows from the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Grows {
    /// (text, times)
    Times,
    /// (text, characters[, fill])
    ToLength,
    /// (text, …): no more than all of them and the first between any two.
    Joined,
    /// (text, from, to)
    Replaced,
    /// (text, pattern, replacement, …): it may stand between any two characters, and name what was found.
    ReplacedByPattern,
    /// (instant, format)
    Formatted,
}

/// What one letter of a format becomes at most: `%+` is a whole instant.
const FORMATTED_BYTES_MAX: usize = 20;

impl Grows {
    fn bytes(self, arguments: &[Argument], row: usize) -> usize {
        let bytes = |place: usize| arguments.get(place).map_or(0, |argument| argument.bytes(row));
        let number = |place: usize| arguments.get(place).map_or(0, |argument| argument.number(row));
        match self {
            Self::Times => bytes(0).saturating_mul(number(1)),
            Self::ToLength => {
                let is_ascii = arguments.iter().all(|argument| argument.text(row).is_none_or(str::is_ascii));
                number(1).saturating_mul(if is_ascii { 1 } else { char::MAX.len_utf8() })
            }
            Self::Joined => {
                let all = (0..arguments.len()).fold(0, |sum: usize, place| sum.saturating_add(bytes(place)));
                all.saturating_add(bytes(0).saturating_mul(arguments.len()))
            }
            Self::Replaced => {
                let argument = |place: usize| arguments.get(place).and_then(|argument| argument.text(row)).unwrap_or_default();
                let found = argument(0).matches(argument(1)).count();
                bytes(0).saturating_add(found.saturating_mul(bytes(2)))
            }
            Self::ReplacedByPattern => {
                let (text, replacement) = (bytes(0), bytes(2));
                let names = replacement / 2;
                text.saturating_add(replacement.saturating_mul(text + 1)).saturating_add(names.saturating_mul(text))
            }
            Self::Formatted => bytes(1).saturating_mul(FORMATTED_BYTES_MAX),
        }
    }
}

/// A column of arguments: one value for all rows, or one a row.
struct Argument {
    values: ArrayRef,
    is_one: bool,
    numbers: Option<ArrayRef>,
}

impl Argument {
    fn of(value: &ColumnarValue) -> Result<Self, DataFusionError> {
        let (values, is_one) = match value {
            ColumnarValue::Scalar(scalar) => (scalar.to_array_of_size(1)?, true),
            ColumnarValue::Array(values) => (Arc::clone(values), false),
        };
        let numbers = values.data_type().is_integer().then(|| cast(&values, &DataType::Int64)).transpose()?;
        Ok(Self { values, is_one, numbers })
    }

    fn place(&self, row: usize) -> usize {
        if self.is_one { 0 } else { row }
    }

    fn text(&self, row: usize) -> Option<&str> {
        let place = self.place(row);
        match self.values.data_type() {
            _ if self.values.is_null(place) => None,
            DataType::Utf8 => Some(self.values.as_string::<i32>().value(place)),
            DataType::LargeUtf8 => Some(self.values.as_string::<i64>().value(place)),
            DataType::Utf8View => Some(self.values.as_string_view().value(place)),
            _ => None,
        }
    }

    fn bytes(&self, row: usize) -> usize {
        let place = self.place(row);
        match self.values.data_type() {
            _ if self.values.is_null(place) => 0,
            DataType::Binary => self.values.as_binary::<i32>().value(place).len(),
            DataType::LargeBinary => self.values.as_binary::<i64>().value(place).len(),
            DataType::BinaryView => self.values.as_binary_view().value(place).len(),
            _ => self.text(row).map_or(VALUE_BYTES, str::len),
        }
    }

    /// 0 where it is less.
    fn number(&self, row: usize) -> usize {
        let numbers = self.numbers.as_ref().map(|numbers| numbers.as_primitive::<Int64Type>().value(self.place(row)));
        numbers.and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
    }
}

/// What a value that is no text takes as one.
const VALUE_BYTES: usize = 64;

fn too_long(name: &str, bytes_max: usize) -> DataFusionError {
    DataFusionError::ResourcesExhausted(format!("{name} would make a text of more than {bytes_max} bytes"))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    grows: Grows,
    bytes_max: usize,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef, DataFusionError> {
        self.inner.return_field_from_args(arguments)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let arguments = call.args.iter().map(Argument::of).collect::<Result<Vec<_>, _>>()?;
        let rows = if arguments.iter().all(|argument| argument.is_one) { 1 } else { call.number_rows };
        if (0..rows).any(|row| self.grows.bytes(&arguments, row) > self.bytes_max) {
            return Err(too_long(self.name(), self.bytes_max));
        }
        self.inner.invoke_with_args(call)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    signature: Signature,
    bytes_max: usize,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        "||"
    }

    /// As if it were not there.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String, DataFusionError> {
        Ok(arguments.iter().map(|argument| argument.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let [text] = <[ColumnarValue; 1]>::try_from(call.args)
            .map_err(|_| DataFusionError::Internal("|| is checked with one argument".to_owned()))?;
        let argument = Argument::of(&text)?;
        if (0..argument.values.len()).any(|row| argument.bytes(row) > self.bytes_max) {
            return Err(too_long(self.name(), self.bytes_max));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
