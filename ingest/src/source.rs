//! The source for a city that already has a broker (Mosquitto, EMQX, The Things Stack): subscribe, journal, fsync, then acknowledge.
//!
//! ```text
//! broker ──► link: one connection ──► append ──► journal ──fsync──► acknowledge, in order, on the same connection
//!   ▲                                                                    │ lost, refused, not writable
//!   └──────── a new link after a back-off; what was not acknowledged comes again ◄─┘
//! ```
//!
//! The session is persistent, so the broker keeps what arrives while nobody is here, as far as its own limits go. Acknowledgements carry
//! no session epoch in rumqttc and a late one would hit another message of the next connection; here a connection is a link of its own, thrown away
//! with its queue, so that a stale acknowledgement has nowhere to go. Subscriptions ask for QoS 1: QoS 2 would save no duplicate that identity
//! does not already catch, and rumqttc forgets open QoS 2 ids on reconnect. Absent: publishing (rumqttc holds acknowledgements back behind
//! a full outgoing window, so a publisher needs a client of its own), and whom TLS trusts, which is handed in.

mod circle;
mod link;
mod message;
pub mod metrics;
mod options;
mod session;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{counter, gauge};
use domain::Clock;
use journal::Journal;
use rumqttc::tokio_rustls::rustls::ClientConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use options::{Error, Options, Version};

use link::Link;
use options::Broker;
use session::{Ended, Session};

/// Waits between two connections: doubled up to the longest, from the shortest again once a subscription stood.
const BACK_OFF_MIN: Duration = Duration::from_millis(500);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// Takes the messages of another broker into the journal.
pub struct Source {
    broker: Broker,
    journal: Journal,
    clock: Arc<dyn Clock>,
    status: watch::Sender<Status>,
}

/// What a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not connected, or not yet subscribed.
    Away,
    /// Every filter is granted; messages flow.
    Subscribed,
}

impl Source {
    /// Judges the options and reads the password file. `tls` is how a broker over TLS is reached, as [`Options::is_secure`] says.
    pub fn new(options: Options, tls: Option<Arc<ClientConfig>>, journal: Journal, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let broker = options.broker()?;
        // Whatever went wrong before: what was to be said over TLS is never said in the clear.
        if broker.is_secure && tls.is_none() {
            return Err(Error::Tls);
        }
        let broker = Broker { tls: tls.filter(|_| broker.is_secure), ..broker };
        Ok(Self { broker, journal, clock, status: watch::Sender::new(Status::Away) })
    }

    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Until `shutdown`: then what is appended is still acknowledged, and the session stays with the broker. A broker that is away or refuses
    /// is tried again for ever, and `status` says so.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut back_off = BACK_OFF_MIN;
        loop {
            let link = Link::open(&self.broker);
            let session = Session { broker: &self.broker, journal: &self.journal, clock: &self.clock, status: &self.status };
            let ended = session.serve(link, &shutdown).await;
            if self.status.send_replace(Status::Away) == Status::Subscribed {
                back_off = BACK_OFF_MIN;
            }
            gauge!(metrics::SUBSCRIBED).set(0.0);
            match ended {
                Ended::Left => {
                    info!(broker = %self.broker.address(), "left the broker");
                    return Ok(());
                }
                Ended::Lost(error) => {
                    counter!(metrics::LOST).increment(1);
                    warn!(%error, broker = %self.broker.address(), again_in_s = back_off.as_secs_f64(), "lost the broker");
                }
                Ended::Unwritable(error) => {
                    // Connected again, the broker sends what was not acknowledged once more.
                    warn!(%error, broker = %self.broker.address(), again_in_s = back_off.as_secs_f64(), "left the broker until the journal takes records");
                }
            }
            tokio::select! {
                () = self.clock.sleep(back_off) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            back_off = (back_off * 2).min(BACK_OFF_MAX);
        }
    }
}
