//! What happens to the server from outside during a day, and the questions that are put to it.

use std::time::Duration;

use bytes::Bytes;
use domain::record::{Publish, Source};
use domain::{Clock as _, Position};
use lake::contract::{Intake as _, Live as _};
use lake::table::Table;

use crate::day::{Day, is_modelled};
use crate::disk::Crash;
use crate::life::{Life, Stillborn, end_of_power};
use crate::log::{self, path_of};
use crate::note;

/// Between two damages at rest: each needs two whole checkpoints behind it.
const FLIPS_EVERY: Duration = Duration::from_secs(2 * 3_600);

impl Day {
    /// Every promise that can be checked on the running server.
    pub(crate) async fn inspect(&mut self) -> Result<(), String> {
        let (world, handle) = (self.world.clone(), self.life().handle.clone());
        world.oracle.check_ledger(&handle.ledger())?;
        if !handle.is_caught_up() {
            // What the tables hold may be ahead of the head until the replay has come that far.
            note!(world.trace, "replaying at {}", handle.position());
            return Ok(());
        }
        let view = handle.view().await.map_err(|error| format!("SNAP-1: no view: {error}"))?;
        let sum = world.oracle.check_view(&view, &world.store)?;
        world.oracle.check_live(&handle)?;
        note!(world.trace, "at {}: {} rows {:016x}", view.head, sum.rows, sum.hash);
        Ok(())
    }

    /// Every promise that can be checked at rest, by the code of `kerbside verify`.
    pub(crate) async fn verify(&mut self) -> Result<(), String> {
        let world = self.world.clone();
        let faults = world.store.faults();
        world.store.set_faults(|faults| *faults = crate::store::Faults::default());
        let life = self.life();
        let heads = [(life.journal.id(), life.journal.head())];
        let verified = life.lake.verify(&heads).await;
        let is_on = life.power.is_on();
        world.store.set_faults(|now| *now = faults);
        if !is_on {
            return Ok(());
        }
        let verified = verified.map_err(|error| format!("LAKE-1: {error}"))?;
        note!(world.trace, "verified");
        match verified.findings.first() {
            Some(finding) => Err(format!("LAKE-1: {} findings, the first {finding:?}", verified.findings.len())),
            None => Ok(()),
        }
    }

    pub(crate) fn fill_disks(&mut self) {
        for disk in self.world.clone().disks() {
            let room = disk.bytes() + self.rng.below(20_000);
            disk.set_faults(|faults| faults.room = Some(room));
        }
        self.world.store.set_faults(|faults| faults.full = true);
    }

    /// Registers a device's place, or says something new of it.
    pub(crate) fn edit(&mut self, device: u64) {
        let features = features(device, self.rng.below(1_000));
        let world = self.world.clone();
        let life = self.life();
        let (handle, ended, power) = (life.handle.clone(), life.ended.clone(), life.power.clone());
        self.acts.spawn(async move {
            let edited = ended.run_until_cancelled(handle.edit_registry("anna", features, false)).await;
            if !power.is_on() {
                return;
            }
            match edited {
                Some(Ok(verdict)) => {
                    note!(world.trace, "edit at {:?}", verdict.position);
                    if verdict.position.is_some_and(|position| position > world.oracle.head()) {
                        world.judge(Err(format!("ACK-1: the edit at {:?} is not durable", verdict.position)));
                    }
                }
                Some(Err(error)) => note!(world.trace, "edit fails: {error}"),
                None => {}
            }
        });
    }

    /// Takes some dead letter again.
    pub(crate) fn reprocess(&mut self) {
        let world = self.world.clone();
        let letters = world.oracle.standing_letters(self.life().handle.position().0);
        let Some(&(of, element)) = letters.get(self.rng.below(letters.len() as u64) as usize) else {
            return;
        };
        let life = self.life();
        let (handle, ended, power) = (life.handle.clone(), life.ended.clone(), life.power.clone());
        self.acts.spawn(async move {
            let again = ended.run_until_cancelled(handle.reprocess(Position(of), element)).await;
            if power.is_on() {
                note!(world.trace, "letter {of}/{element} again: {again:?}");
            }
            if power.is_on() && matches!(again, Some(Err(lake::contract::IntakeError::NotFound))) {
                world.judge(Err(format!("SUM-1: the dead letter {of}/{element} stands and is not found")));
            }
        });
    }

    /// Readings by the other ways in: some of now, or some of days ago.
    pub(crate) fn intake(&mut self) {
        let (world, now_ms) = (self.world.clone(), self.world.clock.truth().as_micros() / 1_000);
        let (source, age_ms) = if self.rng.chance(0.5) { (Source::Http, 0) } else { (Source::Import, 3 * 86_400_000) };
        let number = self.rng.next_u64() % 1_000_000;
        let device = 5 * self.rng.below(2);
        let topic = format!("kerbside/v1/parking/bay-{device}");
        let message = |index: i64| {
            let (at, state) = (now_ms - age_ms + index * 1_000, ["vacant", "occupied"][(index % 2) as usize]);
            let payload = format!("{{\"ts\":{at},\"state\":\"{state}\",\"n\":\"{number}/{index}\"}}");
            Publish::new(source, &topic, Bytes::from(payload))
        };
        let messages: Vec<_> = (0..5).map(message).collect();
        let life = self.life();
        let (handle, ended, power) = (life.handle.clone(), life.ended.clone(), life.power.clone());
        self.acts.spawn(async move {
            let taken = ended.run_until_cancelled(handle.publish(messages.clone())).await;
            if power.is_on() && matches!(taken, Some(Ok(_))) {
                for message in &messages {
                    world.judge(world.oracle.acknowledge(message.topic(), &message.payload));
                }
            }
        });
    }

    /// A bit of a closed part of the journal turns around: the server, or who reads on from there, says so. It is put right again.
    pub(crate) async fn damage_journal(&mut self) -> Result<(), String> {
        let world = self.world.clone();
        let mut segments: Vec<_> = world.journal.files();
        segments.retain(|(name, length)| name.ends_with(".journal") && *length > 40);
        segments.pop();
        let chance = world.scenario.flips / 3.0;
        if world.is_calm() || segments.is_empty() || !self.rng.chance(chance) {
            return Ok(());
        }
        let (name, length) = &segments[self.rng.below(segments.len() as u64) as usize];
        let (at, bit) = (self.rng.below(*length as u64) as usize, self.rng.below(8) as u8);
        note!(world.trace, "bit flips in {name} at {at}");
        world.journal.flip(name, at, bit);
        self.lives += 1;
        let begun = Life::begin(&world, self.lives).await;
        world.journal.flip(name, at, bit);
        let unnoticed = match begun {
            Ok(life) => {
                life.crash(Crash::Kill).await;
                true
            }
            // Of a bit that another failure hid nothing is known.
            Err(Stillborn::Crashed) => false,
            Err(Stillborn::Refused(why)) => !is_modelled(&why) && !why.contains("journal"),
        };
        end_of_power(&world, Crash::Kill);
        match unnoticed {
            true => Err(format!("ACK-1: a bit turned around at byte {at} of {name} goes unnoticed")),
            false => Ok(()),
        }
    }

    /// Another writer takes the next number of a table's log, with an entry that changes no row.
    pub(crate) fn stranger(&mut self) {
        let table = Table::ALL[self.rng.below(Table::ALL.len() as u64) as usize];
        let now_ms = self.world.clock.now().as_micros() / 1_000;
        let entry = format!("{{\"commitInfo\":{{\"timestamp\":{now_ms},\"operation\":\"VACUUM END\"}}}}\n");
        if let Some(newest) = log::newest(&self.world.store, table) {
            let path = path_of(table, newest + 1);
            self.world.store.put_if_absent(&path, Bytes::from(entry), self.world.clock.truth());
        }
    }

    /// While the server is down a bit of the newest checkpoint turns around, and the one before it must do; or the registry's file goes,
    /// and the lake must do.
    pub(crate) fn damage(&mut self) {
        if !self.world.is_calm() && self.rng.chance(self.world.scenario.flips / 3.0) {
            note!(self.world.trace, "the registry's file is gone");
            for end in ["", "-wal", "-shm"] {
                // It may not have been there.
                let _ = std::fs::remove_file(self.world.folder.path().join(format!("registry.sqlite{end}")));
            }
        }
        let now = self.world.clock.elapsed();
        let checkpoints: Vec<_> =
            self.world.checkpoints.files().into_iter().filter(|(name, _)| name.ends_with(".ckpt")).collect();
        let is_due = now >= self.last_flip + FLIPS_EVERY && checkpoints.len() > 1 && !self.world.is_calm();
        if !is_due || !self.rng.chance(self.world.scenario.flips) {
            return;
        }
        if let Some((name, length)) = checkpoints.last() {
            self.last_flip = now;
            // Behind the version, of which a higher one is another matter than damage.
            let at = 12 + self.rng.below(*length as u64 - 12) as usize;
            note!(self.world.trace, "bit flips in {name} at {at}");
            self.world.checkpoints.flip(name, at, self.rng.below(8) as u8);
        }
    }
}

/// Where a device stands: a street with a bay, a lot that counts, or a station.
fn features(device: u64, revision: u64) -> Bytes {
    let feature = match device % 5 {
        3 => format!(
            r#"{{"type":"Feature","geometry":{{"type":"Point","coordinates":[105.8,21.0]}},
                "properties":{{"kind":"site","id":"lot-{device}","site_kind":"lot","capacity":80,"name":"Lot {revision}"}}}}"#
        ),
        4 => format!(
            r#"{{"type":"Feature","geometry":{{"type":"Point","coordinates":[105.8,21.0]}},
                "properties":{{"kind":"station","id":"air-{device}","class":"indicative","name":"Station {revision}"}}}}"#
        ),
        _ => format!(
            r#"{{"type":"Feature","geometry":{{"type":"LineString","coordinates":[[105.8,21.0],[105.81,21.0]]}},
                "properties":{{"kind":"site","id":"street-1","site_kind":"street"}}}},
               {{"type":"Feature","geometry":{{"type":"Point","coordinates":[105.8,21.0]}},
                "properties":{{"kind":"bay","id":"bay-{device}","site":"street-1","max_stay_min":{}}}}}"#,
            30 + revision
        ),
    };
    Bytes::from(format!(r#"{{"type":"FeatureCollection","features":[{feature}]}}"#))
}
