//! How the sensors are, one by one or counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::time::MICROS_PER_SECOND;
use domain::{Kind as SensorKind, SensorId, Timestamp};
use lake::contract::{LastHeard, SensorStatus};
use serde_json::{Value, json};

use super::{OPS, TAG};
use crate::answer::{Answer, List};
use crate::api::Endpoint;
use crate::app::App;
use crate::board::Standing;
use crate::call::Call;
use crate::completeness;
use crate::engine::EngineError;
use crate::language::Text;
use crate::parameter::{CURSOR, FaultKind, Kind, LIMIT, Parameter};
use crate::problem::Problem;
use crate::{cursor, format, schema};

const STATUSES: &[&str] = &["ok", "late", "silent", "provisional"];
const GROUPS: &[&str] = &["gateway", "site", "area", "profile", "status", "kind"];
const STATUS: Parameter = Parameter::query(
    "status",
    Kind::Word(STATUSES),
    "`late`: more than 2.5 intervals without a reading; `silent`: more than 10 of them and more than a day, or nothing was ever accepted; \
     `provisional`: the registry does not know it.",
);
const BATTERY: Parameter =
    Parameter::query("battery_lt", Kind::Number { min: 0.0, max: 100.0 }, "Battery below so many percent.").example("20");
const GROUP: Parameter = Parameter::query(
    "group_by",
    Kind::Word(GROUPS),
    "Counts by group instead of sensors. A sensor counts in each area that holds its site or station; what belongs to none is under \
     the group with an empty name.",
);
const COMPLETENESS: Parameter = Parameter::query(
    "completeness",
    Kind::Flag,
    "Whether to tell `completeness`, which reads a day of the lake. Unless asked for it is null where that would cost too much.",
)
.example("false");
const NOT_OF_GROUPS: Text =
    Text { en: "is of single sensors: leave group_by out", vi: "chỉ dùng cho từng cảm biến: hãy bỏ group_by" };

pub const ENDPOINT: Endpoint = Endpoint::get("/v1/ops/sensors", "sensors", |app, call| Box::pin(sensors(app, call)))
    .says(
        TAG,
        "How the sensors are",
        "Every sensor that was ever heard of, by id; one of which nothing was accepted yet has `observed_at` null. With `group_by`, counts \
         by status of each group instead, all on one page.",
    )
    .access(OPS)
    .takes(&[STATUS, BATTERY, GROUP, COMPLETENESS, LIMIT, CURSOR])
    .formats(format::ROWS)
    .bounded()
    .answers(|| schema::list(schema::any_of([sensor_schema(), group_schema()])), example);

async fn sensors(app: Arc<App>, call: Call) -> Result<Answer, Problem> {
    let (standing, now) = app.board.at(app.now()).await?;
    let completeness = call.arguments.chosen(COMPLETENESS.name);
    let wish =
        Wish { status: call.arguments.text(STATUS.name).map(str::to_owned), battery: call.arguments.number(BATTERY.name), now };
    let of = Arc::clone(&app);
    if let Some(group) = call.arguments.text(GROUP.name).map(str::to_owned) {
        if completeness == Some(true) {
            return Err(Problem::parameter(COMPLETENESS.name, FaultKind::Other(NOT_OF_GROUPS)));
        }
        let items = app.aside(move || Ok(grouped(&of, &group, &standing, &wish))).await?;
        return Ok(Answer::List(List::new(items, None, now)));
    }
    let (limit, after) = (call.arguments.size(LIMIT.name), cursor::read(&call.arguments, "sensors")?);
    let (found, next) = app.aside(move || Ok(page(&of, after, limit, &wish))).await?;
    let next = next.map(|last| cursor::write(&call.arguments, "sensors", &last));
    let shares = shares(&app, &found, completeness, now).await?;
    let items = found.iter().zip(shares).map(|(sensor, share)| {
        let mut item = item(sensor, now);
        item["completeness"] = json!(share);
        item
    });
    Ok(Answer::List(List::new(items.collect(), next, now)))
}

/// The completeness of each sensor, where it is wanted.
async fn shares(app: &App, found: &[SensorStatus], wanted: Option<bool>, now: Timestamp) -> Result<Vec<Option<f64>>, Problem> {
    let unknown = || vec![None; found.len()];
    if wanted == Some(false) {
        return Ok(unknown());
    }
    match completeness::of(&app.engine, &app.live.view().await?, found, now).await {
        Err(EngineError::TooCostly(_)) if wanted.is_none() => Ok(unknown()),
        shares => Ok(shares?),
    }
}

/// Which sensors.
struct Wish {
    status: Option<String>,
    battery: Option<f64>,
    now: Timestamp,
}

impl Wish {
    fn fits(&self, sensor: &SensorStatus) -> bool {
        let weak = |below: f64| sensor.heard.battery_pct.is_some_and(|pct| pct < below);
        self.status.as_ref().is_none_or(|wish| wish == status_of(sensor, self.now)) && self.battery.is_none_or(weak)
    }
}

/// Sensors that are looked at in one step: nobody waits long for their copy.
const STEP: usize = 1_000;

/// The sensors of a page, and the last one's id where more follow.
fn page(app: &App, after: Option<SensorId>, limit: usize, wish: &Wish) -> (Vec<SensorStatus>, Option<SensorId>) {
    let mut found: Vec<SensorStatus> = Vec::new();
    let mut after = after;
    loop {
        let step = app.live.sensors(after.as_ref(), STEP);
        let is_last = step.len() < STEP;
        after = step.last().map(|sensor| sensor.heard.sensor.clone());
        for sensor in step.into_iter().filter(|sensor| wish.fits(sensor)) {
            if found.len() == limit {
                let last = found.last().map(|sensor| sensor.heard.sensor.clone());
                return (found, last);
            }
            found.push(sensor);
        }
        if is_last {
            return (found, None);
        }
    }
}

fn grouped(app: &App, group: &str, standing: &Standing, wish: &Wish) -> Vec<Value> {
    let mut groups: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    let mut after = None;
    loop {
        let step = app.live.sensors(after.as_ref(), STEP);
        for sensor in step.iter().filter(|sensor| wish.fits(sensor)) {
            let status = status_of(sensor, wish.now);
            for name in groups_of(sensor, group, status, standing) {
                *groups.entry(name).or_default().entry(status).or_default() += 1;
            }
        }
        after = step.last().map(|sensor| sensor.heard.sensor.clone());
        if step.len() < STEP {
            break;
        }
    }
    let items = groups.into_iter().map(|(name, counts)| {
        let mut item = json!({"group": name, "sensors": counts.values().sum::<u64>()});
        for status in STATUSES {
            item[*status] = json!(counts.get(status).copied().unwrap_or(0));
        }
        item
    });
    items.collect()
}

/// Never none: what belongs nowhere is under the empty name.
fn groups_of(sensor: &SensorStatus, group: &str, status: &str, standing: &Standing) -> Vec<String> {
    let names = match group {
        "gateway" => sensor.heard.gateway.iter().cloned().collect(),
        "profile" => sensor.profile.iter().cloned().collect(),
        "kind" => sensor.heard.last.iter().map(|last| last.kind.name().to_owned()).collect(),
        "status" => vec![status.to_owned()],
        "site" => site_of(sensor, standing).map(|site| standing.layout.sites[site].site.id.to_string()).into_iter().collect(),
        _ => areas_of(sensor, standing),
    };
    if names.is_empty() { vec![String::new()] } else { names }
}

/// A place in the layout: the site of its bay, or the lot that it counts.
fn site_of(sensor: &SensorStatus, standing: &Standing) -> Option<usize> {
    let target = sensor.target.as_ref().filter(|_| sensor.heard.last.is_some_and(|last| last.kind == SensorKind::Parking))?;
    let layout = &standing.layout;
    match layout.bay_by_id.get(target) {
        Some(&bay) => standing.site_of(bay),
        None => layout.site_by_id.get(target).copied(),
    }
}

fn areas_of(sensor: &SensorStatus, standing: &Standing) -> Vec<String> {
    let layout = &standing.layout;
    let station = || sensor.target.as_ref().and_then(|target| layout.station_by_id.get(target));
    let areas = match site_of(sensor, standing) {
        Some(site) => &layout.sites[site].areas,
        None => match station() {
            Some(&station) => &layout.stations[station].areas,
            None => return Vec::new(),
        },
    };
    areas.iter().map(|&area| layout.areas[area].id.to_string()).collect()
}

/// Silent takes a day at least, so that a device that reports every minute is not given up over lunch.
const SILENT_MICROS_MIN: i64 = 86_400 * MICROS_PER_SECOND;

fn status_of(sensor: &SensorStatus, now: Timestamp) -> &'static str {
    let age = sensor.heard.last.map(|last| now.micros_since(last.observed_at));
    let intervals = |n: i64| i64::from(sensor.interval_s.unwrap_or(3_600)) * MICROS_PER_SECOND * n;
    match age {
        _ if !sensor.registered => "provisional",
        None => "silent",
        Some(age) if age > intervals(10).max(SILENT_MICROS_MIN) => "silent",
        Some(age) if age * 2 > intervals(5) => "late",
        Some(_) => "ok",
    }
}

fn item(sensor: &SensorStatus, now: Timestamp) -> Value {
    let heard = &sensor.heard;
    let time = |of: fn(LastHeard) -> Timestamp| heard.last.map(|last| of(last).to_string());
    json!({
        "sensor": heard.sensor,
        "kind": heard.last.map(|last| last.kind.name()),
        "status": status_of(sensor, now),
        "registered": sensor.registered,
        "target": sensor.target,
        "profile": sensor.profile,
        "observed_at": time(|last| last.observed_at),
        "received_at": time(|last| last.received_at),
        "age_s": heard.last.map(|last| now.micros_since(last.observed_at).max(0) / MICROS_PER_SECOND),
        "interval_s": sensor.interval_s,
        "battery_mv": heard.battery_mv,
        "battery_pct": heard.battery_pct,
        "rssi_dbm": heard.rssi_dbm,
        "gateway": heard.gateway,
    })
}

fn sensor_schema() -> Value {
    let [observed_at, _, _] = schema::age();
    schema::object([
        ("sensor", schema::text("its id")),
        ("kind", schema::or_null(schema::word(&["parking", "air"], "of its newest reading"))),
        ("status", schema::word(STATUSES, "as the parameter says")),
        ("registered", schema::flag("whether the registry knows it")),
        ("target", schema::or_null(schema::text("the bay, lot or station that it speaks for"))),
        ("profile", schema::or_null(schema::text("of its device, where the registry has one"))),
        observed_at,
        ("received_at", schema::or_null(schema::time("when its newest reading came"))),
        ("age_s", schema::or_null(schema::integer("seconds since `observed_at`"))),
        ("interval_s", schema::or_null(schema::integer("seconds between its readings, as its target expects them"))),
        ("battery_mv", schema::or_null(schema::integer("mV, as last told"))),
        ("battery_pct", schema::or_null(schema::number("%, as last told"))),
        ("rssi_dbm", schema::or_null(schema::number("dBm, as last told"))),
        ("gateway", schema::or_null(schema::text("that heard it last"))),
        (
            "completeness",
            schema::or_null(schema::number(
                "its readings of the last 24 hours in the share that its interval promises, at most 1; null for one that promises nothing",
            )),
        ),
    ])
}

fn group_schema() -> Value {
    schema::object([
        ("group", schema::text("its name; empty for what belongs to none")),
        ("sensors", schema::integer("in it")),
        ("ok", schema::integer("of them")),
        ("late", schema::integer("of them")),
        ("silent", schema::integer("of them")),
        ("provisional", schema::integer("of them")),
    ])
}

fn example() -> Value {
    json!({"items": [{"sensor": "bay-1", "kind": "parking", "status": "ok", "registered": true, "target": "bay-1", "profile": null,
        "observed_at": "2026-11-24T00:59:00Z", "received_at": "2026-11-24T00:59:00.2Z", "age_s": 60, "interval_s": 3600,
        "battery_mv": 3600, "battery_pct": 88.0, "rssi_dbm": -101.0, "gateway": "gw-7", "completeness": 0.96}],
        "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

#[cfg(test)]
mod tests;
