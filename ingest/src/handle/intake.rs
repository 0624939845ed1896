//! The ways in that do not come by MQTT: each ends in a journal record and answers after its fsync.

use std::time::Duration;

use bytes::Bytes;
use domain::limits::{HTTP_REGISTRY_BYTES_MAX, RECORD_BYTES_MAX};
use domain::record::{Publish, Record, Source, kind};
use domain::registry::Edit;
use domain::{Position, Timestamp, crash_point};
use hashbrown::HashSet;
use journal::{Append, AppendError};
use lake::contract::{EditVerdict, Intake, IntakeError, RowVerdict};

use super::Handle;
use crate::letters;
use crate::parts::Records;
use crate::pipeline::{AppliedEdit, LetterId};
use crate::shared::Shared;

#[async_trait::async_trait]
impl Intake for Handle {
    async fn publish(&self, messages: Vec<Publish>) -> Result<Vec<Position>, IntakeError> {
        if messages.iter().any(|message| message.source == Source::Import) {
            self.live_first().await;
        }
        if let Some(long) = messages.iter().find(|message| message.encoded_len() > RECORD_BYTES_MAX) {
            return Err(IntakeError::Invalid(format!("a message of {} bytes is too long", long.encoded_len())));
        }
        let journal = &self.shared.journal;
        let mut appends = Vec::with_capacity(messages.len());
        for message in &messages {
            journal.ready().await;
            appends.push(journal.append_with(kind::PUBLISH, message.encoded_len(), |body| message.encode(body)));
        }
        let mut positions = Vec::with_capacity(appends.len());
        for append in appends {
            positions.push(durable(append).await?);
        }
        Ok(positions)
    }

    async fn edit_registry(&self, author: &str, features: Bytes, dry_run: bool) -> Result<EditVerdict, IntakeError> {
        if features.len() > HTTP_REGISTRY_BYTES_MAX {
            let detail = format!("an edit of {} bytes is too long, at most {HTTP_REGISTRY_BYTES_MAX}: split it", features.len());
            return Err(IntakeError::Invalid(detail));
        }
        // What was appended before this process began is applied first, and edits come one after the other: the registry
        // judged against is the one that the edit will meet.
        self.caught_up().await;
        let _turn = self.shared.edit_turn.lock().await;
        let (may_apply, rows) = self.judge_edit(&features).await?;
        if dry_run || !may_apply {
            return Ok(EditVerdict { position: None, rows });
        }
        drop(rows);
        let author = author.to_owned();
        let records = aside::run(move || Records::of(&author, features)).await.map_err(unavailable)?;
        let (position, slot) = self.append_edit(&records.map_err(unavailable)?).await?;
        self.shared.taken(position).await;
        match slot.take() {
            Some(applied) => {
                let position = applied.taken.then_some(position);
                Ok(EditVerdict { position, rows: applied.rows.into_iter().map(RowVerdict::from).collect() })
            }
            None => Err(IntakeError::Unavailable("ingest ended before the edit was applied; it is in the journal".to_owned())),
        }
    }

    async fn export_registry(&self, at: Option<Timestamp>) -> Result<Bytes, IntakeError> {
        let registry = self.shared.registry.load_full();
        let exported = aside::run(move || registry.export(at)).await;
        exported.map(Bytes::from).map_err(unavailable)
    }

    async fn reprocess(&self, of: Position, element: u32) -> Result<bool, IntakeError> {
        self.caught_up().await;
        let _turn = self.shared.reprocess_turn.lock().await;
        let id = LetterId { of, element };
        let found = letters::find(&self.shared, &HashSet::from_iter([id]), None).await;
        let found = found.map_err(unavailable)?;
        let letter = found.get(&id).ok_or(IntakeError::NotFound)?;
        if letter.resolved.is_some() {
            return Ok(false);
        }
        if let Some(why) = letter.is_cut() {
            return Err(IntakeError::Invalid(why));
        }
        let (kind, body) = Record::Reprocess(letter.again()).encode();
        let position = durable(self.shared.journal.append(kind, &body)).await?;
        self.shared.taken(position).await;
        Ok(true)
    }

    async fn settled(&self, position: Position, wait: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.shared.taken(position) => true,
            () = self.shared.clock.sleep(wait) => self.shared.position() >= position,
        }
    }
}

impl Handle {
    /// Imports wait while the pipeline is far behind: live messages go first.
    async fn live_first(&self) {
        let behind = self.shared.journal.head().0.saturating_sub(self.shared.options.import_lag_records);
        self.shared.taken(Position(behind)).await;
    }

    /// As if it were applied now. Parsing a city takes a while: not on an async thread.
    async fn judge_edit(&self, features: &Bytes) -> Result<(bool, Vec<RowVerdict>), IntakeError> {
        let (registry, features, now) = (self.shared.registry.load_full(), features.clone(), self.shared.clock.now());
        let judged = aside::run(move || Edit::parse_geojson(&features, &registry, now)).await;
        let (edit, rows) = judged.map_err(unavailable)?;
        Ok((edit.is_some(), rows.into_iter().map(RowVerdict::from).collect()))
    }

    /// The last record commits the edit, so it goes when all before it are durable.
    async fn append_edit(&self, records: &Records) -> Result<(Position, Slot<'_>), IntakeError> {
        let last = records.len() - 1;
        let mut first = Position::START;
        let mut appends = Vec::with_capacity(last);
        for number in 0..last {
            self.shared.journal.ready().await;
            let (kind, body) = records.record(number, first).encode();
            let append = self.shared.journal.append(kind, &body);
            match number {
                0 => first = durable(append).await?,
                _ => appends.push(append),
            }
        }
        for append in appends {
            durable(append).await?;
        }
        crash_point!(RegistryBeforeAppend);
        self.append_last(&records.record(last, first)).await
    }

    /// The slot stands before the pipeline can reach the record.
    async fn append_last(&self, record: &Record) -> Result<(Position, Slot<'_>), IntakeError> {
        let (kind, body) = record.encode();
        let (append, slot) = {
            let mut edits = self.shared.edits.lock();
            let append = self.shared.journal.append(kind, &body);
            let position = append.position();
            edits.insert(position, None);
            (append, Slot { shared: &self.shared, position })
        };
        Ok((durable(append).await?, slot))
    }
}

/// Where the pipeline leaves the outcome of an edit; gone with its author, however that one ends.
struct Slot<'a> {
    shared: &'a Shared,
    position: Position,
}

impl Slot<'_> {
    fn take(&self) -> Option<AppliedEdit> {
        self.shared.edits.lock().remove(&self.position).flatten()
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.take();
    }
}

async fn durable(append: Append) -> Result<Position, IntakeError> {
    append.await.map_err(|error| match error {
        AppendError::TooLarge { .. } => IntakeError::Invalid(error.to_string()),
        _ => IntakeError::Unavailable(error.to_string()),
    })
}

/// What the caller sent is not to blame.
fn unavailable(error: impl std::fmt::Display) -> IntakeError {
    IntakeError::Unavailable(error.to_string())
}
