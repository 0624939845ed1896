//! Functions that make longer texts than they are given, bounded: how long each will be is reckoned before it is made.
//!
//! DataFusion's memory pool counts what operators keep, not what a function makes: `repeat('x', 1000000000)` takes a gigabyte
//! before anybody looks. What is reckoned is never less than what is made.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, nullif};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::functions::{datetime, regex, string, unicode};
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

/// Tells its refusals from those of the memory pool.
pub const TOO_LONG: &str = " would make a text of more than ";

/// All of them, each making texts of so many bytes at most.
pub fn bounded(bytes_max: usize) -> Vec<Arc<ScalarUDF>> {
    let grows = [
        (string::repeat(), Grows::Times),
        (unicode::lpad(), Grows::ToLength),
        (unicode::rpad(), Grows::ToLength),
        (string::concat(), Grows::Joined),
        (string::concat_ws(), Grows::JoinedWith),
        (string::replace(), Grows::Replaced),
        (regex::regexp_replace(), Grows::ReplacedByPattern),
        (datetime::to_char(), Grows::Formatted),
    ];
    let bounded = |(inner, grows)| Arc::new(ScalarUDF::new_from_impl(Bounded { inner, grows, bytes_max }));
    grows.map(bounded).into()
}

/// What `||` stands for, all of a chain at once: null where one of them is.
pub fn joined(texts: Vec<Expr>, bytes_max: usize) -> Expr {
    ScalarUDF::new_from_impl(Joined { inner: string::concat(), bytes_max }).call(texts)
}

/// The texts of a chain that was begun, else the text itself.
pub fn texts_of(text: Expr) -> Vec<Expr> {
    match text {
        Expr::ScalarFunction(function) if function.func.name() == JOINED => function.args,
        other => vec![other],
    }
}

const JOINED: &str = "||";

/// How the length of what is made follows from the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Grows {
    /// (text, times)
    Times,
    /// (text, characters[, fill])
    ToLength,
    /// (text, …)
    Joined,
    /// (text, …): the first between any two.
    JoinedWith,
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
            Self::Joined => (0..arguments.len()).fold(0, |sum: usize, place| sum.saturating_add(bytes(place))),
            Self::JoinedWith => {
                Self::Joined.bytes(arguments, row).saturating_add(bytes(0).saturating_mul(arguments.len().saturating_sub(3)))
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

/// Refuses a call that would make too long a text in one of its rows.
fn judge(name: &str, grows: Grows, call: &ScalarFunctionArgs, bytes_max: usize) -> Result<Vec<Argument>, DataFusionError> {
    let arguments = call.args.iter().map(Argument::of).collect::<Result<Vec<_>, _>>()?;
    let rows = if arguments.iter().all(|argument| argument.is_one) { 1 } else { call.number_rows };
    if (0..rows).any(|row| grows.bytes(&arguments, row) > bytes_max) {
        let detail = format!("{name}{TOO_LONG}{bytes_max} bytes");
        return Err(DataFusionError::ResourcesExhausted(detail));
    }
    Ok(arguments)
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

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        self.inner.coerce_types(arguments)
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
        judge(self.name(), self.grows, &call, self.bytes_max)?;
        self.inner.invoke_with_args(call)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    /// Takes a null for nothing.
    inner: Arc<ScalarUDF>,
    bytes_max: usize,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        JOINED
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String, DataFusionError> {
        let names: Vec<_> = arguments.iter().map(|argument| argument.schema_name().to_string()).collect();
        Ok(names.join(" || "))
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        self.inner.coerce_types(arguments)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        self.inner.return_type(arguments)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let arguments = judge(self.name(), Grows::Joined, &call, self.bytes_max)?;
        if arguments.iter().any(|argument| argument.is_one && argument.values.is_null(0)) {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(call.return_type())?));
        }
        let nulls: Vec<_> = arguments.iter().map(|argument| argument.values.logical_nulls()).collect();
        let nulls = nulls.iter().fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls.as_ref()));
        match (self.inner.invoke_with_args(call)?, nulls) {
            (ColumnarValue::Array(made), Some(nulls)) => {
                let is_null = BooleanArray::new(!nulls.inner(), None);
                Ok(ColumnarValue::Array(nullif(made.as_ref(), &is_null)?))
            }
            (made, _) => Ok(made),
        }
    }
}

#[cfg(test)]
mod tests;
