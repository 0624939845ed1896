//! Functions of the air: `vn_aqi`, `us_epa`, `eu_aqi` give the sub-index of a concentration, `nowcast` the mean of twelve hours that they take.
//!
//! Concentrations are in the units of the lake, at 25 °C. Values come row by row and are as long as a number, so that nothing of
//! it grows; lists are not among the values that a statement may make, so the hours of a NowCast are told one by one: `lag`
//! gives them.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use domain::Quantity;
use domain::air::{Averaging, Edition, Index, NOWCAST_HOURS, nowcast};
use domain::unit::REFERENCE_TEMPERATURE_C;

use crate::standards::STANDARDS;

pub fn functions() -> Vec<Arc<ScalarUDF>> {
    let sub_indices = STANDARDS.indices().map(|index| ScalarUDF::new_from_impl(SubIndexOf::new(index)));
    sub_indices.chain([ScalarUDF::new_from_impl(NowCast::new())]).map(Arc::new).collect()
}

/// `vn_aqi(pollutant, concentration, averaging[, table])`, and so for every index that comes along.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SubIndexOf {
    /// Of the index, and its name here.
    id: &'static str,
    signature: Signature,
}

impl SubIndexOf {
    fn new(index: &'static Index) -> Self {
        Self { id: &index.id, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// `None`: the index says nothing of it.
    fn of_row(
        &self,
        name: &str,
        concentration: f64,
        averaging: &str,
        table: Option<&str>,
    ) -> Result<Option<i64>, DataFusionError> {
        let wrong = |detail: String| DataFusionError::Execution(format!("{}: {detail}", self.id));
        let index = STANDARDS.index(self.id).expect("the function is made of it");
        let quantity = Quantity::by_name(name).ok_or_else(|| wrong(format!("there is no pollutant {name}")))?;
        let mean = Averaging::by_name(averaging).ok_or_else(|| wrong(format!("there is no averaging {averaging}")))?;
        let table =
            index.table(table.map_or(Edition::Newest, Edition::Named)).map_err(|_| wrong("there is no such table".to_owned()))?;
        if table.columns_of(quantity, mean).next().is_none() {
            let offered = Averaging::ALL.into_iter().filter(|other| table.columns_of(quantity, *other).next().is_some());
            let offered: Vec<&str> = offered.map(Averaging::name).collect();
            // A table of windows holds quantities that no index knows; a mean of the wrong length is a mistake.
            return if offered.is_empty() {
                Ok(None)
            } else {
                Err(wrong(format!("{name} is read as {}, not as {averaging}", offered.join(" or "))))
            };
        }
        let places = table.columns_of(quantity, mean).filter_map(|column| column.place(concentration, REFERENCE_TEMPERATURE_C));
        Ok(places.max().map(|place| i64::from(place.rounded())))
    }
}

impl ScalarUDFImpl for SubIndexOf {
    fn name(&self) -> &str {
        self.id
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        let wanted = [DataType::Utf8, DataType::Float64, DataType::Utf8, DataType::Utf8];
        let is_right = given.len() >= wanted.len() - 1 && given.len() <= wanted.len();
        if !is_right || !given.iter().zip(&wanted).all(|(given, wanted)| becomes(given, wanted)) {
            let detail =
                "takes the words of a pollutant, its concentration, the word of an averaging and perhaps that of a table";
            return Err(DataFusionError::Plan(format!("{} {detail}", self.id)));
        }
        Ok(wanted[..given.len()].to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Int64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let columns = ColumnarValue::values_to_arrays(&call.args)?;
        let [names, concentrations, averagings, tables @ ..] = columns.as_slice() else {
            return Err(DataFusionError::Internal(format!("{} lacks arguments", self.id)));
        };
        let (names, averagings) = (names.as_string::<i32>(), averagings.as_string::<i32>());
        let concentrations = concentrations.as_primitive::<Float64Type>();
        let tables = tables.first().map(|tables| tables.as_string::<i32>());
        let made = (0..names.len()).map(|row| {
            let is_null = columns.iter().any(|column| column.is_null(row));
            if is_null || !concentrations.value(row).is_finite() {
                return Ok(None);
            }
            let table = tables.map(|tables| tables.value(row));
            self.of_row(names.value(row), concentrations.value(row), averagings.value(row), table)
        });
        let made = made.collect::<Result<Vec<Option<i64>>, DataFusionError>>()?;
        like_the_arguments(&call.args, Arc::new(Int64Array::from(made)))
    }
}

/// `nowcast(c1, c2, …, c12)`: the newest hour first, null where one is missing.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NowCast {
    signature: Signature,
}

impl NowCast {
    fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for NowCast {
    fn name(&self) -> &str {
        "nowcast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        let is_right = (1..=NOWCAST_HOURS).contains(&given.len());
        if !is_right || !given.iter().all(|given| becomes(given, &DataType::Float64)) {
            let detail = format!("nowcast takes up to {NOWCAST_HOURS} numbers, the newest hour first and null for a missing one");
            return Err(DataFusionError::Plan(detail));
        }
        Ok(vec![DataType::Float64; given.len()])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let columns = ColumnarValue::values_to_arrays(&call.args)?;
        let hours: Vec<&Float64Array> = columns.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
        let rows = hours.first().map_or(0, |hour| hour.len());
        let made = (0..rows).map(|row| nowcast(hours.iter().map(|hour| hour.is_valid(row).then(|| hour.value(row)))));
        like_the_arguments(&call.args, Arc::new(made.collect::<Float64Array>()))
    }
}

/// Whether a value of one type is taken for one of the other: numbers for a number, texts for a text.
fn becomes(given: &DataType, wanted: &DataType) -> bool {
    match given {
        DataType::Null => true,
        DataType::Dictionary(_, values) => becomes(values, wanted),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => *wanted == DataType::Utf8,
        given => given.is_numeric() && *wanted == DataType::Float64,
    }
}

/// One value for arguments that are one value each, so that a constant is reckoned once.
fn like_the_arguments(arguments: &[ColumnarValue], made: ArrayRef) -> Result<ColumnarValue, DataFusionError> {
    let is_one = arguments.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
    if is_one {
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(made.as_ref(), 0)?))
    } else {
        Ok(ColumnarValue::Array(made))
    }
}

#[cfg(test)]
mod tests;
