//! Readings in bulk: NDJSON, streamed, of any length. Each line is a message like one by MQTT, and goes behind live ones.
//!
//! The body is read no faster than the journal takes it, and no more of it is in memory than one batch and the line that has
//! begun. Lines are durable in order, so one number says how far an import got: everything before `next_line`. What became of
//! a reading stands in the ledger and the dead letters, as for every other way in; here are refused only lines that no sensor
//! can be found in.

mod line;
mod lines;

use std::ops::ControlFlow;

use bytes::Bytes;
use domain::access::Scope;
use domain::limits::{IMPORT_BATCH_BYTES_MAX, IMPORT_BATCH_LINES_MAX, PACKET_BYTES_MAX};
use domain::record::Publish;
use domain::{Position, Reason};
use lake::contract::{Away, Intake, IntakeError};
use serde_json::{Map, Value, json};

use self::line::{Refusal, publish_of};
use self::lines::{Line, Lines};
use super::{Access, Endpoint, RequestBody};
use crate::answer::Answer;
use crate::app::App;
use crate::call::Call;
use crate::parameter::{Kind, Parameter};
use crate::problem::Problem;
use crate::schema;

const FROM_LINE: Parameter = Parameter::query(
    "from_line",
    Kind::Integer { min: 1, max: i64::MAX },
    "The first line that is taken; those before it are skipped unread. `next_line` of an import that was cut short.",
)
.or("1");

pub const ENDPOINTS: &[Endpoint] = &[Endpoint::post("/v1/import", "import", |app, call| Box::pin(async move { import(&app, call).await }))
    .says(
        "data",
        "Take readings in bulk",
        "Streamed: the body may be of any length. Answers when every line is on disk. Sending lines again changes nothing, so an import \
         that was cut short may be repeated as a whole, or from `next_line` on, which a 503 tells, too. Lines that name no sensor are \
         told with their number; what became of the readings of all others stands in the ledger and the dead letters.",
    )
    .access(Access::Key(Scope::Import))
    .audited()
    .takes(&[FROM_LINE])
    .body(RequestBody {
        media: &["application/x-ndjson"],
        description: "One reading a line: `kind` (`parking` or `air`), `sensor`, and the keys of a payload of that kind. Empty lines are \
                      skipped.",
        schema: || json!({"type": "string"}),
        example: || json!("{\"kind\":\"air\",\"sensor\":\"air-1\",\"ts\":\"2026-11-24T08:00:00+07:00\",\"avg_s\":3600,\"pm25\":31.5}\n"),
    })
    .answers(outcome_schema, outcome_example)];

async fn import(app: &App, mut call: Call) -> Result<Answer, Problem> {
    let from_line = call.arguments.integer(FROM_LINE.name).expect("declared with a default").unsigned_abs();
    let body = std::mem::replace(&mut call.body, axum::body::Body::empty());
    let mut lines = Lines::new(body.into_data_stream(), PACKET_BYTES_MAX);
    let mut run = Run::new(&*app.intake, from_line);
    loop {
        match lines.next().await {
            Ok(Some(line)) => {
                if let ControlFlow::Break(problem) = run.take(line).await {
                    return Err(problem);
                }
            }
            Ok(None) => break,
            Err(cause) => {
                // What came whole is kept, whether anybody still hears of it or not.
                run.flush().await?;
                return Err(run.cut_short(format!("the body ended too early: {cause}")));
            }
        }
    }
    run.flush().await?;
    Ok(Answer::object(run.outcome()))
}

/// Refusals that are told one by one; the others are counted.
const REFUSALS_TOLD_MAX: usize = 100;

/// One import on its way.
struct Run<'a> {
    intake: &'a dyn Intake,
    from_line: u64,
    batch: Vec<Publish>,
    batch_bytes: usize,
    /// Lines seen, from 1.
    line: u64,
    /// Everything before it is durable, refused or skipped.
    next_line: u64,
    taken: u64,
    refused: u64,
    refusals: Vec<Value>,
    position: Option<Position>,
}

impl<'a> Run<'a> {
    fn new(intake: &'a dyn Intake, from_line: u64) -> Self {
        Self {
            intake,
            from_line,
            batch: Vec::new(),
            batch_bytes: 0,
            line: 0,
            next_line: from_line,
            taken: 0,
            refused: 0,
            refusals: Vec::new(),
            position: None,
        }
    }

    async fn take(&mut self, line: Line) -> ControlFlow<Problem> {
        self.line += 1;
        if self.line >= self.from_line {
            match judged(line) {
                Ok(Some(publish)) => {
                    self.batch_bytes += publish.encoded_len();
                    self.batch.push(publish);
                }
                Ok(None) => {}
                Err(refusal) => self.refuse(refusal),
            }
        }
        if self.batch.len() < IMPORT_BATCH_LINES_MAX && self.batch_bytes < IMPORT_BATCH_BYTES_MAX {
            return ControlFlow::Continue(());
        }
        match self.flush().await {
            Ok(()) => ControlFlow::Continue(()),
            Err(problem) => ControlFlow::Break(problem),
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refused += 1;
        if self.refusals.len() < REFUSALS_TOLD_MAX {
            let Refusal { field, reason, detail } = refusal;
            self.refusals.push(json!({"line": self.line, "field": field, "reason": reason.name(), "detail": detail}));
        }
    }

    /// The batch is durable when it returns.
    async fn flush(&mut self) -> Result<(), Problem> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let lines = batch.len() as u64;
        if lines > 0 {
            match self.intake.publish(batch).await {
                Ok(positions) => self.position = positions.last().copied().or(self.position),
                Err(IntakeError::Unavailable(cause) | IntakeError::Away(Away(cause))) => return Err(self.cut_short(cause)),
                Err(other) => return Err(other.into()),
            }
        }
        self.taken += lines;
        self.next_line = self.from_line.max(self.line + 1);
        Ok(())
    }

    /// The refusal of an import that has to go on later, with how far it got.
    fn cut_short(&self, detail: String) -> Problem {
        match self.outcome() {
            Value::Object(extra) => Problem::Unavailable { detail, extra },
            _ => Problem::Unavailable { detail, extra: Map::new() },
        }
    }

    fn outcome(&self) -> Value {
        json!({
            "taken": self.taken,
            "refused": self.refused,
            "refusals": self.refusals,
            "next_line": self.next_line,
            "position": self.position,
        })
    }
}

/// `None` for a line that says nothing.
fn judged(line: Line) -> Result<Option<Publish>, Refusal> {
    match line {
        Line::Whole(line) if is_blank(&line) => Ok(None),
        Line::Whole(line) => publish_of(line).map(Some),
        Line::TooLong => Err(Refusal {
            field: None,
            reason: Reason::TooLarge,
            detail: format!("the line has more than {PACKET_BYTES_MAX} bytes"),
        }),
    }
}

fn is_blank(line: &Bytes) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

fn outcome_schema() -> Value {
    let refusal = schema::object([
        ("line", schema::integer("its number, from 1")),
        ("field", schema::or_null(schema::text("at fault, where one is"))),
        ("reason", schema::word(&["malformed", "too_large"], "as of a dead letter")),
        ("detail", schema::text("what is wrong with it")),
    ]);
    schema::object([
        ("taken", schema::integer("lines on disk")),
        ("refused", schema::integer("lines that name no sensor, or are too long")),
        ("refusals", schema::array(refusal, "the first 100 of them")),
        ("next_line", schema::integer("every line before it is dealt with")),
        (
            "position",
            schema::or_null(schema::integer(
                "journal position of the last line taken: answers show it once `head` has passed it",
            )),
        ),
    ])
}

fn outcome_example() -> Value {
    json!({"taken": 8758, "refused": 1, "next_line": 8760, "position": 20417,
        "refusals": [{"line": 12, "field": "sensor", "reason": "malformed", "detail": "is missing"}]})
}

#[cfg(test)]
mod tests;
