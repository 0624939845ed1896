//! Every format says the same, and columns of one name stay apart.

use std::sync::Arc;

use ::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use ::arrow::datatypes::{DataType, Field, Schema};
use ::arrow::ipc::reader::StreamReader;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::*;
use crate::tests::fixture::at;

fn rows() -> Rows {
    let fields = [("n", DataType::Int64), ("text", DataType::Utf8), ("n", DataType::Float64)];
    let schema = Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(1), None])),
        Arc::new(StringArray::from(vec![Some("a,\"b\""), None])),
        Arc::new(Float64Array::from(vec![0.5, f64::NAN])),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns of the schema");
    Rows { schema, batches: vec![batch] }
}

fn written(rows: &Rows, format: Format) -> Bytes {
    write(rows, format, at("2026-11-24T01:00:00Z")).expect("every format has these types")
}

#[test]
fn json_names_the_columns_and_keeps_both_of_one_name() {
    let answer: Value = serde_json::from_slice(&written(&rows(), Format::Json)).expect("JSON");
    assert_eq!(answer["items"], json!([{"n": 1, "text": "a,\"b\"", "n_2": 0.5}, {"n": null, "text": null, "n_2": "NaN"}]));
    assert_eq!(answer["columns"][2], json!({"name": "n_2", "type": "Float64"}));
    assert_eq!((&answer["next"], &answer["as_of"]), (&Value::Null, &json!("2026-11-24T01:00:00Z")));
}

#[test]
fn csv_and_ndjson_have_a_line_a_row() {
    assert_eq!(written(&rows(), Format::Csv), "n,text,n_2\r\n1,\"a,\"\"b\"\"\",0.5\r\n,,NaN\r\n");
    let lines = written(&rows(), Format::NdJson);
    assert_eq!(lines, "{\"n\":1,\"text\":\"a,\\\"b\\\"\",\"n_2\":0.5}\n{\"n\":null,\"text\":null,\"n_2\":\"NaN\"}\n");
}

#[test]
fn an_answer_without_rows_still_has_its_columns() {
    let empty = Rows { batches: Vec::new(), ..rows() };
    assert_eq!(written(&empty, Format::Csv), "n,text,n_2\r\n");
    assert_eq!(written(&empty, Format::NdJson), "");
    let answer: Value = serde_json::from_slice(&written(&empty, Format::Json)).expect("JSON");
    assert_eq!((answer["items"].as_array().map(Vec::len), answer["columns"].as_array().map(Vec::len)), (Some(0), Some(3)));
}

#[test]
fn arrow_and_parquet_read_back_as_they_were() {
    let rows = rows();
    let stream = StreamReader::try_new(std::io::Cursor::new(written(&rows, Format::Arrow)), None).expect("a stream");
    let streamed: Vec<RecordBatch> = stream.collect::<Result<_, _>>().expect("batches");
    let file = ParquetRecordBatchReader::try_new(written(&rows, Format::Parquet), 1_024).expect("a file");
    let filed: Vec<RecordBatch> = file.collect::<Result<_, _>>().expect("batches");
    for read in [streamed, filed] {
        assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
        assert_eq!(read[0].column(1).as_ref(), rows.batches[0].column(1).as_ref());
    }
}
