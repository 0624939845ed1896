//! What the two ends of the link say to each other.

use domain::registry::CityOptions;
use domain::{JournalId, ObjectId, Position, Quantity, SensorId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::contract::{AirLast, EditVerdict, IngestStatus, IntakeError, LedgerView, ParkingLast, SensorHeard, Uplink};

/// Ingest's first message on every connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Greeting {
    pub journal: JournalId,
    /// Dates of the registry mean midnights of this city: a follower of another one would bend them.
    pub city: CityOptions,
}

/// What query asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    Follow(Follow),
    /// One sensor's line of the ledger.
    LedgerOf(SensorId),
    Uplinks(SensorId),
    /// The body holds the messages as journal records have them, one behind the other.
    Publish {
        lengths: Vec<u32>,
    },
    /// The body is a GeoJSON FeatureCollection.
    EditRegistry {
        author: String,
        dry_run: bool,
    },
    ExportRegistry {
        at: Option<Timestamp>,
    },
    Reprocess {
        of: Position,
        element: u32,
    },
}

/// What a follower has already and what it wants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Follow {
    /// The newest edit of the registry that it holds, of this journal.
    pub registry: Option<Position>,
    pub sensors: bool,
    /// The tables of which it wants hot rows, by name, each with the position up to which it has them.
    pub rows: Vec<(String, Position)>,
}

/// The answer to a call.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    Ledger(Option<LedgerView>),
    Uplinks(Vec<Uplink>),
    Published(Vec<Position>),
    /// `seen_at`: with this position of ingest's pipeline the edit is visible.
    Edited {
        verdict: EditVerdict,
        seen_at: Position,
    },
    /// The body is the file.
    Exported,
    Reprocessed {
        anew: bool,
        seen_at: Position,
    },
    Failed(IntakeError),
}

/// One part of a step, or its end.
#[derive(Debug, Serialize, Deserialize)]
pub enum News {
    /// Ingest still replays its journal and has nothing to tell: a sign of life.
    Recovering {
        position: Position,
        upto: Position,
    },
    /// What follows of this kind up to the seal is all there is.
    Anew(Whole),
    /// The body holds versions that came and went.
    Registry,
    Parking(Vec<(ObjectId, ParkingLast)>),
    Air(Vec<(ObjectId, Vec<(Quantity, AirLast)>)>),
    Sensors(Vec<SensorHeard>),
    /// The body holds hot rows of the records `first` to `last`.
    Rows {
        table: String,
        first: Position,
        last: Position,
    },
    Seal(Box<Seal>),
    /// Rows up to `held` are in the lake only: read it again and ask from there.
    Behind {
        table: String,
        held: Position,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whole {
    Registry,
    Live,
    Sensors,
}

/// With it the parts before become true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    pub head: Position,
    /// The pipeline's now.
    pub now: Timestamp,
    /// The totals.
    pub ledger: LedgerView,
    /// The newest edit of the registry.
    pub registry: Position,
    /// Now and then.
    pub status: Option<IngestStatus>,
}
