//! What a process answers HTTP from: an ingest of its own, one elsewhere, or nothing but itself.

use std::sync::Arc;

use journal::{Health, Journal};
use lake::contract::{Intake, Live};
use query::Readiness;
use query::alone::Alone;
use query::remote::Remote;

pub struct Answers {
    pub live: Arc<dyn Live>,
    pub intake: Arc<dyn Intake>,
    pub ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

impl Answers {
    pub fn in_process(service: &ingest::Service, journal: &Journal) -> Self {
        let handle = Arc::new(service.handle());
        let (ready, journal) = (Arc::clone(&handle), journal.clone());
        let ready = move || match (writing(&journal), ready.is_caught_up()) {
            (Readiness::Ready, false) => Readiness::Waiting("recovery".to_owned()),
            (writing, _) => writing,
        };
        Self { live: handle.clone(), intake: handle, ready: Arc::new(ready) }
    }

    pub fn of(remote: &Remote) -> Self {
        let ready = remote.clone();
        Self { live: Arc::new(remote.clone()), intake: Arc::new(remote.clone()), ready: Arc::new(move || ready.readiness()) }
    }

    /// A broker tells of itself only: readings are asked of ingest or query.
    pub fn of_a_broker(journal: &Journal) -> Self {
        let alone = Arc::new(Alone::new("this process is a broker alone: ask the process of ingest or of query"));
        let journal = journal.clone();
        Self { live: alone.clone(), intake: alone, ready: Arc::new(move || writing(&journal)) }
    }
}

fn writing(journal: &Journal) -> Readiness {
    match journal.health() {
        Health::Failed(error) => Readiness::Waiting(format!("the journal cannot write: {error}")),
        _ => Readiness::Ready,
    }
}
