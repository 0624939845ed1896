//! Means, indices and limits against whoever else reckoned them: the official NowCast of Hanoi, and an oracle in Python that reads the raw
//! rows of the lake by DuckDB and knows nothing but the definitions.

use std::path::Path;
use std::process::Command;

use domain::Timestamp;
use domain::rng::Rng;
use serde_json::{Value, json};
use tests::program::say;
use tests::publisher::{Message, publish_all};
use tests::{Api, Server, program, shared};

use super::air_recordings::{replay, rows};
use super::crash::chance;
use super::journey::{drained, settle};

const HOUR_MICROS: i64 = 3_600_000_000;

fn station(id: &str, interval_s: i64) -> Value {
    json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]},
        "properties": {"kind": "station", "id": id, "class": "reference", "interval_s": interval_s}})
}

fn register(server: &Server, features: &[Value]) -> anyhow::Result<()> {
    let features = json!({"type": "FeatureCollection", "features": features}).to_string();
    let answer = server.api().post("/v1/registry", "application/geo+json", features.as_bytes())?;
    anyhow::ensure!(answer.status == 200, "{}", answer.body);
    Ok(())
}

fn micros(value: &Value) -> anyhow::Result<i64> {
    let text = value.as_str().ok_or_else(|| anyhow::anyhow!("{value} is no time"))?;
    Ok(Timestamp::parse_rfc3339(text)?.as_micros())
}

fn text(at: i64) -> String {
    Timestamp::from_micros(at).to_string()
}

#[test]
fn the_api_tells_the_official_nowcast_and_index_of_every_hour_of_hanoi() -> anyhow::Result<()> {
    let Some(vectors) = shared::file("vectors/hanoi_official_nowcast_vectors.csv.gz") else { return Ok(()) };
    let server = Server::start()?;
    register(&server, &[station("us-embassy", 3_600)])?;
    for year in ["2018", "2019"] {
        let Some(file) = shared::file(&format!("air/Hanoi_PM2.5_{year}_YTD.csv.gz")) else { return Ok(()) };
        replay(&server, &file, &["--sensor", "us-embassy"])?;
    }
    drained(&server)?;
    let mut told = std::collections::BTreeMap::new();
    let api = server.api();
    for (from, to) in [("2018-07-01", "2019-01-02"), ("2019-07-01", "2020-01-02")] {
        let path = format!("/v1/air/aqi?station=us-embassy&index=us_epa&from={from}T00:00:00%2B07:00&to={to}T00:00:00%2B07:00");
        for item in api.list(&path)? {
            told.insert(micros(&item["to"])?, item);
        }
    }
    let mut checked = 0;
    for row in rows(&vectors)?.into_iter().filter(|row| row["match"] == "1") {
        let label = Timestamp::parse_rfc3339(&format!("{}:00+07:00", row["local_time_label"].replace(' ', "T")))?;
        let item = told.get(&label.as_micros()).ok_or_else(|| anyhow::anyhow!("{label} is not told"))?;
        let official = (row["official_nowcast"].parse::<f64>().ok(), row["official_aqi_2012bp"].parse::<i64>().ok());
        let made = (item["subindices"]["pm25"]["read"].as_f64(), item["aqi"].as_i64());
        assert_eq!(made, official, "{row:?} {item}");
        checked += 1;
    }
    assert_eq!(checked, 6_111);
    Ok(())
}

/// Whose readings are a station's: sensor, from, to.
type Speakers = Vec<(String, i64, i64)>;
const EVER: (i64, i64) = (-(1 << 62), 1 << 62);

/// A question about one station, as the oracle is asked it, too.
struct Question<'a> {
    station: &'a str,
    speakers: &'a Speakers,
    interval_s: i64,
    quantity: &'a str,
    layer: &'a str,
    bucket: &'a str,
    basis: &'a str,
    min_coverage: f64,
    tz: &'a str,
    span: (i64, i64),
}

impl Question<'_> {
    fn ask(&self, api: &Api) -> anyhow::Result<Value> {
        let Self { station, quantity, layer, bucket, basis, min_coverage, tz, span: (from, to), .. } = self;
        let path = format!(
            "/v1/air/measurements?station={station}&pollutant={quantity}&layer={layer}&bucket={bucket}&basis={basis}\
             &min_coverage={min_coverage}&tz={tz}&from={}&to={}",
            text(*from),
            text(*to)
        );
        let answer = api.get(&path)?;
        let items = answer["items"].as_array().ok_or_else(|| anyhow::anyhow!("no items"))?;
        let items = items.iter().map(|item| {
            let mut told = item.clone();
            (told["from"], told["to"]) = (json!(micros(&item["from"])?), json!(micros(&item["to"])?));
            Ok(told)
        });
        Ok(
            json!({"station": station, "speakers": self.speakers, "interval_s": self.interval_s, "quantity": quantity, "layer": layer,
            "bucket": bucket, "basis": basis, "min_coverage": min_coverage, "tz": tz, "from": from, "to": to,
            "as_of": micros(&answer["as_of"])?, "items": items.collect::<anyhow::Result<Vec<_>>>()?}),
        )
    }
}

fn oracle(data_dir: &Path, answers: &Value) -> anyhow::Result<()> {
    let file = data_dir.with_extension("answers.json");
    std::fs::write(&file, answers.to_string())?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/air_windows.py");
    let output = Command::new(program::python()?).arg(script).arg(data_dir).arg(&file).output()?;
    std::fs::remove_file(&file)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    say(String::from_utf8_lossy(&output.stdout).trim());
    Ok(())
}

/// The limits as the texts have them, not as Kerbside's files do: in the canonical unit, or by a factor.
const LIMITS: [(&str, &[(&str, &str, f64, f64)]); 2] = [
    (
        "qcvn05_2013",
        &[
            ("so2", "1h", 350.0, 1.0),
            ("so2", "24h", 125.0, 1.0),
            ("so2", "1y", 50.0, 1.0),
            ("co", "1h", 30_000.0, 1.0),
            ("co", "8h", 10_000.0, 1.0),
            ("no2", "1h", 200.0, 1.0),
            ("no2", "24h", 100.0, 1.0),
            ("no2", "1y", 40.0, 1.0),
            ("o3", "1h", 200.0, 1.0),
            ("o3", "8h", 120.0, 1.0),
            ("pm10", "24h", 150.0, 1.0),
            ("pm10", "1y", 50.0, 1.0),
            ("pm25", "24h", 50.0, 1.0),
            ("pm25", "1y", 25.0, 1.0),
        ],
    ),
    (
        "who_2021",
        &[
            ("pm25", "24h", 15.0, 1.0),
            ("pm25", "1y", 5.0, 1.0),
            ("pm10", "24h", 45.0, 1.0),
            ("pm10", "1y", 15.0, 1.0),
            ("o3", "8h", 100.0, 1.0),
            ("no2", "1h", 200.0, 1.0),
            ("no2", "24h", 25.0, 1.0),
            ("no2", "1y", 10.0, 1.0),
            ("so2", "24h", 40.0, 1.0),
            ("co", "1h", 35.0, 0.001),
            ("co", "8h", 10.0, 0.001),
            ("co", "24h", 4.0, 0.001),
        ],
    ),
];

#[test]
fn means_and_exceedances_of_beijing_are_those_of_an_independent_recomputation() -> anyhow::Result<()> {
    let mut server = Server::start_with("serve", &["--set", "city.zone=Asia/Shanghai"])?;
    let stations = ["Aotizhongxin", "Dongsi"];
    register(&server, &stations.map(|id| station(id, 3_600)))?;
    let mut sent = 0;
    for id in stations {
        let Some(file) = shared::file(&format!("air/PRSA_Data_{id}_20130301-20170228.csv.gz")) else { return Ok(()) };
        let columns = ["PM2.5", "PM10", "SO2", "NO2", "CO", "O3", "TEMP", "PRES", "RAIN", "WSPM"];
        sent += rows(&file)?.iter().filter(|row| columns.iter().any(|column| row[*column] != "NA")).count() as u64;
        replay(&server, &file, &["--sensor", id])?;
    }
    settle(&server, sent)?;
    let api = server.api();
    let at = |text: &str| Timestamp::parse_rfc3339(text).map(Timestamp::as_micros);
    let span = (at("2013-01-01T00:00:00+08:00")?, at("2018-01-01T00:00:00+08:00")?);
    let (mut series, mut invalid) = (Vec::new(), 0);
    for id in stations {
        let speakers = vec![(id.to_owned(), EVER.0, EVER.1)];
        for quantity in ["pm25", "pm10", "so2", "no2", "co", "o3"] {
            for (bucket, basis) in [("24h", "24h"), ("1mo", "24h"), ("1mo", "1h"), ("1y", "24h"), ("1y", "1h")] {
                let (station, speakers, min_coverage) = (id, &speakers, 0.75);
                let (interval_s, layer, tz) = (3_600, "checked", "Asia/Shanghai");
                let question = Question { station, speakers, interval_s, quantity, layer, bucket, basis, min_coverage, tz, span };
                let told = question.ask(&api)?;
                let items = told["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                invalid += items.iter().filter(|item| item["n"].as_u64() > Some(0) && item["valid"] == false).count();
                series.push(told);
            }
        }
    }
    assert!(invalid > 50, "gaps lower the coverage and invalidate: {invalid}");
    let mut exceedances = Vec::new();
    for (standard, limits) in LIMITS {
        let mut items = Vec::new();
        for year in 2013..2018 {
            let (from, to) = (format!("{year}-01-01T00:00:00%2B08:00"), format!("{}-01-01T00:00:00%2B08:00", year + 1));
            items.extend(api.list(&format!("/v1/air/exceedances?standard={standard}&from={from}&to={to}"))?);
        }
        assert!(items.len() > 500, "{standard}: {}", items.len());
        for item in &mut items {
            (item["from"], item["to"]) = (json!(micros(&item["from"])?), json!(micros(&item["to"])?));
        }
        let limits: Vec<_> = limits
            .iter()
            .map(|(quantity, averaging, value, factor)| {
                json!({"quantity": quantity, "averaging": averaging, "value": value, "factor": factor})
            })
            .collect();
        exceedances.push(json!({"standard": standard, "stations": stations, "limits": limits, "from": span.0, "to": span.1,
            "as_of": at("2026-01-01T00:00:00Z")?, "items": items}));
    }
    assert!(server.stop()?.success());
    oracle(&server.data_dir(), &json!({"zone": "Asia/Shanghai", "series": series, "exceedances": exceedances}))
}

/// One station's random past.
struct Case {
    id: String,
    interval_s: i64,
    quantity: &'static str,
    speakers: Speakers,
    base: i64,
    /// What lies ahead would be held until it is due.
    now: i64,
    messages: Vec<Message>,
}

const SPAN_MICROS: i64 = 3 * 24 * HOUR_MICROS;

impl Case {
    fn new(number: usize, base: i64, now: i64, chance: &mut Rng) -> Self {
        let id = format!("station-{number}");
        let pick = |chance: &mut Rng, all: &[i64]| all[chance.below(all.len() as u64) as usize];
        let quantity = ["pm25", "no2", "co", "temp_c"][chance.below(4) as usize];
        let swap = base + SPAN_MICROS / 2;
        let speakers = match chance.below(4) {
            0 => vec![(format!("{id}-a"), EVER.0, swap), (format!("{id}-b"), swap, EVER.1)],
            _ => vec![(id.clone(), EVER.0, EVER.1)],
        };
        let interval_s = pick(chance, &[60, 300, 3_600]);
        let mut case = Self { id, interval_s, quantity, speakers, base, now, messages: Vec::new() };
        for _ in 0..1 + chance.below(2) {
            let avg_s = pick(chance, &[0, 60, 300, 900, 3_600, 3_600, 86_400]);
            case.run(avg_s, chance);
        }
        for place in (1..case.messages.len()).rev() {
            case.messages.swap(place, chance.below(place as u64 + 1) as usize);
        }
        case
    }

    /// Readings of one averaging time: some in a row, a gap, and so on.
    fn run(&mut self, avg_s: i64, chance: &mut Rng) {
        let step = if avg_s == 0 { self.interval_s } else { avg_s } * 1_000_000;
        let mut at = self.base + (chance.below(24) as i64) * HOUR_MICROS;
        let mut readings = Vec::new();
        while at < (self.base + SPAN_MICROS).min(self.now - 2 * step) && readings.len() < 150 {
            let leap = if chance.below(40) == 0 { chance.below(60) as i64 } else { 1 };
            at = (at + leap * step).min(self.now - step);
            let jitter = if chance.below(10) == 0 { chance.below(1_000_000) as i64 } else { 0 };
            readings.push(self.reading(at + jitter, avg_s, chance));
        }
        for (sensor, from, to) in &self.speakers {
            let own: Vec<_> = readings.iter().filter(|(at, _)| from <= at && at < to).map(|(_, text)| text.as_str()).collect();
            for part in own.chunks(20) {
                let payload = format!("[{}]", part.join(",")).into_bytes();
                let message = (format!("kerbside/v1/air/{sensor}"), payload);
                // Some come again.
                self.messages.extend(std::iter::repeat_n(message, 1 + usize::from(chance.below(10) == 0)));
            }
        }
    }

    fn reading(&self, at: i64, avg_s: i64, chance: &mut Rng) -> (i64, String) {
        let value = match chance.below(60) {
            0 => -999.0,
            1 => 9_999.0,
            2 => -20_000.0,
            _ => chance.below(100_000) as f64 / 1_000.0,
        };
        let qc = match chance.below(20) {
            0 => r#","qc":"invalid""#,
            1 => r#","qc":"suspect""#,
            2 => r#","qc":"calibration""#,
            _ => "",
        };
        let units = if self.quantity == "no2" && chance.below(3) == 0 { r#","units":{"no2":"ppb"}"# } else { "" };
        (at, format!(r#"{{"ts":"{}","avg_s":{avg_s},"{}":{value}{qc}{units}}}"#, text(at), self.quantity))
    }

    fn features(&self) -> Vec<Value> {
        let mut features = vec![station(&self.id, self.interval_s)];
        if let [(first, _, swap), (second, ..)] = self.speakers.as_slice() {
            let device = |id: &str, from: Option<i64>, to: Option<i64>| {
                let binding = json!({"target": self.id, "from": from.map(text), "to": to.map(text)});
                json!({"type": "Feature", "geometry": null, "properties": {"kind": "device", "id": id, "bindings": [binding]}})
            };
            features.extend([device(first, None, Some(*swap)), device(second, Some(*swap), None)]);
        }
        features
    }
}

/// Both clock changes of 2026 in Tallinn, a zone whose hours begin at a quarter to, one without changes; and what runs now.
const CITIES: [(&str, &[&str], &[&str]); 3] = [
    ("Europe/Tallinn", &["2026-03-27T22:00:00Z", "2026-10-23T21:00:00Z"], &["Europe/Tallinn", "Asia/Ho_Chi_Minh"]),
    ("Asia/Kathmandu", &["2026-05-30T18:15:00Z"], &["Asia/Kathmandu"]),
    ("Asia/Ho_Chi_Minh", &["2025-12-30T17:00:00Z"], &["Asia/Ho_Chi_Minh", "UTC"]),
];

fn random_cases(city: usize, count: usize) -> anyhow::Result<()> {
    let (zone, dates, zones) = CITIES[city];
    let mut chance = chance();
    let mut server = Server::start_with("serve", &["--set", &format!("city.zone={zone}"), "--set", "ingest.commit_s=1"])?;
    let now = jiff::Timestamp::now().as_microsecond();
    let cases = (0..count).map(|number| {
        let base = match number % 10 {
            0 => now - 2 * SPAN_MICROS / 3,
            _ => Timestamp::parse_rfc3339(dates[number % dates.len()])?.as_micros(),
        };
        Ok(Case::new(number, base, now, &mut chance))
    });
    let cases = cases.collect::<anyhow::Result<Vec<_>>>()?;
    register(&server, &cases.iter().flat_map(Case::features).collect::<Vec<_>>())?;
    let messages: Vec<Message> = cases.iter().flat_map(|case| case.messages.iter().cloned()).collect();
    let (early, late) = messages.split_at(messages.len() / 2);
    assert_eq!(publish_all(server.mqtt(), early, 2, "early").len(), early.len());
    server.kill()?;
    server.restart()?;
    assert_eq!(publish_all(server.mqtt(), late, 2, "late").len(), late.len());
    drained(&server)?;
    let api = server.api();
    let mut series = Vec::new();
    for case in &cases {
        for bucket in ["1h", ["8h", "24h"][chance.below(2) as usize], ["1m", "1mo", "1y"][chance.below(3) as usize]] {
            let from = case.base + chance.below(24) as i64 * HOUR_MICROS;
            let to = from + if bucket == "1m" { 2 * HOUR_MICROS } else { SPAN_MICROS + chance.below(3 * 3_600_000_000) as i64 };
            let question = Question {
                station: &case.id,
                speakers: &case.speakers,
                interval_s: case.interval_s,
                quantity: case.quantity,
                layer: ["raw", "checked"][chance.below(2) as usize],
                bucket,
                basis: ["24h", "1h"][chance.below(2) as usize],
                min_coverage: [0.75, 0.75, 0.0, 0.5, 1.0][chance.below(5) as usize],
                tz: zones[chance.below(zones.len() as u64) as usize],
                span: (from, to),
            };
            series.push(question.ask(&api)?);
        }
    }
    assert!(server.stop()?.success());
    oracle(&server.data_dir(), &json!({"zone": zone, "series": series}))
}

#[test]
fn random_stations_of_a_city_with_clock_changes_agree_with_the_oracle() -> anyhow::Result<()> {
    random_cases(0, 400)
}

#[test]
fn random_stations_of_a_city_whose_hours_begin_at_a_quarter_agree_with_the_oracle() -> anyhow::Result<()> {
    random_cases(1, 300)
}

#[test]
fn random_stations_of_hanoi_agree_with_the_oracle() -> anyhow::Result<()> {
    random_cases(2, 300)
}
