//! What all connections of one front share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use domain::Clock;
use domain::access::Authority;
use domain::rng::Rng;
use journal::Journal;
use parking_lot::Mutex;

use crate::admission::Checks;
use crate::checkpoint::Checkpoints;
use crate::dispatch::CatchUp;
use crate::engine::Engine;
use crate::gate::Gate;
use crate::metrics::Meters;
use crate::mileage::Mileage;
use crate::online::Online;
use crate::options::Options;
use crate::refusal::Refusals;
use crate::routes::Routes;
use crate::sessions::Sessions;
use crate::store::Store;
use crate::upkeep::Floor;
use crate::wills::Wills;

pub struct Hub {
    pub options: Options,
    pub journal: Journal,
    pub clock: Arc<dyn Clock>,
    pub authority: Arc<dyn Authority>,
    pub checks: Checks,
    pub gate: Arc<Gate>,
    pub meters: Meters,
    pub refusals: Refusals,
    pub sessions: Arc<Sessions>,
    pub store: Store,
    pub rng: Mutex<Rng>,
    pub routes: Routes,
    pub online: Online,
    pub catch_up: CatchUp,
    pub engine: Engine,
    /// Bytes of live messages that wait for sockets.
    pub live_queued: Arc<AtomicUsize>,
    pub wills: Wills,
    pub mileage: Mileage,
    pub floor: Floor,
    pub checkpoints: Checkpoints,
}
