//! The audit log of a running server and of commands, in one file.

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

/// One act of whoever runs this command on a data directory that no server has: in the log before it is done.
pub struct Deed {
    log: AuditLog,
    act: ActId,
}

impl Deed {
    pub fn begin(dir: &Path, act: &str, subject: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let log = AuditLog::open(dir, clock)?;
        let act = log.begin(Act { who: &operator(), act, subject })?;
        Ok(Self { log, act })
    }

    pub fn end(self, outcome: &str) -> anyhow::Result<()> {
        Ok(self.log.end(self.act, outcome)?)
    }
}

/// Who runs this command, as far as the machine knows.
pub fn operator() -> String {
    let variable = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
    let said = variable("SUDO_USER").or_else(|| variable("USER"));
    // Without the file, or without the user in it, the number has to do.
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(rustix::process::getuid().as_raw(), said, &accounts)
}

/// The name that the session says, else the account's.
fn named(uid: u32, said: Option<String>, accounts: &str) -> String {
    let account = || {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, number) = (fields.next()?, fields.nth(1)?);
            (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
        })
    };
    said.or_else(account).map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_acts_is_named_where_the_machine_knows_a_name() {
        let accounts = "root:x:0:0::/:/bin/sh\nan:x:1000:1000::/:/bin/sh\n";
        assert_eq!(named(0, None, accounts), "root (uid 0)");
        assert_eq!(named(1000, Some("binh".to_owned()), accounts), "binh (uid 1000)");
        assert_eq!(named(7, None, accounts), "uid 7");
        assert_eq!(named(7, None, ""), "uid 7");
    }

    #[test]
    fn a_deed_stands_in_the_log_before_it_is_done_and_with_its_outcome_after() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let acts = || Store::open(dir.path()).and_then(|store| store.acts(9)).expect("readable");
        let deed = Deed::begin(dir.path(), "import", "readings.csv", crate::clock::system()).expect("writable");
        let begun = &acts()[0];
        assert_eq!((begun.act.as_str(), begun.subject.as_str(), begun.outcome.as_deref()), ("import", "readings.csv", None));
        assert!(begun.who.contains("uid"), "{begun:?}");
        deed.end("3 readings durable").expect("writable");
        assert_eq!((acts().len(), acts()[0].outcome.as_deref()), (1, Some("3 readings durable")));
    }
}
