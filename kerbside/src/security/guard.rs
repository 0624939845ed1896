//! Answers the front and the API from the roster.
//!
//! Who shows a certificate or a name and a password is judged by them; who shows nothing is let in where the policy for clients without
//! credentials says so. A wrong password and an unknown user are the same answer after the same time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::Clock;
use domain::access::{Admission, Anonymous, Authority, Caller, Credentials, Denied, Keys, Peer, Principal};
use domain::limits::PASSWORD_BYTES_MAX;
use parking_lot::Mutex;

use super::failures::{Failures, Who};
use super::key::Shown;
use super::password::Hash;
use super::remembered::Remembered;
use super::roster::Roster;

/// A cheap handle.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    roster: ArcSwap<Roster>,
    anonymous: Anonymous,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
    failures: Mutex<Failures>,
}

impl Guard {
    pub fn new(roster: Roster, anonymous: Anonymous, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            roster: ArcSwap::from_pointee(roster),
            anonymous,
            clock,
            remembered: Mutex::default(),
            failures: Mutex::default(),
        }))
    }

    /// From here on every answer is by this roster; `false` where it says the same as before.
    pub fn replace(&self, roster: Roster) -> bool {
        let Inner { roster: current, clock, remembered, .. } = &*self.0;
        if roster == **current.load() {
            return false;
        }
        remembered.lock().retain(|device| roster.device(device, clock.now()).is_some());
        current.store(Arc::new(roster));
        true
    }
}

impl Inner {
    fn by_certificate(&self, name: &str, user: Option<&str>) -> Result<Principal, Denied> {
        let roster = self.roster.load();
        let device = roster.device(name, self.clock.now()).filter(|device| device.certificate);
        match (device, user) {
            (_, Some(user)) if user != name => Err(Denied::BadCredentials),
            (Some(device), _) => Ok(Principal::Device(device.id.as_str().into())),
            (None, _) => Err(Denied::NotAuthorised),
        }
    }

    fn pauses(&self, peer: &Peer, user: &str) -> bool {
        let (address, now) = (peer.address.ip(), self.clock.elapsed());
        let failures = self.failures.lock();
        // Behind a proxy on this machine everybody has one address.
        let address_pauses = !peer.is_local() && failures.pause(&Who::anybody(address), now).is_some();
        address_pauses || failures.pause(&Who::user(address, user), now).is_some()
    }

    fn failed(&self, peer: &Peer, user: &str) -> Denied {
        let (address, now) = (peer.address.ip(), self.clock.elapsed());
        let mut failures = self.failures.lock();
        failures.note(Who::user(address, user), now);
        failures.note(Who::anybody(address), now);
        Denied::BadCredentials
    }

    /// The stored hash of a device that a password lets in.
    fn hash_of(&self, user: &str) -> Option<Hash> {
        self.roster.load().device(user, self.clock.now()).and_then(|device| device.password.clone())
    }

    fn by_password(self: &Arc<Self>, peer: &Peer, user: &str, password: &[u8]) -> Admission {
        if self.pauses(peer, user) {
            return Admission::Decided(Err(Denied::BackedOff));
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return Admission::Decided(Err(self.failed(peer, user)));
        }
        let hash = self.hash_of(user);
        if let Some(hash) = &hash
            && self.remembered.lock().knows(user, hash, password, self.clock.elapsed())
        {
            return Admission::Decided(Ok(Principal::Device(user.into())));
        }
        let (inner, peer, user, password) = (Arc::clone(self), peer.clone(), user.to_owned(), password.to_vec());
        Admission::Costly(Box::new(move || inner.check(&peer, &user, hash, &password)))
    }

    /// Hashes in any case: who is not known takes as long as who is.
    fn check(&self, peer: &Peer, user: &str, hash: Option<Hash>, password: &[u8]) -> Result<Principal, Denied> {
        let is_right = hash.as_ref().unwrap_or_else(|| Hash::of_nobody()).is_of(password);
        // Whoever was revoked while it was hashed is not let in.
        match hash.filter(|hash| is_right && self.hash_of(user).as_ref() == Some(hash)) {
            Some(hash) => {
                self.failures.lock().forget(&Who::user(peer.address.ip(), user));
                self.remembered.lock().note(user, &hash, password, self.clock.elapsed());
                Ok(Principal::Device(user.into()))
            }
            None => Err(self.failed(peer, user)),
        }
    }
}

impl Authority for Guard {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Admission {
        let Credentials { user, password, peer, .. } = *credentials;
        let user = user.filter(|user| !user.is_empty());
        if let Some(name) = &peer.certificate {
            return Admission::Decided(self.0.by_certificate(name, user));
        }
        let admits = self.0.anonymous.admits(peer);
        match user {
            // Where nobody has to show anything, a name that means nothing here keeps nobody out.
            Some(user) if !admits || self.0.roster.load().knows_device(user) => {
                self.0.by_password(peer, user, password.unwrap_or_default())
            }
            _ if admits => Admission::Decided(Ok(Principal::Anonymous)),
            _ => Admission::Decided(Err(Denied::NotAuthorised)),
        }
    }

    fn may_publish(&self, principal: &Principal, topic: &str) -> bool {
        match principal {
            Principal::Anonymous => Anonymous::may_publish(topic),
            Principal::Device(id) => {
                self.0.roster.load().device(id, self.0.clock.now()).is_some_and(|device| device.grants.may_publish(topic))
            }
        }
    }

    fn may_subscribe(&self, principal: &Principal, filter: &str) -> bool {
        match principal {
            Principal::Anonymous => true,
            Principal::Device(id) => {
                self.0.roster.load().device(id, self.0.clock.now()).is_some_and(|device| device.grants.may_subscribe(filter))
            }
        }
    }

    fn is_in_force(&self, principal: &Principal) -> bool {
        match principal {
            Principal::Anonymous => true,
            Principal::Device(id) => self.0.roster.load().device(id, self.0.clock.now()).is_some(),
        }
    }
}

impl Keys for Guard {
    fn caller(&self, key: &str) -> Option<Caller> {
        let shown = Shown::parse(key)?;
        let roster = self.0.roster.load();
        let kept = roster.key(shown.id, self.0.clock.now());
        // Compared in any case, so that an id that exists is not told by the time.
        let is_it = shown.is(kept.map_or(&[0; 32], |key| &key.hash));
        kept.filter(|_| is_it).map(|key| Caller { name: key.name.clone(), key: key.id.clone(), scopes: key.scopes })
    }
}

#[cfg(test)]
mod tests;
