//! What was not accepted: told with its bytes and its reason, and taken again once its cause is mended.

use domain::access::Scope;
use domain::{Position, Reason};
use lake::contract::IntakeError;
use serde_json::{Value, json};

use super::{Access, Endpoint};
use crate::answer::{Answer, List};
use crate::app::App;
use crate::call::Call;
use crate::letters::{self, Wish};
use crate::parameter::{CURSOR, FROM, FaultKind, Kind, LIMIT, Parameter, TO};
use crate::problem::Problem;
use crate::{cursor, format, schema};

const TAG: &str = "ops";

const REASONS: [&str; Reason::ALL.len()] = {
    let mut names = [""; Reason::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Reason::ALL[at].name();
        at += 1;
    }
    names
};
const REASON: Parameter = Parameter::query("reason", Kind::Word(&REASONS), "Only letters of this reason.").example("malformed");
const SENSOR: Parameter = Parameter::query("sensor", Kind::Id, "Only this sensor's letters.").example("bay-1");
const POSITION: Parameter =
    Parameter::path("position", Kind::Integer { min: 1, max: i64::MAX }, "`position` of the letter.").example("1200");
const ELEMENT: Parameter =
    Parameter::query("element", Kind::Integer { min: 0, max: ELEMENT_MAX }, "`element` of the letter.").or("0").example("0");
/// Places in a payload, and the mark of a refused rest.
const ELEMENT_MAX: i64 = (1 << 17) - 1;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/ops/deadletters", "deadLetters", |app, call| Box::pin(async move { list(&app, call).await }))
        .says(
            TAG,
            "What was not accepted",
            "Newest first; `from` and `to` are of `received_at`. Each element has the bytes it came with: `payload` where they are text, \
             else `payload_base64`; of a message that was refused unread the head, with `length` and `hash` of the whole. `element` is \
             its place in the payload, from 0; plus 65536 for the refused rest of an element that was accepted in part. `resolved` is \
             the journal position that took it again.",
        )
        .access(Access::Key(Scope::Ops))
        .takes(&[REASON, SENSOR, FROM, TO, LIMIT, CURSOR])
        .bounded()
        .formats(format::ROWS)
        .answers(list_schema, list_example),
    Endpoint::post("/v1/ops/deadletters/{position}/reprocess", "reprocess", |app, call| {
        Box::pin(async move { reprocess(&app, call).await })
    })
    .says(
        TAG,
        "Take a dead letter again",
        "For a letter whose cause is mended: a sensor that is registered now, a retention that was extended. It is judged anew; answers \
         when that is done. `rejected` falls by one, another count rises. `reprocessed` is false for a letter that already stands \
         resolved. A letter of which only the head was kept cannot be taken again: 409.",
    )
    .access(Access::Admin)
    .audited()
    .takes(&[POSITION, ELEMENT])
    .answers(reprocess_schema, || json!({"position": 1200, "element": 0, "reprocessed": true}))
    .may_be_impossible(),
];

async fn list(app: &App, call: Call) -> Result<Answer, Problem> {
    let arguments = &call.arguments;
    let (from, to) = (arguments.time(FROM.name), arguments.time(TO.name));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(Problem::parameter(TO.name, FaultKind::BeforeFrom));
    }
    let sensor = arguments.sensor(SENSOR.name);
    let reason = arguments.text(REASON.name).and_then(Reason::by_name);
    let after = cursor::read(arguments, "deadletters")?;
    let wish = Wish { reason, sensor: sensor.as_ref(), from, to, after, limit: arguments.size(LIMIT.name) };
    let view = app.live.view().await?;
    let page = letters::page(&app.engine, &view, &wish).await?;
    let next = page.last.map(|last| cursor::write(arguments, "deadletters", &last));
    Ok(Answer::List(List::new(page.items, next, view.as_of)))
}

async fn reprocess(app: &App, call: Call) -> Result<Answer, Problem> {
    let number = |name| call.arguments.integer(name).expect("required or with a default").unsigned_abs();
    let (position, element) = (number(POSITION.name), number(ELEMENT.name));
    let name = u32::try_from(element).expect("declared with a maximum far below");
    let reprocessed = app.intake.reprocess(Position(position), name).await.map_err(|error| match error {
        IntakeError::NotFound => Problem::absent("dead letter", format!("{position}, element {element}")),
        IntakeError::Invalid(detail) => Problem::Impossible(detail),
        IntakeError::Unavailable(_) | IntakeError::Away(_) => error.into(),
    })?;
    Ok(Answer::object(json!({"position": position, "element": element, "reprocessed": reprocessed})))
}

fn list_schema() -> Value {
    schema::list(schema::partial(
        [
            ("received_at", schema::time("when the message came")),
            ("reason", schema::word(&REASONS, "why it was not accepted")),
            ("detail", schema::text("the field and what is wrong with it")),
            ("topic", schema::text("of its message")),
            ("sensor", schema::or_null(schema::text("where the topic or envelope names one"))),
            ("client", schema::or_null(schema::text("that sent it"))),
            ("position", schema::integer("journal position of its message")),
            ("element", schema::integer("place in the payload, from 0; plus 65536 for the refused rest of an accepted element")),
            ("resolved", schema::or_null(schema::integer("journal position that took it again; null while it stands"))),
            ("length", schema::or_null(schema::integer("bytes of the whole payload, where only its head is kept"))),
            ("hash", schema::or_null(schema::text("xxh3 of the whole payload, where only its head is kept"))),
        ],
        [
            ("payload", schema::text("the element's bytes, where they are text")),
            ("payload_base64", schema::text("where they are not")),
        ],
    ))
}

fn list_example() -> Value {
    json!({"items": [{"received_at": "2026-11-24T00:59:00.21Z", "reason": "bad_timestamp", "detail": "ts: not a date-time",
        "topic": "kerbside/v1/parking/bay-1", "sensor": "bay-1", "client": "gw-7", "position": 1200, "element": 0, "resolved": null,
        "length": null, "hash": null, "payload": "{\"ts\":\"yesterday\",\"state\":\"occupied\"}"}],
        "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

fn reprocess_schema() -> Value {
    schema::object([
        ("position", schema::integer("as asked")),
        ("element", schema::integer("as asked")),
        ("reprocessed", schema::flag("false: it was taken again before")),
    ])
}

#[cfg(test)]
mod tests;
