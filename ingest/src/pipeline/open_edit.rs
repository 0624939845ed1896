//! A registry edit that comes in parts, until it is whole.
//!
//! The parts that have come are held in the state, compressed as they are, and so stand in a checkpoint in between. The other way,
//! to read them again from the journal at the end, would keep the journal from being trimmed and make a step wait for the disk;
//! the largest city's edit is some 30 MB for the second that its parts take. One edit is open at a time: its author holds the turn.

use bytes::Bytes;
use domain::limits::REGISTRY_EDIT_OPEN_MAX;
use domain::record::{Place, RegistryPart};
use domain::{Position, Timestamp};
use serde::{Deserialize, Serialize};

use crate::parts;

/// What the pipeline remembers of registry edits, beside the registry itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Edits {
    /// The newest one that changed something; [`Position::START`] for none, and in checkpoints of format 1.
    pub newest: Position,
    open: Option<OpenEdit>,
}

/// An edit of which parts have come.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OpenEdit {
    /// Of its first part: the edit's name.
    first: Position,
    began: Timestamp,
    author: String,
    parts: u32,
    length: u64,
    shares: Vec<Bytes>,
}

/// An edit that is whole, named by the record that made it so.
#[derive(Clone, Debug)]
pub struct WholeEdit {
    pub position: Position,
    pub received_at: Timestamp,
    pub author: String,
    pub features: Features,
}

/// The GeoJSON of an edit.
#[derive(Clone, Debug)]
pub enum Features {
    Text(Bytes),
    Parts {
        shares: Vec<Bytes>,
        length: u64,
    },
    /// There are none, for this reason.
    Missing(String),
}

impl Features {
    pub fn text(&self) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Parts { shares, length } => parts::joined(shares, *length),
            Self::Missing(why) => Err(why.clone()),
        }
    }
}

impl Edits {
    /// An edit in one record. One that is still open was given up: its author would hold the turn otherwise.
    pub fn whole(&mut self, position: Position, received_at: Timestamp, author: String, features: Bytes) -> WholeEdit {
        self.open = None;
        WholeEdit { position, received_at, author, features: Features::Text(features) }
    }

    /// A part: the edit that it makes whole, if it does. A part of an edit that is not open is an edit that comes to nothing.
    pub fn part(&mut self, position: Position, received_at: Timestamp, part: RegistryPart) -> Option<WholeEdit> {
        self.forget_given_up(received_at);
        match part.place {
            Place::First { author, parts, length } => {
                let shares = vec![part.share];
                self.open = Some(OpenEdit { first: position, began: received_at, author, parts, length, shares });
            }
            Place::Next { first, number } => match &mut self.open {
                Some(open) if open.first == first && open.shares.len() == number as usize => open.shares.push(part.share),
                _ => return Some(stray(position, received_at, first, number)),
            },
        }
        let OpenEdit { author, length, shares, .. } = self.open.take_if(|open| open.shares.len() == open.parts as usize)?;
        Some(WholeEdit { position, received_at, author, features: Features::Parts { shares, length } })
    }

    /// What its author gave up is not kept in memory and checkpoints for ever.
    pub fn forget_given_up(&mut self, now: Timestamp) {
        self.open.take_if(|open| open.began.plus(REGISTRY_EDIT_OPEN_MAX) < now);
    }

    #[cfg(test)]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

fn stray(position: Position, received_at: Timestamp, first: Position, number: u32) -> WholeEdit {
    let why = format!("part {number} of the edit at {first} came when that edit was not waiting for it");
    WholeEdit { position, received_at, author: String::new(), features: Features::Missing(why) }
}
