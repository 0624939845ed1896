//! What a step needs before it can decide: who sends, and which key sets.
//!
//! A reading newer than all accepted ones of its sensor is new for sure. The plan walks the batch with the marks as they may
//! rise and fill within it, so it asks for every set that the step will look into (and sometimes one more).

use domain::Kind;
use domain::identity::measured_values;
use domain::limits::AT_MARK_MAX;
use hashbrown::HashSet;

use super::keys::KeySet;
use super::sensor::Planned;
use super::{Pipeline, SetId};
use crate::batch::{Batch, Message, Taken, What};

/// One batch's plan.
#[derive(Debug, Default)]
pub struct Plan {
    /// Of each record, the number of its sensor.
    pub(super) senders: Vec<Option<u32>>,
    /// To be loaded from storage: accepted rows before the batch's first position.
    pub load: HashSet<SetId>,
}

impl Pipeline {
    /// Numbers the batch's sensors and finds the key sets. Planning the same batch again gives the same plan.
    pub fn plan(&mut self, batch: &Batch) -> Plan {
        let mut plan = Plan { senders: Vec::with_capacity(batch.records.len()), load: HashSet::new() };
        let mut next = 0;
        let mut touched = Vec::new();
        for record in &batch.records {
            let Some(message) = message_of(record) else {
                plan.senders.push(None);
                continue;
            };
            let elements = next..next + message.elements;
            next = elements.end;
            let known = self.state.sensors.len() as u32;
            let sender = message.sender.as_ref().and_then(|(kind, sensor)| Some((*kind, self.state.sensors.intern(sensor)?)));
            if let Some((_, sensor)) = sender.filter(|(_, sensor)| *sensor >= known) {
                self.state.heard.note(&sensor);
            }
            plan.senders.push(sender.map(|(_, sensor)| sensor));
            let Some((kind, sensor)) = sender else {
                continue;
            };
            for element in &batch.elements[elements] {
                if let Ok(decoded) = &element.outcome {
                    let reading = &decoded.reading;
                    if reading.observed_at > record.received_at.max(self.state.now).plus(self.rules.future) {
                        continue;
                    }
                    let newest = Planned { mark: reading.observed_at, values: measured_values(reading).count() };
                    self.plan_reading(kind, sensor, newest, &mut plan, &mut touched);
                }
            }
        }
        for (kind, sensor) in touched {
            self.state.sensors.get_mut(sensor).planned[kind as usize] = None;
        }
        plan
    }

    fn plan_reading(&mut self, kind: Kind, sensor: u32, mut next: Planned, plan: &mut Plan, touched: &mut Vec<(Kind, u32)>) {
        let entry = self.state.sensors.get_mut(sensor);
        let mark = entry.mark(kind);
        let planned = &mut entry.planned[kind as usize];
        let newest = planned.or(mark);
        let is_late = newest.is_some_and(|newest| next.mark < newest.mark);
        if !is_late {
            if let Some(newest) = newest.filter(|newest| newest.mark == next.mark) {
                next.values += newest.values;
            }
            if planned.is_none() {
                touched.push((kind, sensor));
            }
            *planned = Some(next);
            if next.values < AT_MARK_MAX {
                return;
            }
        }
        let id = SetId { kind, sensor, day: next.mark.utc_day() };
        if self.keys.touch(id) {
            return;
        }
        // Nothing is stored of a day after the mark: the set begins empty and is filled as the batch goes.
        if mark.is_some_and(|before| id.day <= before.mark.utc_day()) {
            plan.load.insert(id);
        } else {
            self.keys.put(id, KeySet::default());
        }
    }
}

fn message_of(record: &Taken) -> Option<&Message> {
    match &record.what {
        What::Message(message) => Some(message),
        What::Reprocess(again) => Some(&again.message),
        What::Registry { .. } | What::RegistryPart(_) | What::Tick | What::Session | What::Erase(_) => None,
    }
}
