//! `parking_readings`: one row an accepted reading.

use arrow::datatypes::{DataType, Field};

use super::column::{flags, journal_offset, observed_at, optional, received_at, sensor, transport, with_unit};

pub(super) fn columns() -> Vec<Field> {
    let mut columns = vec![
        sensor(),
        observed_at(),
        received_at(),
        optional("state", DataType::Utf8, "vacant, occupied or unknown; null for a counter lot"),
        optional("free", DataType::Int32, "free places as the counter said: may be negative or above capacity; null for a bay"),
        optional("capacity", DataType::Int32, "places of the counter lot, where the payload said"),
    ];
    columns.extend(transport());
    columns.push(with_unit(optional("temp_c", DataType::Float64, "temperature in the sensor"), "degC"));
    columns.extend([flags(), journal_offset()]);
    columns
}
