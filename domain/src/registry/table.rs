//! CSV as a registry file: the columns are the properties, `lon` and `lat` the point. It becomes GeoJSON first, so that one path
//! judges both.
//!
//! Spreadsheets differ: comma, semicolon or tab, with or without a byte order mark. Lists are separated by `;` in their cell, texts in
//! other languages stand in columns like `name:en`, and a cell that begins with `{` or `[` is JSON (`price`, `closed`, `bindings`).

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value, json};

use super::edit::{RowVerdict, Verdict};
use super::feature::near;

/// Columns whose cells are numbers.
const NUMBERS: [&str; 5] = ["capacity", "heartbeat_s", "max_stay_min", "min_dwell_s", "interval_s"];
/// Columns whose cells are lists of words.
const LISTS: [&str; 2] = ["features", "measures"];
/// Columns whose cells are JSON.
const NESTED: [&str; 4] = ["price", "closed", "bindings", "names"];

/// The same rows as a FeatureCollection, or what is wrong with the table: rows count from 1 without the header.
pub fn geojson_from_csv(bytes: &[u8]) -> Result<Vec<u8>, Vec<RowVerdict>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().delimiter(delimiter(bytes)).flexible(true).has_headers(true).from_reader(bytes);
    let columns = header(&mut reader).map_err(|detail| vec![refused(0, "header", detail)])?;
    let mut text = Vec::from(&b"{\"type\":\"FeatureCollection\",\"features\":["[..]);
    let mut refusals = Vec::new();
    let mut record = ByteRecord::new();
    for row in 1.. {
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                refusals.push(refused(row, "row", error.to_string()));
                break;
            }
        }
        match feature(&columns, &record) {
            Ok(feature) => {
                text.extend_from_slice(if text.ends_with(b"[") { b"\n" } else { b",\n" });
                text.extend_from_slice(feature.to_string().as_bytes());
            }
            Err((column, detail)) => refusals.push(refused(row, &column, detail)),
        }
    }
    text.extend_from_slice(b"\n]}\n");
    if refusals.is_empty() { Ok(text) } else { Err(refusals) }
}

/// The most frequent candidate in the header, outside quotes.
fn delimiter(bytes: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for &byte in bytes.iter().take_while(|&&byte| byte != b'\n') {
        quoted ^= byte == b'"';
        for (candidate, count) in &mut counts {
            *count += usize::from(!quoted && byte == *candidate);
        }
    }
    // The first of equals: a header of one column has none.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(candidate, _)| candidate)
}

fn header(reader: &mut csv::Reader<&[u8]>) -> Result<Vec<String>, String> {
    let header = reader.headers().map_err(|error| error.to_string())?;
    let columns: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    for needed in ["kind", "id"] {
        if !columns.iter().any(|column| column == needed) {
            let unknown = columns.iter().map(|column| (column, near(column, &[needed])));
            let meant: String =
                unknown.filter(|(_, near)| !near.is_empty()).map(|(name, near)| format!("; {name:?}{near}")).collect();
            return Err(format!("has no column {needed}{meant}"));
        }
    }
    match columns.iter().enumerate().find(|(index, column)| !column.is_empty() && columns[..*index].contains(column)) {
        Some((_, column)) => Err(format!("has column {column} twice")),
        None => Ok(columns),
    }
}

type Cell<T> = Result<T, (String, String)>;

fn feature(columns: &[String], record: &ByteRecord) -> Cell<Value> {
    if record.len() > columns.len() {
        return Err(("row".to_owned(), format!("has {} cells, the header {}", record.len(), columns.len())));
    }
    let mut properties = Map::new();
    let mut names = Map::new();
    let (mut lon, mut lat) = (None, None);
    for (column, cell) in columns.iter().zip(record) {
        let fault = |detail: &str| (column.clone(), detail.to_owned());
        let cell = std::str::from_utf8(cell).map_err(|_| fault("is not UTF-8"))?.trim();
        if cell.is_empty() || column.is_empty() {
            continue;
        }
        match column.as_str() {
            "lon" => lon = Some(degrees(cell).ok_or_else(|| fault("is no number of degrees"))?),
            "lat" => lat = Some(degrees(cell).ok_or_else(|| fault("is no number of degrees"))?),
            name if name.starts_with("name:") => {
                names.insert(name["name:".len()..].to_owned(), cell.into());
            }
            name => {
                properties.insert(name.to_owned(), value(name, cell).map_err(|detail| fault(&detail))?);
            }
        }
    }
    if !names.is_empty() {
        let all = properties.entry("names").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(all) = all {
            all.extend(names);
        }
    }
    let geometry = match (lon, lat) {
        (Some(lon), Some(lat)) => json!({ "type": "Point", "coordinates": [lon, lat] }),
        (None, None) => Value::Null,
        (Some(_), None) => return Err(("lat".to_owned(), "is missing beside lon".to_owned())),
        (None, Some(_)) => return Err(("lon".to_owned(), "is missing beside lat".to_owned())),
    };
    Ok(json!({ "type": "Feature", "properties": properties, "geometry": geometry }))
}

fn degrees(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What is no number where one is due stays text: the judge names the column and the type that it wants.
fn value(column: &str, cell: &str) -> Result<Value, String> {
    if NUMBERS.contains(&column) {
        return Ok(serde_json::from_str::<serde_json::Number>(cell).map_or_else(|_| cell.into(), Value::Number));
    }
    if LISTS.contains(&column) {
        return Ok(cell.split(';').map(str::trim).filter(|word| !word.is_empty()).map(Value::from).collect());
    }
    if NESTED.contains(&column) && cell.starts_with(['{', '[']) {
        return serde_json::from_str(cell).map_err(|error| format!("is no JSON: {error}"));
    }
    // A plain price is what a driver reads.
    Ok(if column == "price" { json!({ "text": cell }) } else { cell.into() })
}

fn refused(row: usize, field: &str, detail: String) -> RowVerdict {
    let (field, detail) = (Some(field.to_owned()), Some(detail));
    RowVerdict { row, kind: None, id: None, verdict: Verdict::Refused, field, detail }
}
