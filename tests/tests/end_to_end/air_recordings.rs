//! The real recordings of Hanoi and Beijing through MQTT: every valid row is answered with the file's value and time.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use tests::shared;
use tests::{Server, server};

use super::journey::settle;

const HANOI: [&str; 4] = ["2016", "2017", "2018", "2019"];

pub type Row = BTreeMap<String, String>;
/// Instant in µs to the file's value: the first of a label that comes twice.
type Expected = BTreeMap<i64, f64>;

#[test]
fn every_valid_row_of_the_hanoi_files_is_answered_and_replaying_again_changes_nothing() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let mut expected = Expected::new();
    let (mut conflicts, mut rows_sent) = (0, 0);
    for year in HANOI {
        let Some(file) = shared::file(&format!("air/Hanoi_PM2.5_{year}_YTD.csv.gz")) else { return Ok(()) };
        for row in rows(&file)? {
            let value: f64 = row["Raw Conc."].parse()?;
            if value == -999.0 {
                continue;
            }
            rows_sent += 1;
            let first = *expected.entry(hanoi_micros(&row["Date (LT)"])?).or_insert(value);
            conflicts += u64::from(first != value);
        }
        replay(&server, &file, &["--sensor", "us-embassy"])?;
    }
    settle(&server, rows_sent)?;
    check(&server, "us-embassy", &expected)?;
    let ledger = server.api().ledger()?;
    assert_eq!((conflicts, ledger.rejected("conflict")), (3, 3));
    assert_eq!(ledger.accepted, expected.len() as u64);

    for restart in [false, true] {
        if restart {
            assert!(server.stop()?.success());
            server.restart()?;
        }
        let before = server.api().ledger()?;
        for year in HANOI {
            let Some(file) = shared::file(&format!("air/Hanoi_PM2.5_{year}_YTD.csv.gz")) else { return Ok(()) };
            replay(&server, &file, &["--sensor", "us-embassy"])?;
        }
        settle(&server, before.received + rows_sent)?;
        check(&server, "us-embassy", &expected)?;
        assert_eq!(server.api().ledger()?.accepted, expected.len() as u64);
    }
    Ok(())
}

#[test]
fn every_valid_row_of_the_beijing_files_is_answered() -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut sent = 0;
    let mut stations = Vec::new();
    for station in ["Aotizhongxin", "Dongsi"] {
        let Some(file) = shared::file(&format!("air/PRSA_Data_{station}_20130301-20170228.csv.gz")) else { return Ok(()) };
        let mut expected: BTreeMap<&str, Expected> = BTreeMap::new();
        for row in rows(&file)? {
            let at = beijing_micros(&row)?;
            let mut any = false;
            for (column, key) in [
                ("PM2.5", "pm25"),
                ("PM10", "pm10"),
                ("SO2", "so2"),
                ("NO2", "no2"),
                ("CO", "co"),
                ("O3", "o3"),
                ("TEMP", "temp_c"),
                ("PRES", "pressure_hpa"),
                ("RAIN", "rain_mm"),
                ("WSPM", "wind_mps"),
            ] {
                if row[column] != "NA" {
                    expected.entry(key).or_default().insert(at, row[column].parse()?);
                    any = true;
                }
            }
            sent += u64::from(any);
        }
        replay(&server, &file, &["--sensor", station])?;
        stations.push((station, expected));
    }
    settle(&server, sent)?;
    for (station, expected) in &stations {
        let items = server.api().readings(station)?;
        for (key, values) in expected {
            let got: Expected = items.iter().filter_map(|item| Some((micros(item), item[*key].as_f64()?))).collect();
            assert_eq!(&got, values, "{station} {key}");
        }
    }
    assert_eq!(server.api().ledger()?.accepted, sent);
    Ok(())
}

fn check(server: &Server, sensor: &str, expected: &Expected) -> anyhow::Result<()> {
    let items = server.api().readings(sensor)?;
    let got: Expected = items.iter().filter_map(|item| Some((micros(item), item["pm25"].as_f64()?))).collect();
    assert_eq!(items.len(), got.len(), "one item an hour");
    assert_eq!(&got, expected);
    Ok(())
}

pub fn replay(server: &Server, file: &Path, more: &[&str]) -> anyhow::Result<()> {
    let (file, url) = (file.to_string_lossy(), server.mqtt_url());
    let output = server::run(&["replay", &file, "--speed", "max", "--broker", &url], more)?;
    assert!(output.status.success(), "{output:?}");
    Ok(())
}

pub fn rows(file: &Path) -> anyhow::Result<Vec<Row>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file)?).read_to_string(&mut text)?;
    let text = text.trim_start_matches('\u{feff}');
    Ok(csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>()?)
}

fn micros(item: &serde_json::Value) -> i64 {
    let text = item["observed_at"].as_str().expect("every item has observed_at");
    domain::Timestamp::parse_rfc3339(text).expect("observed_at is RFC 3339").as_micros()
}

/// `2016-03-13 03:00 AM`, hour-ending, UTC+7.
fn hanoi_micros(label: &str) -> anyhow::Result<i64> {
    let (date, time) = label.split_once(' ').ok_or_else(|| anyhow::anyhow!("{label}"))?;
    let (clock, half) = time.split_once(' ').ok_or_else(|| anyhow::anyhow!("{label}"))?;
    let hour: i64 = clock.split(':').next().unwrap_or_default().parse()?;
    let hour = hour % 12 + if half == "PM" { 12 } else { 0 };
    Ok(midnight(date, 7)? + hour * 3_600_000_000)
}

/// Hour-ending labels, UTC+8, as the shipped mapping reads them: the publisher does not say which end its labels name.
fn beijing_micros(row: &Row) -> anyhow::Result<i64> {
    let date = format!("{}-{:0>2}-{:0>2}", row["year"], row["month"], row["day"]);
    Ok(midnight(&date, 8)? + row["hour"].parse::<i64>()? * 3_600_000_000)
}

fn midnight(date: &str, offset_hours: i64) -> anyhow::Result<i64> {
    let midnight = domain::Timestamp::parse_rfc3339(&format!("{date}T00:00:00Z"))?;
    Ok(midnight.as_micros() - offset_hours * 3_600_000_000)
}
