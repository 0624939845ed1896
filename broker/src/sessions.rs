//! Who is connected under which client identifier: one connection each, the newest wins.
//!
//! A claim is held for as long as a connection lives. Who claims a taken identifier tells the holder to go and waits until it has
//! left the session in order: nothing of it is then in two hands.

use std::sync::Arc;

use domain::access::Principal;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::packet::{Ending, Reason, Text};

#[derive(Default)]
pub struct Sessions {
    slots: Mutex<HashMap<Text, Slot>>,
}

struct Slot {
    principal: Principal,
    kick: watch::Sender<Option<Ending>>,
    gone: CancellationToken,
}

/// The right to act as a client; released when dropped.
pub struct Claim {
    sessions: Arc<Sessions>,
    client: Text,
    gone: CancellationToken,
    kicked: watch::Receiver<Option<Ending>>,
}

impl Sessions {
    /// Waits for a former connection of this client to leave.
    pub async fn claim(self: &Arc<Self>, client: &Text, principal: &Principal) -> Claim {
        loop {
            let leaving = {
                let mut slots = self.slots.lock();
                match slots.get(client) {
                    Some(slot) => {
                        slot.kick.send_replace(Some(Reason::SESSION_TAKEN_OVER.into()));
                        slot.gone.clone()
                    }
                    None => {
                        let (kick, kicked) = watch::channel(None);
                        let gone = CancellationToken::new();
                        slots.insert(client.clone(), Slot { principal: principal.clone(), kick, gone: gone.clone() });
                        return Claim { sessions: self.clone(), client: client.clone(), gone, kicked };
                    }
                }
            };
            leaving.cancelled().await;
        }
    }

    /// Ends a client's connection, if it has one.
    pub fn kick(&self, client: &str, ending: impl Into<Ending>) -> bool {
        let slots = self.slots.lock();
        slots.get(client).map(|slot| slot.kick.send_replace(Some(ending.into()))).is_some()
    }

    /// Ends the connections of those who may no longer stay; their identifiers.
    pub fn kick_unless(&self, may_stay: impl Fn(&Principal) -> bool, reason: Reason) -> Vec<Text> {
        let slots = self.slots.lock();
        let leaving = slots.iter().filter(|(_, slot)| !may_stay(&slot.principal));
        leaving
            .map(|(client, slot)| {
                slot.kick.send_replace(Some(reason.into()));
                client.clone()
            })
            .collect()
    }

    pub fn is_connected(&self, client: &str) -> bool {
        self.slots.lock().contains_key(client)
    }

    pub fn count(&self) -> usize {
        self.slots.lock().len()
    }
}

impl Claim {
    /// Resolves once the connection has to end, with what to tell the client.
    pub fn kicked(&self) -> impl Future<Output = Ending> + Send + use<> {
        let mut kicked = self.kicked.clone();
        async move {
            match kicked.wait_for(Option::is_some).await {
                Ok(ending) => ending.unwrap_or(Ending::Reason(Reason::ADMINISTRATIVE)),
                Err(_) => Ending::Reason(Reason::ADMINISTRATIVE),
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.sessions.slots.lock().remove(&self.client);
        self.gone.cancel();
    }
}
