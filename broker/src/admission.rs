//! Asks the authority about a client. What it decides from memory is answered at once; a password is hashed on a thread that may wait,
//! few at a time: a storm of logins takes neither the runtime's threads nor the machine's memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::access::{Admission, Authority, Credentials, Denied, Principal};
use domain::limits::{PASSWORD_CHECKS_MAX, PASSWORD_CHECKS_WAITING_MAX};
use tokio::sync::Semaphore;

/// The places where passwords are checked.
pub struct Checks {
    free: Semaphore,
    /// Clients that have a place or wait for one.
    present: AtomicUsize,
}

impl Default for Checks {
    fn default() -> Self {
        Self { free: Semaphore::new(PASSWORD_CHECKS_MAX), present: AtomicUsize::new(0) }
    }
}

impl Checks {
    /// Cancel-safe: a client that gives up waiting frees its place.
    pub async fn ask(&self, authority: &dyn Authority, credentials: &Credentials<'_>) -> Result<Principal, Denied> {
        let work = match authority.authenticate(credentials) {
            Admission::Decided(decided) => return decided,
            Admission::Costly(work) => work,
        };
        let _present = Present::enter(&self.present)?;
        let _place = self.free.acquire().await.map_err(|_| Denied::Unavailable)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Denied::Unavailable)?
    }
}

/// Counts a client in, and out when it is dropped.
struct Present<'a>(&'a AtomicUsize);

impl<'a> Present<'a> {
    fn enter(present: &'a AtomicUsize) -> Result<Self, Denied> {
        let before = present.fetch_add(1, Ordering::Relaxed);
        let entered = Self(present);
        if before < PASSWORD_CHECKS_WAITING_MAX { Ok(entered) } else { Err(Denied::Unavailable) }
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use domain::access::Peer;
    use parking_lot::Mutex;

    use super::*;

    /// Each check waits until the test lets it go.
    struct Slow {
        running: Arc<AtomicUsize>,
        go: Arc<Mutex<mpsc::Receiver<()>>>,
    }

    impl Authority for Slow {
        fn authenticate(&self, _: &Credentials<'_>) -> Admission {
            let (running, go) = (self.running.clone(), self.go.clone());
            Admission::Costly(Box::new(move || {
                running.fetch_add(1, Ordering::SeqCst);
                let _ = go.lock().recv();
                Ok(Principal::Anonymous)
            }))
        }

        fn may_publish(&self, _: &Principal, _: &str) -> bool {
            false
        }

        fn may_subscribe(&self, _: &Principal, _: &str) -> bool {
            false
        }

        fn is_in_force(&self, _: &Principal) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn few_passwords_are_hashed_at_a_time_and_a_crowd_is_told_to_come_again() {
        let (let_go, go) = mpsc::channel();
        let slow = Slow { running: Arc::default(), go: Arc::new(Mutex::new(go)) };
        let (checks, running) = (Arc::new(Checks::default()), slow.running.clone());
        let slow: Arc<dyn Authority> = Arc::new(slow);
        let peer = Peer::plain(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let asking: Vec<_> = (0..PASSWORD_CHECKS_WAITING_MAX)
            .map(|_| {
                let (checks, slow, peer) = (checks.clone(), slow.clone(), peer.clone());
                tokio::spawn(async move {
                    let credentials = Credentials { client_id: "c", user: Some("u"), password: Some(b"p"), peer: &peer };
                    checks.ask(&*slow, &credentials).await
                })
            })
            .collect();
        while checks.present.load(Ordering::Relaxed) < PASSWORD_CHECKS_WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert!(running.load(Ordering::SeqCst) <= PASSWORD_CHECKS_MAX);
        let credentials = Credentials { client_id: "c", user: Some("u"), password: Some(b"p"), peer: &peer };
        assert_eq!(checks.ask(&*slow, &credentials).await, Err(Denied::Unavailable));
        drop(let_go);
        for asked in asking {
            assert_eq!(asked.await.expect("no panic"), Ok(Principal::Anonymous));
        }
        assert_eq!(checks.present.load(Ordering::Relaxed), 0);
    }
}
