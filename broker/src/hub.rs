//! What all connections of one front share.

use std::sync::Arc;

use domain::Clock;
use domain::access::Authority;
use domain::rng::Rng;
use journal::Journal;
use parking_lot::Mutex;

use crate::metrics::Meters;
use crate::options::Options;
use crate::refusal::Refusals;
use crate::sessions::Sessions;
use crate::store::Store;

pub struct Hub {
    pub options: Options,
    pub journal: Journal,
    pub clock: Arc<dyn Clock>,
    pub authority: Arc<dyn Authority>,
    pub meters: Meters,
    pub refusals: Refusals,
    pub sessions: Arc<Sessions>,
    pub store: Store,
    pub rng: Mutex<Rng>,
}
