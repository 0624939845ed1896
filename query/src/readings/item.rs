//! A stored reading as the API shows it: the keys of a payload, flat, in canonical units.

use arrow::array::RecordBatch;
use domain::{Flags, Kind, Quantity};
use serde_json::{Map, Value, json};

use crate::engine::cell_json;

const PARKING: [&str; 4] = ["state", "free", "capacity", "temp_c"];
const TRANSPORT: [&str; 6] = ["seq", "battery_mv", "battery_pct", "rssi_dbm", "snr_db", "gateway"];

/// Keys that the reading does not have are absent.
pub fn json(kind: Kind, batch: &RecordBatch, row: usize) -> Value {
    let cell = |name: &str| batch.column_by_name(name).map_or(Value::Null, |column| cell_json(column, row));
    let mut item = Map::new();
    item.insert("kind".to_owned(), json!(kind.name()));
    item.insert("observed_at".to_owned(), cell("observed_at"));
    item.insert("received_at".to_owned(), cell("received_at"));
    let present = |item: &mut Map<String, Value>, name: &str| {
        let value = cell(name);
        if !value.is_null() {
            item.insert(name.to_owned(), value);
        }
    };
    match kind {
        Kind::Parking => PARKING.iter().for_each(|name| present(&mut item, name)),
        Kind::Air => {
            present(&mut item, "avg_s");
            let mut units = Map::new();
            for quantity in Quantity::all() {
                let value = cell(quantity.name());
                if !value.is_null() {
                    item.insert(quantity.name().to_owned(), value);
                    units.insert(quantity.name().to_owned(), json!(quantity.unit().symbol()));
                }
            }
            item.insert("units".to_owned(), Value::Object(units));
            present(&mut item, "as_sent");
            present(&mut item, "qc");
        }
    }
    TRANSPORT.iter().for_each(|name| present(&mut item, name));
    let bits = cell("flags").as_u64().and_then(|bits| u32::try_from(bits).ok()).unwrap_or_default();
    let flags: Vec<_> = Flags::from_bits(bits).names().collect();
    item.insert("flags".to_owned(), json!(flags));
    Value::Object(item)
}
