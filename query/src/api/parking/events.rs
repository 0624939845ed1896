//! The arrivals and departures of one bay.

use std::time::Duration;

use domain::bay::{Event, EventKind};
use serde_json::{Value, json};

use crate::answer::{Answer, List};
use crate::app::App;
use crate::bay_events::{self, Wish};
use crate::call::Call;
use crate::language::Text;
use crate::parameter::{FROM, FaultKind, TO};
use crate::problem::Problem;
use crate::schema as describe;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// One answer's span: a bay that reports every minute has 45,000 readings in it.
const SPAN_MAX: Duration = Duration::from_secs(31 * 24 * 3_600);
const TOO_LONG: Text = Text {
    en: "must not be more than 31 days after from: ask for one month after the other",
    vi: "không được cách from quá 31 ngày: hãy hỏi từng tháng một",
};

pub async fn events(app: &App, call: Call) -> Result<Answer, Problem> {
    let bay = super::id_of(&call)?;
    let (view, registry) = app.live.history().await?;
    let to = call.arguments.time(TO.name).unwrap_or(view.as_of);
    let from = call.arguments.time(FROM.name).unwrap_or_else(|| to.minus(DAY));
    if to < from {
        return Err(Problem::parameter(TO.name, FaultKind::BeforeFrom));
    }
    if to > from.plus(SPAN_MAX) {
        return Err(Problem::parameter(TO.name, FaultKind::Other(TOO_LONG)));
    }
    let wish = Wish { bay: &bay, from, to };
    let events = bay_events::of(&app.engine, &view, &registry, &wish).await?;
    let events = events.ok_or_else(|| Problem::absent("bay", bay.as_str()))?;
    let mut list = List::new(events.iter().map(item).collect(), None, view.as_of);
    list.head.insert("bay".to_owned(), json!(bay.as_str()));
    // Ends that were not asked for move on with the time, and are no news.
    for (name, at) in [(FROM.name, from), (TO.name, to)] {
        let head = if call.arguments.time(name).is_some() { &mut list.head } else { &mut list.passing };
        head.insert(name.to_owned(), json!(at.to_string()));
    }
    Ok(Answer::List(list))
}

fn item(event: &Event) -> Value {
    json!({
        "at": event.at.to_string(),
        "event": match event.kind {
            EventKind::Arrival => EVENTS[0],
            EventKind::Departure => EVENTS[1],
        },
        "arrived_at": event.arrived_at.map(|at| at.to_string()),
        "dwell_s": event.dwell_micros().map(|micros| micros as f64 / 1e6),
    })
}

const EVENTS: [&str; 2] = ["arrival", "departure"];

pub fn schema() -> Value {
    let item = describe::object([
        ("at", describe::time("of the first reading of the new state")),
        ("event", describe::word(&EVENTS, "what it was")),
        (
            "arrived_at",
            describe::or_null(describe::time(
                "of a departure: when the vehicle came; null where that was not seen, or more than a year before `from`",
            )),
        ),
        ("dwell_s", describe::or_null(describe::number("of a departure: seconds since `arrived_at`"))),
    ]);
    let head = [
        ("bay", describe::text("as asked")),
        ("from", describe::time("start of the span, inclusive")),
        ("to", describe::time("end of the span, exclusive")),
    ];
    describe::list_with(item, head)
}

pub fn example() -> Value {
    json!({"items": [
            {"at": "2026-11-24T00:12:05Z", "event": "arrival", "arrived_at": null, "dwell_s": null},
            {"at": "2026-11-24T00:58:35Z", "event": "departure", "arrived_at": "2026-11-24T00:12:05Z", "dwell_s": 2790.0}],
        "next": null, "as_of": "2026-11-24T01:00:00Z", "bay": "trang-tien-1", "from": "2026-11-23T01:00:00Z",
        "to": "2026-11-24T01:00:00Z"})
}
