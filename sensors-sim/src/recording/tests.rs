//! Rows in the shape of the real files, and the real files where they are.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;

use super::*;

const AIRNOW: &str = "Site,Parameter,Date (LT),Year,Month,Day,Hour,NowCast Conc.,AQI,AQI Category,Raw Conc.,Conc. Unit,Duration,QC Name\r\n\
Hanoi,PM2.5 - Principal,2018-03-11 01:00 AM,2018,03,11,01,41.0,115,Unhealthy,40.5,UG/M3,1 Hr,Valid\r\n\
Hanoi,PM2.5 - Principal,2018-03-11 03:00 AM,2018,03,11,03,43.0,119,Unhealthy,43.0,UG/M3,1 Hr,Valid\r\n\
Hanoi,PM2.5 - Principal,2018-03-11 03:00 AM,2018,03,11,03,44.0,122,Unhealthy,44.1,UG/M3,1 Hr,Suspect\r\n\
Hanoi,PM2.5 - Principal,2018-03-11 12:00 PM,2018,03,11,12,-999.0,-999,N/A,-15.0,UG/M3,1 Hr,Invalid\r\n\
Hanoi,PM2.5 - Principal,2018-03-11 01:00 PM,2018,03,11,13,-999.0,-999,N/A,-999.0,UG/M3,1 Hr,Missing\r\n\
Hanoi,PM2.5 - Principal,2018-03-12 12:00 AM,2018,03,12,00,-999.0,-999,N/A,-999.0,UG/M3,1 Hr,Valid\r\n";

const PRSA: &str = "\"No\",\"year\",\"month\",\"day\",\"hour\",\"PM2.5\",\"PM10\",\"SO2\",\"NO2\",\"CO\",\"O3\",\"TEMP\",\"PRES\",\"DEWP\",\"RAIN\",\"wd\",\"WSPM\",\"station\"\r\n\
1,2013,3,1,0,4,4,4,7,300,77,-0.7,1023,-18.8,0,\"NNW\",4.4,\"Aotizhongxin\"\r\n\
2,2013,3,1,1,NA,8,NA,7,300,77,-1.1,1023.2,-18.2,0,NA,4.7,\"Aotizhongxin\"\r\n";

const AARHUS: &str = "vehiclecount,updatetime,_id,totalspaces,garagecode,streamtime\n\
869,2014-05-22 09:09:04.145,3,1240,SCANDCENTER,2014-11-03 16:18:44\n\
140,2014-10-26 02:28:41.67,4,130,BUSGADEHUSET,2014-11-03 16:18:44\n\
150,2014-10-26 03:28:41,5,130,BUSGADEHUSET,2014-11-03 16:18:44\n";

fn recording(text: &str) -> Recording {
    let mapping = Mapping::recognise(text.lines().next().unwrap_or_default()).expect("a shipped mapping knows it");
    Recording::of_text(text, mapping).expect("the header fits")
}

fn lines(text: &str) -> (Vec<String>, RecordingCounts) {
    let mut recording = recording(text);
    let lines =
        recording.ndjson_lines().map(|line| line.map_or_else(|error| error.to_string(), |line| line.trim_end().to_owned()));
    (lines.collect(), recording.counts())
}

fn micros(text: &str) -> i64 {
    Timestamp::parse_rfc3339(text).expect("valid").as_micros() / 1_000
}

#[test]
fn an_airnow_label_is_the_local_end_of_its_hour_and_doubled_labels_stay_doubled() {
    let (lines, counts) = lines(AIRNOW);
    let expected = |at: &str, rest: &str| {
        format!("{{\"kind\":\"air\",\"sensor\":\"us-embassy-Hanoi\",\"ts\":{},\"avg_s\":3600,{rest}}}", micros(at))
    };
    assert_eq!(
        lines,
        [
            expected("2018-03-11T01:00:00+07:00", "\"pm25\":40.5,\"qc\":\"valid\""),
            expected("2018-03-11T03:00:00+07:00", "\"pm25\":43.0,\"qc\":\"valid\""),
            expected("2018-03-11T03:00:00+07:00", "\"pm25\":44.1,\"qc\":\"suspect\""),
            expected("2018-03-11T12:00:00+07:00", "\"pm25\":-15.0,\"qc\":\"invalid\""),
        ]
    );
    assert_eq!((counts.rows, counts.readings, counts.missing, counts.refused), (6, 4, 2, 0));
}

#[test]
fn a_row_of_a_city_without_a_known_zone_is_refused_with_its_line() {
    let (lines, counts) =
        lines(&AIRNOW.replace("Hanoi,PM2.5 - Principal,2018-03-11 01:00 AM", "Atlantis,PM2.5 - Principal,2018-03-11 01:00 AM"));
    assert!(lines[0].starts_with("line 2: ") && lines[0].contains("Atlantis"), "{}", lines[0]);
    assert_eq!((counts.readings, counts.refused), (3, 1));
}

#[test]
fn a_prsa_row_gives_every_value_it_has() {
    let (lines, counts) = lines(PRSA);
    assert_eq!(
        lines[0],
        format!(
            "{{\"kind\":\"air\",\"sensor\":\"Aotizhongxin\",\"ts\":{},\"avg_s\":3600,\"pm25\":4.0,\"pm10\":4.0,\"so2\":4.0,\"no2\":7.0,\
             \"co\":300.0,\"o3\":77.0,\"temp_c\":-0.7,\"pressure_hpa\":1023.0,\"rain_mm\":0.0,\"wind_mps\":4.4,\"wind_deg\":337.5}}",
            micros("2013-03-01T00:00:00+08:00")
        )
    );
    assert!(!lines[1].contains("pm25") && !lines[1].contains("wind_deg") && lines[1].contains("\"pm10\":8.0"));
    assert_eq!((counts.readings, counts.missing_values), (2, 3));
}

#[test]
fn more_vehicles_than_spaces_give_a_negative_free() {
    let (lines, counts) = lines(AARHUS);
    let expected = |sensor: &str, at: &str, rest: &str| {
        format!("{{\"kind\":\"parking\",\"sensor\":\"{sensor}\",\"ts\":{},{rest}}}", micros(at))
    };
    assert_eq!(
        lines,
        [
            expected("SCANDCENTER", "2014-05-22T09:09:04.145+02:00", "\"free\":371,\"capacity\":1240"),
            expected("BUSGADEHUSET", "2014-10-26T02:28:41.67+02:00", "\"free\":-10,\"capacity\":130"),
            expected("BUSGADEHUSET", "2014-10-26T03:28:41+01:00", "\"free\":-20,\"capacity\":130"),
        ]
    );
    assert_eq!(counts.readings, 3);
}

#[test]
fn a_bad_cell_costs_neither_its_row_nor_the_next() {
    let text = PRSA.replace(",4,4,4,7,", ",4,four,4,7,").replace("2,2013,3,1,1", "2,2013,3,32,1") + "3,2013\r\n";
    let (lines, counts) = lines(&text);
    assert!(lines[0].contains("\"pm25\":4.0") && !lines[0].contains("pm10"));
    assert_eq!(lines[1], "line 2, column \"PM10\": \"four\" is no number");
    assert!(lines[2].starts_with("line 3: "), "{}", lines[2]);
    assert_eq!(lines[3], "line 4: 2 cells under 18 columns");
    assert_eq!((counts.rows, counts.readings, counts.refused, counts.refused_values), (3, 1, 2, 1));
}

#[test]
fn a_byte_order_mark_and_gzip_change_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("no-name-that-tells");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all("\u{feff}".as_bytes()).expect("memory");
    packed.write_all(AIRNOW.as_bytes()).expect("memory");
    std::fs::write(&path, packed.finish().expect("memory")).expect("written");
    let opened: Vec<_> = Recording::open(&path, None).expect("recognised").collect();
    assert_eq!(opened, recording(AIRNOW).collect::<Vec<_>>());
}

#[test]
fn a_torn_gzip_stream_is_told_and_ends_the_recording() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("torn.csv.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(AIRNOW.as_bytes()).expect("memory");
    let whole = packed.finish().expect("memory");
    std::fs::write(&path, &whole[..whole.len() - 200]).expect("written");
    let mut recording = Recording::open(&path, None).expect("recognised");
    let items: Vec<_> = recording.by_ref().collect();
    assert!(items.last().is_some_and(Result::is_err), "{items:?}");
    assert_eq!(recording.counts().refused, 1);
}

#[test]
fn an_unknown_header_is_told_with_the_names_of_the_mappings() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "a,b\n1,2\n").expect("written");
    let error = Recording::open(&path, None).err().expect("refused").to_string();
    assert!(error.contains("a,b") && error.contains("uci-prsa"), "{error}");
}

#[test]
fn times_move_together_with_shift_to_now() {
    let recorded = recording(AARHUS).next().expect("a row").expect("readable");
    let shifted = recorded.payload_at(Timestamp::from_micros(1));
    assert_eq!(shifted, "{\"ts\":\"1970-01-01T00:00:00.000001Z\",\"free\":371,\"capacity\":1240}");
}

/// The folder of real recordings; a test that needs it says so and passes where it is absent.
fn shared(file: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("KERBSIDE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = shared.join("data").join(file);
    if path.exists() {
        return Some(path);
    }
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "skipped: {} is absent (set KERBSIDE_SHARED)", path.display());
    None
}

/// Counts of a real file, and the identities that stand in it twice with different values.
fn tally(file: &str) -> Option<(RecordingCounts, usize)> {
    let mut recording = Recording::open(&shared(file)?, None).expect("recognised");
    let mut payloads: HashMap<(SensorId, Timestamp), Bytes> = HashMap::new();
    let mut conflicts = 0;
    for row in recording.by_ref() {
        let row = row.expect("the real files hold no unreadable row");
        let payload = row.payload();
        let first = payloads.entry((row.sensor, row.ts)).or_insert_with(|| payload.clone());
        conflicts += usize::from(*first != payload);
    }
    Some((recording.counts(), conflicts))
}

#[test]
fn the_hanoi_files_hold_three_doubled_labels_and_no_unreadable_row() {
    let expected = [(2016, 8_382, 402, 1), (2017, 8_698, 62, 1), (2018, 8_194, 145, 1), (2019, 1_885, 36, 0)];
    for (year, readings, missing, doubled) in expected {
        let Some((counts, conflicts)) = tally(&format!("air/Hanoi_PM2.5_{year}_YTD.csv.gz")) else { return };
        assert_eq!((counts.readings, counts.missing, counts.refused, conflicts), (readings, missing, 0, doubled), "{year}");
    }
}

#[test]
fn the_beijing_files_give_a_reading_a_row() {
    for (station, missing_values) in [("Aotizhongxin", 7_251), ("Dongsi", 7_580)] {
        let Some((counts, conflicts)) = tally(&format!("air/PRSA_Data_{station}_20130301-20170228.csv.gz")) else { return };
        assert_eq!((counts.rows, counts.readings, counts.refused, conflicts), (35_064, 35_064, 0, 0), "{station}");
        assert_eq!(counts.missing_values, missing_values, "{station}");
    }
}

#[test]
fn the_aarhus_file_gives_a_reading_a_row() {
    let Some((counts, conflicts)) = tally("parking/aarhus_parking_2014.csv.gz") else { return };
    assert_eq!((counts.rows, counts.readings, counts.refused, conflicts), (55_264, 55_264, 0, 0));
}

#[test]
fn the_melbourne_snapshot_reads_as_bays() {
    let Some((counts, _)) = tally("parking/melbourne_bays_snapshot_2024-12-05.csv.gz") else { return };
    assert_eq!((counts.rows, counts.refused), (3_296, 0));
}
