//! The front of a data directory that nobody serves: what it kept, for commands that change the directory without it.

use std::path::PathBuf;

use domain::Position;
use journal::Journal;

use crate::checkpoint::{Checkpoint, Checkpoints};
use crate::durable::Durable;
use crate::error::Error;
use crate::options::Options;
use crate::recovery::{Recovered, recover};
use crate::retained::KeptMessage;

/// The front's state at the journal's end.
pub struct AtRest {
    journal: Journal,
    checkpoints: Checkpoints,
    pub(crate) recovered: Recovered,
}

impl AtRest {
    /// `None` where no front ever kept anything in `dir`.
    pub async fn open(dir: PathBuf, journal: &Journal) -> Result<Option<Self>, Error> {
        if !dir.exists() {
            return Ok(None);
        }
        let checkpoints = Checkpoints::open(dir)?;
        let recovered = recover(&checkpoints, journal).await?;
        Ok(Some(Self { journal: journal.clone(), checkpoints, recovered }))
    }

    /// Up to where the next front needs the journal, once this state is [written](Self::settle); `None`: not at all. It holds for as long
    /// as nobody but a front appends what a front keeps.
    pub fn floor(&self, options: &Options) -> Option<Position> {
        self.recovered.durable.floor(options)
    }

    /// Writes the state as the next front's checkpoint. Blocks until it is on the disk.
    pub fn settle(&self) -> Result<(), Error> {
        self.write(self.recovered.durable.clone(), self.recovered.retained.kept())
    }

    pub(crate) fn write(&self, sessions: Durable, retained: Vec<KeptMessage>) -> Result<(), Error> {
        let position = self.recovered.position;
        let journal = self.journal.id().0;
        self.checkpoints.write(&Checkpoint { journal, sessions_at: position, sessions, retained_at: position, retained })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::record::kind;
    use domain::time::SystemClock;
    use domain::{Clock, JournalId};

    use super::*;
    use crate::change::{Change, Subscription};
    use crate::packet::Text;

    #[tokio::test]
    async fn only_a_session_that_is_owed_something_keeps_the_journal() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(|_| Box::pin(std::future::pending())));
        let options = journal::Options { dir: dir.path().join("journal"), ..journal::Options::default() };
        let (journal, _) = Journal::open(options, clock, JournalId(1)).expect("opens");
        let front = dir.path().join("broker");
        assert!(AtRest::open(front.clone(), &journal).await.expect("readable").is_none(), "no front was here");
        std::fs::create_dir(&front).expect("writable");
        let change = async |change: Change| journal.append(kind::SESSION, &change.encode()).await.expect("durable");
        let client = || Text::from("display");
        change(Change::Opened { client: client(), clean: false, expiry_s: 60 }).await;
        let options = Options::default();
        let rested = AtRest::open(front.clone(), &journal).await.expect("readable").expect("a front");
        assert_eq!(rested.floor(&options), None, "it is subscribed to nothing");
        let required = Options { required_sessions: vec!["display".to_owned()], ..Options::default() };
        assert!(rested.floor(&required).is_some());
        let subscription = Subscription { qos: 1, ..Subscription::default() };
        let since = change(Change::Subscribed { client: client(), filter: Text::from("#"), subscription }).await;
        let rested = AtRest::open(front.clone(), &journal).await.expect("readable").expect("a front");
        let floor = rested.floor(&options).expect("it is owed what comes");
        assert!(floor <= since, "{floor} {since}");
        rested.settle().expect("writable");
        let again = AtRest::open(front, &journal).await.expect("readable").expect("a front");
        assert_eq!((again.recovered.floor, again.floor(&options)), (since, Some(floor)));
        assert_eq!(again.recovered.durable, rested.recovered.durable);
        journal.close().await.expect("closes");
    }
}
