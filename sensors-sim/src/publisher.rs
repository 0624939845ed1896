//! A publisher of MQTT 3.1.1 at QoS 1 that loses nothing and keeps order: one connection, a window of unacknowledged publishes.
//!
//! What the broker has not acknowledged is kept and sent again, in order and before anything new, after each reconnect. That is why
//! this is not a general client: it owns its window (general clients drop it when the broker has no session), takes its time from
//! the [`Clock`], and sends in batches, so that a replay runs at the speed of the disk behind the PUBACK. Absent: subscriptions, QoS 2, MQTT 5.
//!
//! Dropping every [`Handle`] means "that was all": the publisher waits for the last PUBACK and leaves. Cancelling means "leave at once".

mod connection;
pub(crate) mod packet;
mod stats;
mod window;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Clock;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::error::Error;
use connection::{Connection, Left};
pub use stats::PublisherStats;
use window::Window;

/// First wait after a lost connection; doubles up to the option's limit.
const RECONNECT_FIRST: Duration = Duration::from_millis(100);
/// From TCP connect to CONNACK.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublisherOptions {
    /// `host:port`
    pub broker: String,
    pub client_id: String,
    /// Over TLS, where it is there; the host of `broker` has to stand in the server's certificate.
    #[serde(skip)]
    pub tls: Option<Arc<ClientConfig>>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// Publishes that may wait for their PUBACK, 1 to 65,534; the broker reads no further than its own limit.
    pub window: usize,
    /// Messages that may wait for the window; `publish` waits beyond it.
    pub queue: usize,
    pub keep_alive_s: u16,
    pub reconnect_max_s: u64,
    /// Without a connection for this long the publisher fails; `None` tries for ever.
    pub give_up_after_s: Option<u64>,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            broker: "127.0.0.1:1883".to_owned(),
            client_id: "kerbside-sim".to_owned(),
            tls: None,
            username: None,
            password: None,
            window: usize::from(domain::limits::RECEIVE_MAXIMUM),
            queue: 4_096,
            keep_alive_s: 30,
            reconnect_max_s: 5,
            give_up_after_s: None,
        }
    }
}

/// One message at QoS 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Bytes,
}

/// Hands messages to a running [`Publisher`].
#[derive(Clone)]
pub struct Handle {
    queue: mpsc::Sender<Message>,
    stats: Arc<Mutex<PublisherStats>>,
}

/// The publisher has ended: its `run` says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the publisher has ended")]
pub struct Ended;

impl Handle {
    /// Waits while the queue is full. The message is sent in the order of these calls.
    pub async fn publish(&self, message: Message) -> Result<(), Ended> {
        self.queue.send(message).await.map_err(|_| Ended)
    }

    pub fn stats(&self) -> PublisherStats {
        self.stats.lock().clone()
    }
}

pub struct Publisher {
    options: PublisherOptions,
    clock: Arc<dyn Clock>,
    queue: mpsc::Receiver<Message>,
    stats: Arc<Mutex<PublisherStats>>,
    window: Window,
}

impl Publisher {
    pub fn new(options: PublisherOptions, clock: Arc<dyn Clock>) -> (Self, Handle) {
        let (sender, queue) = mpsc::channel(options.queue.max(1));
        let stats = Arc::new(Mutex::new(PublisherStats::default()));
        let window = Window::new(options.window);
        let handle = Handle { queue: sender, stats: Arc::clone(&stats) };
        (Self { options, clock, queue, stats, window }, handle)
    }

    /// Until every handle is dropped and everything is acknowledged, until cancelled, or until the broker refuses for good.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<PublisherStats, Error> {
        let mut wait = RECONNECT_FIRST;
        let mut lost_at = self.clock.elapsed();
        let mut is_wait_told = false;
        loop {
            let attempt = tokio::select! {
                attempt = self.connect() => attempt,
                () = shutdown.cancelled() => return Ok(self.finish()),
            };
            match attempt {
                Ok(connection) => {
                    wait = RECONNECT_FIRST;
                    is_wait_told = false;
                    match self.converse(connection, &shutdown).await {
                        Left::Done | Left::Cancelled => return Ok(self.finish()),
                        Left::Lost(detail) => {
                            warn!(client = %self.options.client_id, %detail, unacknowledged = self.window.len(), "connection lost");
                            self.stats.lock().connections_lost += 1;
                        }
                    }
                    lost_at = self.clock.elapsed();
                }
                Err(Refusal::ForGood(detail)) => return Err(self.broker_error(detail)),
                Err(Refusal::ForNow(detail)) => {
                    let silent = self.clock.elapsed().saturating_sub(lost_at);
                    if self.options.give_up_after_s.is_some_and(|limit| silent >= Duration::from_secs(limit)) {
                        return Err(self.broker_error(detail));
                    }
                    self.tell_wait(&detail, !is_wait_told);
                    is_wait_told = true;
                }
            }
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                () = shutdown.cancelled() => return Ok(self.finish()),
            }
            wait = (wait * 2).min(Duration::from_secs(self.options.reconnect_max_s.max(1)));
        }
    }

    async fn converse(&mut self, connection: Connection, shutdown: &CancellationToken) -> Left {
        info!(client = %self.options.client_id, broker = %self.options.broker, "connected");
        let keep_alive = Duration::from_secs(u64::from(self.options.keep_alive_s.max(1)));
        connection.run(&mut self.window, &mut self.queue, &self.stats, &*self.clock, keep_alive, shutdown).await
    }

    async fn connect(&self) -> Result<Connection, Refusal> {
        let handshake = async {
            let stream = TcpStream::connect(&self.options.broker).await.map_err(|error| Refusal::ForNow(error.to_string()))?;
            stream.set_nodelay(true).map_err(|error| Refusal::ForNow(error.to_string()))?;
            let connect = packet::connect(&self.options);
            match &self.options.tls {
                None => Connection::open(Box::new(stream), &connect).await,
                Some(config) => {
                    let stream = TlsConnector::from(Arc::clone(config)).connect(self.server_name()?, stream).await;
                    Connection::open(Box::new(stream.map_err(of_tls)?), &connect).await
                }
            }
        };
        tokio::select! {
            done = handshake => done,
            () = self.clock.sleep(HANDSHAKE_MAX) => Err(Refusal::ForNow("no CONNACK in time".to_owned())),
        }
    }

    fn server_name(&self) -> Result<ServerName<'static>, Refusal> {
        let (host, _) = self.options.broker.rsplit_once(':').unwrap_or((&self.options.broker, ""));
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        name.map_err(|_| Refusal::ForGood(format!("{host:?} is no name that a certificate could hold")))
    }

    /// Once loudly, since whoever looks on sees nothing else happen.
    fn tell_wait(&self, detail: &str, is_first: bool) {
        let PublisherOptions { client_id: client, broker, give_up_after_s, .. } = &self.options;
        if !is_first {
            return debug!(%client, %detail, "no connection yet");
        }
        match give_up_after_s {
            Some(give_up_after_s) => warn!(%client, %broker, %detail, give_up_after_s, "waits for the broker"),
            None => warn!(%client, %broker, %detail, "waits for the broker"),
        }
    }

    fn broker_error(&self, detail: String) -> Error {
        Error::Broker { broker: self.options.broker.clone(), detail }
    }

    fn finish(&self) -> PublisherStats {
        let mut stats = self.stats.lock();
        stats.unacknowledged = self.window.len() as u64;
        stats.clone()
    }
}

/// Why there is no connection.
pub(crate) enum Refusal {
    ForNow(String),
    ForGood(String),
}

/// Whom nobody trusts, or who is somebody else, is so in a second, too; a certificate or list that is renewed just now, or a clock
/// that is wrong, is not.
fn of_tls(error: std::io::Error) -> Refusal {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(fault)) if !is_of_its_time(fault) => Refusal::ForGood(error.to_string()),
        _ => Refusal::ForNow(error.to_string()),
    }
}

fn is_of_its_time(fault: &CertificateError) -> bool {
    use CertificateError::{
        Expired, ExpiredContext, ExpiredRevocationList, ExpiredRevocationListContext, NotValidYet, NotValidYetContext,
        UnknownRevocationStatus,
    };
    matches!(
        fault,
        Expired
            | ExpiredContext { .. }
            | NotValidYet
            | NotValidYetContext { .. }
            | ExpiredRevocationList
            | ExpiredRevocationListContext { .. }
            | UnknownRevocationStatus
    )
}

#[cfg(test)]
mod tests;
