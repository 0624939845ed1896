//! A station's index by hour or by day, as its text defines it.

use std::time::Duration;

use domain::Timestamp;
use domain::air::window::{Bucket, Grid};
use domain::limits::AQI_ITEMS_MAX;
use serde_json::{Value, json};

use super::TAG;
use super::measurements::{LAYER, STATION, absent, layer_of, reach, station_of};
use crate::air_index::{self, HOUR_MICROS, HOURS_BEFORE_HOUR, Wanted};
use crate::answer::{Answer, List};
use crate::api::{Endpoint, Freshness};
use crate::app::App;
use crate::call::Call;
use crate::language::{Language, Text};
use crate::parameter::{FROM, FaultKind, Kind, Parameter, TO};
use crate::problem::Problem;
use crate::samples::{self, Wish};
use crate::span::Asked;
use crate::standards::{INDICES, STANDARDS};
use crate::{format, schema};

const INDEX: Parameter = Parameter::query("index", Kind::Word(INDICES), "The index.").or("vn_aqi");
const TABLE: Parameter = Parameter::query(
    "table",
    Kind::Text { bytes_max: 32 },
    "An edition of the index, such as `2012` or `2024` of `us_epa`; the one in force on each day unless said.",
);
const KIND: Parameter =
    Parameter::query("kind", Kind::Word(&["hour", "day"]), "Of each hour, or of each local day of the city.").or("hour");

pub const ENDPOINTS: &[Endpoint] = &[Endpoint::get("/v1/air/aqi", "aqi", |app, call| Box::pin(async move { aqi(&app, call).await }))
    .says(
        TAG,
        "A station's index",
        "Of each hour or day of the span, by the text of the index: `vn_aqi` (Decision 1459/QĐ-TCMT), `us_epa` (the table in force that day), \
         `eu_aqi` (`aqi` is the band, 1 to 6; hours only). It is made of valid hourly means only. Where it cannot be said, `aqi` is null and \
         `reason` says why: `no_data`, `too_few_hours`, `outside_table`, `required_missing` (`vn_aqi` needs particles), `not_in_force`, \
         `running` (the hour or day is not over).",
    )
    .freshness(Freshness::Settled)
    .takes(&[STATION, INDEX, TABLE, KIND, LAYER, FROM, TO])
    .bounded()
    .formats(format::ROWS)
    .answers(aqi_schema, aqi_example)];

const TOO_MANY: Text = Text {
    en: "these are too many items for one answer: ask for a shorter time",
    vi: "quá nhiều mục cho một câu trả lời: hãy hỏi khoảng thời gian ngắn hơn",
};
const NO_TABLE: Text = Text { en: "is no table of this index", vi: "không phải bảng của chỉ số này" };
const NO_DAYS: Text = Text { en: "this index is not made of days", vi: "chỉ số này không tính theo ngày" };

async fn aqi(app: &App, call: Call) -> Result<Answer, Problem> {
    let (view, registry) = app.live.history().await?;
    let arguments = &call.arguments;
    let index = arguments.text(INDEX.name).and_then(|id| STANDARDS.index(id));
    let index = index.ok_or_else(|| Problem::Internal("an index of the list is not among the standards".to_owned()))?;
    let table = arguments.text(TABLE.name).map(str::to_owned);
    if table.as_ref().is_some_and(|id| !index.tables.iter().any(|table| table.id == *id)) {
        return Err(Problem::parameter(TABLE.name, FaultKind::Other(NO_TABLE)));
    }
    let (bucket, back) = match arguments.text(KIND.name) {
        Some("day") if !index.is_daily() => return Err(Problem::parameter(KIND.name, FaultKind::Other(NO_DAYS))),
        Some("day") => (Bucket::Day, Duration::from_secs(30 * 86_400)),
        _ => (Bucket::Hour, Duration::from_secs(86_400)),
    };
    let asked = Asked::of(arguments, view.as_of, back)?;
    let (station, layer) = (station_of(arguments)?, layer_of(arguments));
    let (grid, zone) = (Grid::hours(app.city.zone.clone()), app.city.zone.clone());
    let spans = bucket.spans(&grid, &zone, asked.from, asked.to, AQI_ITEMS_MAX);
    let spans = spans.ok_or_else(|| Problem::parameter(TO.name, FaultKind::Other(TOO_MANY)))?;
    let quantities = air_index::quantities(index);
    // It is made of hours, whatever it is of.
    let (from, to) = reach(&spans, asked, HOUR_MICROS);
    let from = Timestamp::from_micros(from.as_micros().saturating_sub(HOURS_BEFORE_HOUR * HOUR_MICROS));
    let wish = Wish::of(&registry, std::slice::from_ref(&station), &quantities, from, to).ok_or_else(|| absent(&station))?;
    let mut list = List::new(Vec::new(), None, view.as_of);
    for (name, value) in [
        ("station", json!(station.as_str())),
        ("index", json!(index.id)),
        ("kind", json!(arguments.text(KIND.name))),
        ("layer", json!(layer.name())),
    ] {
        list.head.insert(name.to_owned(), value);
    }
    asked.tell(arguments, &zone, &mut list);
    let of = Wanted {
        index,
        table,
        quantities,
        bucket,
        zone,
        as_of: view.as_of,
        reference_temperature_c: app.reference_temperature_c,
        language: Language::of(&call.headers),
    };
    let making = async {
        let bases = samples::bases(&app.engine, &view, wish, grid, layer).await?;
        app.engine.carry_out(move || Ok(of.items(&bases, &spans))).await
    };
    list.items = app.engine.bounded(making).await?;
    Ok(Answer::List(list))
}

fn aqi_schema() -> Value {
    let item = air_index::item_schema();
    let head = [
        ("station", schema::text("as asked")),
        ("index", schema::text("as asked")),
        ("kind", schema::word(&["hour", "day"], "as asked")),
        ("layer", schema::text("as asked")),
        ("from", schema::time("start of what was asked for")),
        ("to", schema::time("end of what was asked for")),
    ];
    schema::list_with(item, head)
}

fn aqi_example() -> Value {
    json!({"items": [{"from": "2026-11-24T08:00:00+07:00", "to": "2026-11-24T09:00:00+07:00", "aqi": 83, "level": 2, "label": "Moderate",
        "colour": "#FFFF00", "dominant": "pm25", "subindices": {"pm25": {"value": 41.5, "read": 41.5, "unit": "ug/m3",
            "averaging": "nowcast", "aqi": 83, "coverage": 1.0}}, "coverage": 1.0,
        "method": "Decision 1459/QĐ-TCMT of 12 November 2019", "reason": null}],
        "next": null, "as_of": "2026-11-24T02:00:00Z", "station": "hoan-kiem-air", "index": "vn_aqi", "kind": "hour", "layer": "checked",
        "from": "2026-11-24T08:00:00+07:00", "to": "2026-11-24T09:00:00+07:00"})
}

#[cfg(test)]
mod tests;
