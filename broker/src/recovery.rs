//! From checkpoint and journal to the state that a front starts with.

use domain::Position;
use domain::record::{Publish, kind};
use journal::{Entry, Journal, TailError};
use tracing::{info, warn};

use crate::change::Change;
use crate::checkpoint::Checkpoints;
use crate::durable::Durable;
use crate::error::Error;
use crate::message::Message;
use crate::mileage::Mileage;
use crate::properties::Kept;
use crate::retained::Retained;

/// What a front starts with: the fold of everything up to `position`.
#[derive(Default)]
pub struct Recovered {
    pub durable: Durable,
    pub retained: Retained,
    pub position: Position,
    pub mileage: Mileage,
    /// The journal is needed after this position until the next checkpoint is written.
    pub floor: Position,
}

const RECORDS: usize = 8_192;
const BYTES: usize = 8 * 1024 * 1024;

pub async fn recover(checkpoints: &Checkpoints, journal: &Journal) -> Result<Recovered, Error> {
    let checkpoints = checkpoints.clone();
    let read = aside::run(move || checkpoints.read()).await;
    let mut checkpoint = read.map_err(|_| Error::Panicked { task: "checkpoint" })??.unwrap_or_default();
    let head = journal.head();
    if checkpoint.journal != 0 && (!checkpoint.is_of(journal.id()) || checkpoint.floor() > head) {
        warn!("the journal is not the one that the sessions belong to: they end, retained messages stay");
        checkpoint.sessions = Durable::default();
        (checkpoint.sessions_at, checkpoint.retained_at) = (Position::START, Position::START);
    }
    let mut recovered = Recovered { durable: checkpoint.sessions, ..Recovered::default() };
    for kept in checkpoint.retained {
        recovered.retained.take(&kept.into_message());
    }
    let floor = checkpoint.sessions_at.min(checkpoint.retained_at);
    let start = floor.max(Position(journal.first().0.saturating_sub(1)));
    (recovered.floor, recovered.position) = (start, start);
    replay(&mut recovered, journal, checkpoint.sessions_at, checkpoint.retained_at).await?;
    let sessions = recovered.durable.sessions.len();
    info!(sessions, retained = recovered.retained.len(), from = %start, to = %recovered.position, "front recovered");
    Ok(recovered)
}

async fn replay(recovered: &mut Recovered, journal: &Journal, sessions_at: Position, retained_at: Position) -> Result<(), Error> {
    let mut tail = journal.tail(recovered.position)?;
    loop {
        let entries = match tail.try_next(RECORDS, BYTES).await {
            Ok(entries) if entries.is_empty() => return Ok(()),
            Err(TailError::Closed) => return Ok(()),
            Ok(entries) => entries,
            Err(error) => return Err(error.into()),
        };
        let bytes = entries.iter().map(|entry| entry.body.len() as u64).sum();
        if let Some(last) = entries.last() {
            recovered.mileage.passed(last.position, last.received_at, bytes);
        }
        for entry in entries {
            recovered.position = entry.position;
            if entry.position > sessions_at {
                recovered.session(&entry);
            }
            if entry.position > retained_at {
                recovered.retain(entry);
            }
        }
    }
}

impl Recovered {
    fn session(&mut self, entry: &Entry) {
        match entry.kind {
            kind::SESSION => match Change::decode(&entry.body) {
                Some(change) => self.durable.apply(change, entry.position, entry.received_at),
                None => warn!(position = %entry.position, "session record is of no format that this version reads"),
            },
            kind::PUBLISH => {
                if let Some((client, id)) = opened(entry) {
                    self.durable.opened(&client, id);
                }
            }
            _ => {}
        }
    }

    fn retain(&mut self, entry: Entry) {
        if let Some(message) = Message::of(entry)
            && message.publish.retain
        {
            self.retained.take(&message);
        }
    }
}

/// The open id of a QoS 2 publish of a lasting session.
fn opened(entry: &Entry) -> Option<(String, u16)> {
    let publish = Publish::decode(entry.body.clone()).ok().filter(|publish| publish.qos == 2)?;
    let open_id = Kept::decode(&publish.properties)?.open_id;
    let client = std::str::from_utf8(&publish.client).ok()?.to_owned();
    (open_id != 0).then_some((client, open_id))
}
