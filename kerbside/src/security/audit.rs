//! The audit log of a running server, in the file that commands write, too.

use std::path::Path;
use std::sync::Arc;

use domain::Clock;
use domain::access::{Act, ActId, Audit, AuditError};
use parking_lot::Mutex;

use super::store::{Store, StoreError};

pub struct AuditLog {
    store: Mutex<Store>,
    clock: Arc<dyn Clock>,
}

impl AuditLog {
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Ok(Self { store: Mutex::new(Store::open(dir)?), clock })
    }
}

impl Audit for AuditLog {
    fn begin(&self, act: Act<'_>) -> Result<ActId, AuditError> {
        self.store.lock().begin(act, self.clock.now()).map_err(|error| AuditError(error.to_string()))
    }

    fn end(&self, act: ActId, outcome: &str) -> Result<(), AuditError> {
        self.store.lock().end(act, outcome, self.clock.now()).map_err(|error| AuditError(error.to_string()))
    }
}

/// Who runs this command, as far as the machine knows.
pub fn operator() -> String {
    let uid = rustix::process::getuid().as_raw();
    let name = ["SUDO_USER", "USER"].into_iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    format!("{} (uid {uid})", name.as_deref().unwrap_or("somebody"))
}
