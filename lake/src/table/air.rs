//! `air_readings`: one row an accepted element; a quantity is a column, null where the element did not have it or where
//! it was refused or taken before.

use arrow::datatypes::{DataType, Field};
use domain::Quantity;

use super::column::{
    AS_SENT_FIELDS, flags, journal_offset, map_of, observed_at, optional, received_at, required, sensor, transport, with_unit,
};

pub(super) fn columns() -> Vec<Field> {
    let span = required("avg_s", DataType::Int64, "the reading covers (observed_at - avg_s, observed_at]; 0 is a moment");
    let mut columns = vec![sensor(), observed_at(), received_at(), with_unit(span, "s")];
    for row in &Quantity::ALL {
        let title = match row.unit.symbol() {
            "ug/m3" => format!("{}; gases at 101.325 kPa and the city's reference temperature", row.title),
            _ => row.title.to_owned(),
        };
        columns.push(with_unit(optional(row.name, DataType::Float64, &title), row.unit.symbol()));
    }
    columns.push(optional(
        "as_sent",
        map_of(DataType::Struct(AS_SENT_FIELDS.clone())),
        "by quantity: value and unit before conversion; only of converted values",
    ));
    columns.push(optional(
        "qc",
        map_of(DataType::Utf8),
        "by quantity, as the device said: valid, suspect, below_lod, invalid, calibration, maintenance, fault",
    ));
    columns.extend(transport());
    columns.extend([flags(), journal_offset()]);
    columns
}
