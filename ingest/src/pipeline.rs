//! The pipeline: a pure state machine from journal records to effects. No clock, no disk, no chance.
//!
//! ```text
//! batch ──plan──► key sets to load ──(service: lake + hot rows)──► step ──► rows, dead letters, edits, uplinks
//!                                                                    └── state: ledger, sensors, held, live
//! ```
//!
//! Every decision uses the record's `received_at` through the pipeline's now, which never decreases, so a replay decides the
//! same. Deliberately absent: where rows go and when they are committed.

mod capacities;
mod effects;
mod erased;
mod held;
mod judge;
mod keys;
mod ledger;
mod live;
mod open_edit;
mod plan;
mod rebuilt;
mod registry;
mod sensor;
mod state;
mod touched;

use std::sync::Arc;
use std::time::Duration;

use domain::reading::Element;
use domain::registry::Registry;
use domain::{Kind, Position, Promise, Reason, Timestamp, check};
use lake::Lake;
use lake::rows::DeadLetter;
use lake::table::Table;

use crate::batch::{Again, Batch, Message, Taken, What};
use crate::options::{Options, UnknownSensors, Weakness};
pub use capacities::Capacities;
pub use effects::{AppliedEdit, Committed, Effects, UplinkNote};
pub use erased::Erasures;
pub use held::LetterId;
use judge::At;
use keys::KeyCache;
pub use keys::{KeySet, SetId};
use ledger::{Entry, Verdict, book};
pub use open_edit::Edits;
pub use plan::Plan;
pub use registry::{Judged, Judging};
pub use sensor::Sensors;
pub use state::State;

/// In the element number of a dead letter: the rest of an element of which a part was accepted.
pub const PART: u32 = 1 << 16;

/// What the pipeline decides by, besides records and registry.
#[derive(Clone, Debug)]
pub struct Rules {
    pub unknown_sensors: UnknownSensors,
    pub future: Duration,
    /// UTC days kept, by `Kind as usize`.
    pub retention_days: [Option<u32>; Kind::ALL.len()],
    /// The same of dead letters: what is held longer cannot be taken again, since its letter is gone.
    pub letter_days: Option<u32>,
    pub weakness: Weakness,
}

impl Rules {
    /// The lake's retention counts: an older reading would be removed as soon as it came. It is a number of whole UTC days, the same
    /// at any `now`.
    pub fn of(options: &Options, lake: &Lake, now: Timestamp) -> Self {
        let days = |table| {
            let first_kept = lake.first_kept_day(table, now)?;
            u32::try_from(now.utc_day().saturating_sub(first_kept)).ok()
        };
        Self {
            unknown_sensors: options.unknown_sensors,
            future: Duration::from_secs(u64::from(options.future_s)),
            retention_days: Kind::ALL.map(|kind| days(Table::of(kind))),
            letter_days: days(Table::DeadLetters),
            weakness: options.weakness,
        }
    }
}

/// What a dead letter keeps of the bytes that it is about.
#[derive(Clone, Copy, Debug)]
enum Kept<'a> {
    /// The message's payload.
    Message,
    Element(&'a [u8]),
    /// Nothing else: they are of an erased period.
    LengthOf(&'a [u8]),
}

/// The first UTC day that is kept of so many.
fn first_kept(now: Timestamp, days: u32) -> i32 {
    now.utc_day().saturating_sub(i32::try_from(days).unwrap_or(i32::MAX))
}

pub struct Pipeline {
    rules: Rules,
    registry: Arc<Registry>,
    /// Rises with every registry: cached resolutions name theirs.
    generation: u64,
    state: State,
    keys: KeyCache,
}

impl Pipeline {
    /// Goes on from a state, under the registry as it was at the state's position.
    pub fn new(rules: Rules, state: State, registry: Arc<Registry>, dedupe_bytes: usize) -> Self {
        Self { rules, registry, generation: 1, state, keys: KeyCache::new(dedupe_bytes) }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn into_state(self) -> State {
        self.state
    }

    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Takes a planned batch. `loaded` holds every set that the plan asked for, without rows of the batch's own positions, `judged`
    /// what became of the batch's [next edit](Self::next_edit), where somebody judged it.
    pub fn step(
        &mut self,
        batch: Batch,
        plan: Plan,
        loaded: Vec<(SetId, KeySet)>,
        mut judged: Option<Judged>,
        committed: &Committed,
    ) -> Effects {
        for (id, set) in loaded {
            self.keys.put(id, set);
        }
        let mut effects = Effects { first: self.state.position.next(), ..Effects::default() };
        let mut elements = batch.elements.into_iter();
        for (record, sensor) in batch.records.into_iter().zip(plan.senders) {
            self.record(record, sensor, &mut elements, &mut judged, &mut effects, committed);
        }
        effects.last = self.state.position;
        self.state.live.version = self.state.position.0;
        self.keys.trim();
        check!(Promise::Sum1, self.state.ledger.counts.adds_up(), "received = accepted + duplicate + rejected");
        effects
    }

    fn record(
        &mut self,
        record: Taken,
        sensor: Option<u32>,
        elements: &mut impl Iterator<Item = Element>,
        judged: &mut Option<Judged>,
        effects: &mut Effects,
        committed: &Committed,
    ) {
        let Taken { position, received_at, what } = record;
        check!(Promise::Ack1, position == self.state.position.next(), "records come without gaps");
        self.state.position = position;
        self.state.now = self.state.now.max(received_at);
        match what {
            What::Message(message) => self.message(position, received_at, message, sensor, elements, effects, committed),
            What::Reprocess(again) => self.again(position, received_at, again, sensor, elements, effects, committed),
            What::Registry { author, features } => {
                let edit = self.state.edits.whole(position, received_at, author, features);
                self.edit(edit, judged, effects, committed);
            }
            What::RegistryPart(part) => {
                if let Some(edit) = self.state.edits.part(position, received_at, part) {
                    self.edit(edit, judged, effects, committed);
                }
            }
            What::Erase(erase) => self.erase(position, erase),
            What::Tick | What::Session => {}
        }
        self.state.edits.forget_given_up(self.state.now);
        if let Some(days) = self.rules.letter_days {
            self.state.held.forget_before(first_kept(self.state.now, days));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record; a struct would be built for every message")]
    fn message(
        &mut self,
        position: Position,
        received_at: Timestamp,
        message: Message,
        sensor: Option<u32>,
        elements: &mut impl Iterator<Item = Element>,
        effects: &mut Effects,
        committed: &Committed,
    ) {
        if message.is_foreign {
            self.state.ledger.foreign += 1;
            return;
        }
        let at = At { position, received_at, message: &message, part: 0, committed };
        let (mut error, mut is_erased) = (None, false);
        for element in elements.take(message.elements) {
            is_erased |= matches!(&element.outcome, Ok(decoded) if self.is_erased(sensor, decoded.reading.observed_at));
            let (verdict, complaint) = self.judge(&at, sensor, element, effects);
            error = error.or(complaint);
            self.book(sensor, Entry::New(verdict, message.count));
        }
        if let Some(sensor) = sensor {
            effects.uplinks.push(UplinkNote { sensor, position, received_at, publish: message.publish, is_erased, error });
        }
    }

    /// A dead letter taken again: what it was counted as falls, what it comes to rises, `received` stays.
    #[expect(clippy::too_many_arguments, reason = "as of a message")]
    fn again(
        &mut self,
        position: Position,
        received_at: Timestamp,
        again: Again,
        sensor: Option<u32>,
        elements: &mut impl Iterator<Item = Element>,
        effects: &mut Effects,
        committed: &Committed,
    ) {
        let id = LetterId { of: again.of, element: again.element };
        let mut elements = elements.take(again.message.elements);
        if !self.state.resolved.insert(id) {
            elements.for_each(drop);
            return;
        }
        self.state.held.release(id);
        self.state.ledger.letters = self.state.ledger.letters.saturating_sub(1);
        if !committed.holds(Table::DeadLetters, position) {
            effects.dead_letters.push(&DeadLetter {
                received_at: again.received_at,
                topic: again.message.publish.topic(),
                payload: &again.message.publish.payload,
                reason: again.was,
                detail: &again.detail,
                sensor: named_by(&again),
                client: client_of(&again.message),
                length: None,
                hash: None,
                element: again.element,
                position: again.of,
                resolved: Some(position),
            });
        }
        let is_part = again.element & PART != 0;
        let part = again.element & PART;
        let at = At { position, received_at, message: &again.message, part, committed };
        let first = match elements.next() {
            Some(element) => self.judge(&at, sensor, element, effects).0,
            None => {
                let detail = "no codec claims the topic any more";
                self.refuse(&at, sensor, 0, (Reason::UnknownTopic, detail), Kept::Message, effects)
            }
        };
        let entry = if is_part { Entry::PartAgain(first) } else { Entry::Again { was: again.was, now: first } };
        self.book(sensor, entry);
        for element in elements {
            let verdict = self.judge(&at, sensor, element, effects).0;
            self.book(sensor, Entry::New(verdict, 1));
        }
    }

    fn book(&mut self, sensor: Option<u32>, entry: Entry) {
        let total = &mut self.state.ledger.counts;
        if let Entry::Again { was, .. } = entry {
            check!(Promise::Sum1, total.rejected[was as usize] > 0, "a dead letter taken again was counted as rejected");
        }
        book(total, entry);
        if let Some(sensor) = sensor {
            book(&mut self.state.sensors.get_mut(sensor).counts, entry);
        }
    }

    /// Counts nothing: the verdict does.
    fn refuse(
        &mut self,
        at: &At<'_>,
        sensor: Option<u32>,
        element: u32,
        (reason, detail): (Reason, &str),
        kept: Kept<'_>,
        effects: &mut Effects,
    ) -> Verdict {
        self.state.ledger.letters += 1;
        if !at.committed.holds(Table::DeadLetters, at.position) {
            let publish = &at.message.publish;
            let sensor = sensor.map(|number| self.state.sensors.get(number).id.as_str());
            let whole = at.message.whole;
            let (payload, length): (&[u8], _) = match kept {
                Kept::Message => (&publish.payload, whole.map(|whole| whole.length)),
                Kept::Element(payload) => (payload, whole.map(|whole| whole.length)),
                Kept::LengthOf(payload) => (&[], Some(payload.len() as u64)),
            };
            effects.dead_letters.push(&DeadLetter {
                received_at: at.received_at,
                topic: publish.topic(),
                payload,
                reason,
                detail,
                sensor: sensor.or(at.message.sender.as_ref().map(|(_, sensor)| sensor.as_str())),
                client: client_of(at.message),
                length,
                hash: whole.and_then(|whole| whole.hash),
                element: element | at.part,
                position: at.position,
                resolved: None,
            });
        }
        Verdict::Rejected(reason)
    }
}

/// The sensor that the dead letter stands under, which is part of its name in the lake: none where nobody was believed to be the
/// sender, though the topic may name somebody who is now.
fn named_by(again: &Again) -> Option<&str> {
    match again.was {
        Reason::NotAuthorised | Reason::UnknownTopic => None,
        _ => again.message.sender.as_ref().map(|(_, sensor)| sensor.as_str()),
    }
}

fn client_of(message: &Message) -> Option<&str> {
    std::str::from_utf8(&message.publish.client).ok().filter(|client| !client.is_empty())
}

#[cfg(test)]
mod tests;
