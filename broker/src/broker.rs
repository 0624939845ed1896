//! The front as a service: bind, accept, supervise, drain.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::Clock;
use domain::access::{Authority, Peer};
use domain::limits::CATCH_UP_READERS_MAX;
use domain::rng::Rng;
use journal::Journal;
use journal::storage::Storage;
use metrics::counter;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::admission::Checks;
use crate::checkpoint::Checkpoints;
use crate::connection::Connection;
use crate::dispatch::{CatchUp, dispatch};
use crate::engine::Engine;
use crate::error::Error;
use crate::farewell::{Client, farewell};
use crate::gate::{Gate, Pass};
use crate::handle::Handle;
use crate::handshake::{self, Admitted, Refused};
use crate::hub::Hub;
use crate::limit::Limit;
use crate::listener::{Accepted, Listener, Stream};
use crate::listeners::{Doors, Listeners};
use crate::metrics::{CONNECTS, CONNECTS_REFUSED, DISCONNECTS, Meters};
use crate::online::Online;
use crate::options::Options;
use crate::recovery::{Recovered, recover};
use crate::refusal::Refusals;
use crate::routes::Routes;
use crate::sessions::Sessions;
use crate::store::Store;
use crate::tls::Tls;
use crate::upkeep::{Floor, Upkeep};
use crate::wills::Wills;

/// What the front is given.
pub struct Deps {
    pub journal: Journal,
    pub clock: Arc<dyn Clock>,
    pub rng: Rng,
    pub authority: Arc<dyn Authority>,
    /// For the listeners with TLS, where there are any.
    pub tls: Option<Arc<dyn Tls>>,
}

/// A front that listens and does not serve yet.
pub struct Broker {
    hub: Arc<Hub>,
    doors: Doors,
    /// The work of the live engine's thread.
    live: Box<dyn FnOnce() + Send>,
}

impl Broker {
    /// Takes the sockets and restores sessions and retained messages. Refuses an address beyond this machine that nobody asked for
    /// by name (SEC-1).
    pub async fn bind(options: Options, deps: Deps) -> Result<Self, Error> {
        options.check().map_err(|(key, wanted)| Error::Option { key, wanted })?;
        let doors = Doors::Sockets(Box::new(Listeners::bind(&options, deps.tls.clone()).await?));
        let dir = options.dir.clone();
        let opened = aside::run(move || Checkpoints::open(dir)).await;
        let checkpoints = opened.map_err(|_| Error::Panicked { task: "checkpoint" })??;
        Self::open(options, deps, doors, checkpoints).await
    }

    /// As [`Broker::bind`], without sockets, threads or files of its own: the caller carries each client's stream to it and brings the
    /// storage of the checkpoint. Live subscriptions (QoS 0) are refused.
    pub async fn carried(
        options: Options,
        deps: Deps,
        streams: mpsc::UnboundedReceiver<(Box<dyn Stream>, Peer)>,
        checkpoints: Arc<dyn Storage>,
    ) -> Result<Self, Error> {
        let checkpoints = Checkpoints::on(options.dir.clone(), checkpoints);
        Self::open(options, deps, Doors::Carried(streams), checkpoints).await
    }

    async fn open(options: Options, deps: Deps, doors: Doors, checkpoints: Checkpoints) -> Result<Self, Error> {
        let Deps { journal, clock, rng, authority, .. } = deps;
        let Recovered { durable, retained, position, mileage, floor } = recover(&checkpoints, &journal).await?;
        let store = Store::new(journal.clone(), clock.clone(), durable);
        let (engine, live) = Engine::new();
        let hub = Arc::new(Hub {
            options,
            journal,
            clock,
            authority,
            checks: Checks::default(),
            gate: Arc::new(Gate::default()),
            meters: Meters::default(),
            refusals: Refusals::default(),
            sessions: Arc::new(Sessions::default()),
            store,
            rng: Mutex::new(rng),
            routes: Routes::new(retained, position),
            online: Online::default(),
            catch_up: CatchUp::new(),
            engine,
            live_queued: Arc::default(),
            wills: Wills::default(),
            mileage,
            floor: Floor::new(floor),
            checkpoints,
        });
        hub.name_required_sessions();
        hub.store.close_all();
        hub.rouse_wills_of_the_dead();
        Ok(Self { hub, doors, live: Box::new(live) })
    }

    /// Where MQTT over TCP is listened for, port 0 of nowhere when clients are carried here.
    pub fn local_addr(&self) -> SocketAddr {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        self.doors.listeners().map_or(nowhere, |listeners| listeners.plain.address())
    }

    /// Where WebSocket is listened for, if anywhere.
    pub fn ws_addr(&self) -> Option<SocketAddr> {
        self.doors.listeners()?.websocket.as_ref().map(Listener::address)
    }

    /// Where TLS is listened for, if anywhere.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.doors.listeners()?.secure.as_ref().map(Listener::address)
    }

    /// Where WebSocket over TLS is listened for, if anywhere.
    pub fn wss_addr(&self) -> Option<SocketAddr> {
        self.doors.listeners()?.secure_websocket.as_ref().map(Listener::address)
    }

    pub fn handle(&self) -> Handle {
        Handle::new(self.hub.clone())
    }

    /// Serves until `shutdown`, then drains: what was received is journaled and acknowledged, and MQTT 5 clients are told.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let Self { hub, mut doors, live } = self;
        match &doors {
            Doors::Sockets(_) => spawn_live_engine(live)?,
            Doors::Carried(_) => drop(live),
        }
        // Outlives the connections: what they settle is still handed out and kept.
        let inner = CancellationToken::new();
        let mut services = services(&hub, &inner);
        let mut connections = JoinSet::new();
        let served = loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ok(()),
                Some(ended) = connections.join_next() => {
                    if let Err(error) = survived("connection", ended) {
                        break Err(error);
                    }
                }
                Some(ended) = services.join_next() => break survived("service", ended).and_then(|ended| ended),
                accepted = doors.accept() => welcome(&hub, accepted, &mut connections, &shutdown).await,
            }
        };
        drop(doors);
        shutdown.cancel();
        info!(connections = connections.len(), "front stops and drains");
        drain(&hub, connections, services, &inner).await.and(served)
    }
}

/// The tasks that serve all connections; the front ends with any of them.
fn services(hub: &Arc<Hub>, inner: &CancellationToken) -> JoinSet<Result<(), Error>> {
    let mut services = JoinSet::new();
    services.spawn(dispatch(hub.clone(), inner.clone()));
    services.spawn(Upkeep::new(hub.clone()).run(inner.clone()));
    let keeper = (hub.clone(), inner.clone());
    services.spawn(async move {
        let (hub, inner) = keeper;
        hub.refusals.keep(&hub.journal, &*hub.clock, &inner).await;
        Ok(())
    });
    for _ in 0..CATCH_UP_READERS_MAX {
        let (hub, inner) = (hub.clone(), inner.clone());
        services.spawn(async move { hub.catch_up.run(&hub, &inner).await });
    }
    services
}

fn spawn_live_engine(work: Box<dyn FnOnce() + Send>) -> Result<(), Error> {
    let spawned = std::thread::Builder::new().name(crate::engine::THREADS[0].into()).spawn(work);
    // It ends with the front's last handle, and its panic is its subscribers' loss only.
    spawned.map(drop).map_err(Error::Thread)
}

async fn drain(
    hub: &Arc<Hub>,
    mut connections: JoinSet<()>,
    mut services: JoinSet<Result<(), Error>>,
    inner: &CancellationToken,
) -> Result<(), Error> {
    while let Some(ended) = connections.join_next().await {
        survived("connection", ended)?;
    }
    inner.cancel();
    while let Some(ended) = services.join_next().await {
        survived("service", ended)??;
    }
    Upkeep::new(hub.clone()).finish().await;
    Ok(())
}

fn survived<T>(task: &'static str, ended: Result<T, JoinError>) -> Result<T, Error> {
    ended.map_err(|_| Error::Panicked { task })
}

/// From accept to CONNECT of a client that is turned away in any case.
const TURNING_AWAY_MAX: Duration = Duration::from_secs(2);
/// After an error of `accept` that is not the client's (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn welcome(
    hub: &Arc<Hub>,
    accepted: std::io::Result<Accepted>,
    connections: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) {
    match accepted {
        Ok(accepted) => match hub.gate.enter(&accepted.peer, &hub.options) {
            Ok(pass) => {
                connections.spawn(attend(hub.clone(), accepted, pass, shutdown.clone()));
            }
            Err(limit) => refuse(hub, accepted, limit, connections, shutdown),
        },
        Err(error) => {
            warn!(%error, "accept failed");
            hub.clock.sleep(ACCEPT_PAUSE).await;
        }
    }
}

/// A client over a limit is told so; when a crowd is, some of them are closed without a word.
fn refuse(hub: &Arc<Hub>, accepted: Accepted, limit: Limit, connections: &mut JoinSet<()>, shutdown: &CancellationToken) {
    limit.reached();
    let Some(place) = hub.gate.doorstep() else {
        return counter!(CONNECTS_REFUSED, "cause" => limit.name()).increment(1);
    };
    let (hub, shutdown, peer) = (hub.clone(), shutdown.clone(), accepted.peer.address);
    connections.spawn(async move {
        let greeting = async {
            let (mut stream, _) = accepted.open().await.ok()?;
            let refused = handshake::turn_away(&mut stream, limit).await;
            Some((stream, refused))
        };
        let greeted = tokio::select! {
            biased;
            greeted = greeting => greeted,
            () = hub.clock.sleep(TURNING_AWAY_MAX) => None,
            () = shutdown.cancelled() => None,
        };
        match greeted {
            Some((stream, refused)) => turn_away(&hub, stream, refused, peer, &shutdown).await,
            None => counter!(CONNECTS_REFUSED, "cause" => limit.name()).increment(1),
        }
        drop(place);
    });
}

/// A socket's whole life. Greeting and serving have boxes of their own: a connection that is served is most of the memory that a
/// city of sensors takes, and need not be as large as both.
async fn attend(hub: Arc<Hub>, accepted: Accepted, pass: Pass, shutdown: CancellationToken) {
    let address = accepted.peer.address;
    let greeted = tokio::select! {
        biased;
        greeted = Box::pin(greet(&hub, accepted)) => greeted,
        () = hub.clock.sleep(hub.options.handshake_max()) => {
            Limit::Handshake.reached();
            counter!(CONNECTS_REFUSED, "cause" => "timeout").increment(1);
            return;
        }
        () = shutdown.cancelled() => return,
    };
    match greeted {
        Ok((stream, admitted)) => {
            counter!(CONNECTS).increment(1);
            hub.meters.connections.increment(1.0);
            debug!(client = %admitted.client, peer = %address, "client connected");
            let end = Box::pin(Connection::new(hub.clone(), stream, admitted).run(&shutdown)).await;
            hub.meters.connections.decrement(1.0);
            counter!(DISCONNECTS, "cause" => end.cause()).increment(1);
        }
        Err(NotLetIn::Refused(stream, refused)) => turn_away(&hub, stream, *refused, address, &shutdown).await,
        // What a TLS handshake says of a certificate that is over, revoked or of nobody's authority; or no WebSocket.
        Err(NotLetIn::Unheard(error)) if error.kind() == ErrorKind::InvalidData => {
            counter!(CONNECTS_REFUSED, "cause" => "handshake").increment(1);
            warn!(peer = %address, %error, "client turned away");
        }
        Err(NotLetIn::Unheard(_)) => counter!(CONNECTS_REFUSED, "cause" => "lost").increment(1),
    }
    drop(pass);
}

async fn greet(hub: &Arc<Hub>, accepted: Accepted) -> Result<(Box<dyn Stream>, Box<Admitted>), NotLetIn> {
    let (mut stream, peer) = accepted.open().await.map_err(NotLetIn::Unheard)?;
    match handshake::greet(hub, &mut stream, &peer).await {
        Ok(admitted) => Ok((stream, Box::new(admitted))),
        Err(refused) => Err(NotLetIn::Refused(stream, Box::new(refused))),
    }
}

/// A socket that became no client.
enum NotLetIn {
    /// It did not come as far as MQTT.
    Unheard(io::Error),
    Refused(Box<dyn Stream>, Box<Refused>),
}

async fn turn_away(hub: &Hub, stream: Box<dyn Stream>, mut refused: Refused, peer: SocketAddr, shutdown: &CancellationToken) {
    counter!(CONNECTS_REFUSED, "cause" => refused.cause).increment(1);
    match refused.is_suspicious {
        true => {
            warn!(%peer, client = %refused.client, user = %refused.user, cause = refused.cause, "client turned away")
        }
        false => debug!(%peer, cause = refused.cause, "client turned away"),
    }
    let (mut read, mut write) = tokio::io::split(stream);
    farewell((&mut read, &mut write), &mut refused.answer, Client::Speaks, &*hub.clock, shutdown).await;
}
