//! One server process: its parts, opened in the order in which they depend on each other, and run until its end.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use broker::Broker;
use domain::rng::Rng;
use domain::{Clock, JournalId, Position};
use ingest::link::Link;
use ingest::source::Source;
use journal::Journal;
use lake::Lake;
use query::LakeFiles;
use query::remote::{self, Remote};

use crate::announcer::Announcer;
use crate::answers::Answers;
use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::listeners::{self, Doors, address};
use crate::security::{AuditLog, Guard, Watch};
use crate::supervisor::{Stage, Supervisor};
use crate::tls::Certificates;
use crate::{clock, command, disk, source, telemetry};

/// What a process does of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub broker: bool,
    pub ingest: bool,
}

impl Roles {
    pub const ALL: Self = Self { broker: true, ingest: true };
    pub const BROKER: Self = Self { broker: true, ingest: false };
    pub const INGEST: Self = Self { broker: false, ingest: true };
}

/// The open parts. Fields are dropped in this order: the lock of the data directory goes last.
pub struct Node {
    clock: Arc<dyn Clock>,
    journal: Journal,
    broker: Option<Broker>,
    source: Option<Source>,
    ingest: Option<ingest::Service>,
    http: Option<query::Server>,
    link: Option<Link>,
    /// Of a process without an ingest of its own.
    remote: Option<(Remote, remote::Follower)>,
    credentials: Watch,
    disk: disk::Watch,
    certificates: Option<Certificates>,
    _data_dir: DataDir,
}

impl Node {
    /// Takes the data directory, recovers what lies there and binds the listeners. A taken port is told before anything is recovered.
    pub async fn open(config: Config, roles: Roles) -> anyhow::Result<Self> {
        let data_dir = DataDir::open(&config.data_dir)?;
        listeners::try_all(&config, Doors::of(roles))?;
        let clock = clock::system();
        let credentials = Watch::open(&config.security.dir(&config.data_dir), config.broker.anonymous, Arc::clone(&clock))?;
        let certificates = open_certificates(&config, &clock)?;
        let mut rng = Rng::from_entropy();
        let journal = open_journal(&config, &clock, &mut rng).await?;
        let disk = disk::Watch::new(&config.disk, data_dir.path(), journal.clone(), Arc::clone(&clock))?;
        let broker = match roles.broker {
            true => Some(open_broker(&config, &journal, &clock, rng, (credentials.guard(), certificates.clone())).await?),
            false => None,
        };
        let source = match config.source.clone() {
            Some(other) => {
                let listeners: Vec<SocketAddr> = broker.iter().map(Broker::local_addr).collect();
                let options = other.clone();
                tokio::task::spawn_blocking(move || source::refuse(&options, &listeners)).await??;
                Some(source::open(other, &journal, &clock)?)
            }
            None => None,
        };
        let (mut ingest, mut http, mut link, mut remote) = (None, None, None, None);
        if roles.ingest {
            let lake = open_lake(&config, &clock).await?;
            let files = LakeFiles::of(&lake);
            let service = open_ingest(&config, &journal, lake, &clock, floors(broker.as_ref())).await?;
            let door = (credentials.guard(), certificates.clone());
            let address = address("http", &config.http)?;
            http = Some(open_http(&config, address, files, &clock, Answers::in_process(&service, &journal), door).await?);
            link = open_link(&config, &service).await?;
            ingest = Some(service);
        } else {
            if !config.query.ingest.is_empty() {
                remote = Some(open_remote(&config, None, &clock));
            }
            if let Some(text) = &config.broker_http {
                let door = (credentials.guard(), certificates.clone());
                let address = address("broker_http", text)?;
                http = Some(open_http(&config, address, LakeFiles::none(), &clock, Answers::of_a_broker(&journal), door).await?);
            }
        }
        Ok(Self {
            clock,
            journal,
            broker,
            source,
            ingest,
            http,
            link,
            remote,
            credentials,
            disk,
            certificates,
            _data_dir: data_dir,
        })
    }

    /// Where HTTP is served, when it is.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(query::Server::local_addr)
    }

    /// Where MQTT is served, when it is.
    pub fn mqtt(&self) -> Option<SocketAddr> {
        self.broker.as_ref().map(Broker::local_addr)
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The ways in and the running state, without a network.
    pub fn ingest(&self) -> Option<ingest::Handle> {
        self.ingest.as_ref().map(ingest::Service::handle)
    }

    /// Serves until a signal or a failure; `supervisor` may hold further parts of the process.
    pub async fn run(self, mut supervisor: Supervisor) -> anyhow::Result<()> {
        let line = self.ready_line();
        let handle = self.ingest();
        let Self { clock, journal, broker, source, ingest, http, link, remote, .. } = self;
        let (credentials, certificates, disk, data_dir) = (self.credentials, self.certificates, self.disk, self._data_dir);
        supervisor.start(Stage::Doors, "credentials", |token| credentials.run(token));
        supervisor.start(Stage::Pipeline, "disk", |token| disk.run(token));
        if let Some(certificates) = certificates {
            supervisor.start(Stage::Doors, "certificates", |token| certificates.run(token));
        }
        if let Some(broker) = broker {
            let front = broker.handle();
            // A child of the stage's token: the front cancels what it is given when it fails.
            supervisor.start(Stage::Doors, "broker", |token| broker.run(token.child_token()));
            match handle.clone().zip(http.as_ref().map(query::Server::announcements)) {
                Some((state, announcements)) => {
                    let announcer = Announcer::new(announcements, front, Arc::clone(&clock));
                    supervisor.start(Stage::Doors, "announcer", |token| async move {
                        // What a replay passes through is no news (PARK-1).
                        match token.run_until_cancelled(state.caught_up()).await {
                            Some(()) => announcer.run(token).await,
                            None => Ok(()),
                        }
                    });
                }
                None => {
                    let keeper = trim_behind(front.clone(), journal.clone(), Arc::clone(&clock));
                    supervisor.start(Stage::Doors, "journal keeper", |token| async move {
                        token.run_until_cancelled(keeper).await;
                        anyhow::Ok(())
                    });
                    if let Some((state, follower)) = remote {
                        supervisor.start(Stage::Doors, "follower", |token| follower.run(token));
                        let announcer =
                            Announcer::new(query::Announcements::of(Arc::new(state.clone())), front, Arc::clone(&clock));
                        supervisor.start(Stage::Doors, "announcer", |token| async move {
                            match token.run_until_cancelled(state.caught_up()).await {
                                Some(()) => announcer.run(token).await,
                                None => Ok(()),
                            }
                        });
                    }
                }
            }
        }
        if let Some(source) = source {
            supervisor.start(Stage::Doors, "source", |token| source.run(token));
        }
        if let Some(link) = link {
            supervisor.start(Stage::Doors, "link", |token| link.run(token));
        }
        if let Some(http) = http {
            supervisor.start(Stage::Doors, "http", |token| http.run(token));
        }
        if let Some(ingest) = ingest {
            supervisor.start(Stage::Pipeline, "ingest", |token| ingest.run(token));
        }
        let ready = async move {
            if let Some(handle) = handle {
                handle.caught_up().await;
            }
            command::say(&line)
        };
        let outcome = supervisor.run(ready).await;
        journal.close().await.context("closing the journal")?;
        drop(data_dir);
        outcome
    }

    fn ready_line(&self) -> String {
        let mut line = "ready".to_owned();
        let link = self.link.as_ref().map(Link::local_addr);
        let secure = [
            ("https", self.http.as_ref().and_then(query::Server::tls_addr)),
            ("mqtts", self.broker.as_ref().and_then(Broker::tls_addr)),
            ("mqtt_wss", self.broker.as_ref().and_then(Broker::wss_addr)),
        ];
        for (name, address) in [("http", self.http()), ("mqtt", self.mqtt()), ("link", link)].into_iter().chain(secure) {
            if let Some(address) = address {
                line.push_str(&format!(" {name}={address}"));
            }
        }
        line.push('\n');
        line
    }
}

/// Who is let in, and what is shown to them.
pub type Door = (Guard, Option<Certificates>);

/// For the listeners with TLS, where there are any.
pub fn open_certificates(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Option<Certificates>> {
    let is_asked_for = config.mqtts.is_some() || config.mqtt_wss.is_some() || config.https.is_some();
    let open = || Certificates::open(config.tls.clone(), &config.security.dir(&config.data_dir), Arc::clone(clock));
    is_asked_for.then(open).transpose()
}

pub async fn open_journal(config: &Config, clock: &Arc<dyn Clock>, rng: &mut Rng) -> anyhow::Result<Journal> {
    let options = journal::Options {
        dir: data_dir::journal(&config.data_dir),
        segment_bytes: config.journal.segment_bytes,
        ..Default::default()
    };
    let (clock, fresh) = (Arc::clone(clock), JournalId(rng.next_u64()));
    let opened = tokio::task::spawn_blocking(move || Journal::open(options, clock, fresh)).await?;
    let (journal, recovery) = opened.context("the journal cannot be opened")?;
    match &recovery.torn {
        Some(torn) => tracing::warn!(
            ?torn,
            last = recovery.last.0,
            "the journal's last record was torn and is cut off: it was never acknowledged"
        ),
        None => tracing::info!(first = recovery.first.0, last = recovery.last.0, "journal open"),
    }
    Ok(journal)
}

/// The lake of a configuration: in the data directory, or where `lake.url` says.
pub fn lake_options(config: &Config) -> lake::Options {
    let mut options = config.lake.clone();
    if options.url.is_empty() {
        options.url = data_dir::lake(&config.data_dir).to_string_lossy().into_owned();
    }
    options
}

async fn open_broker(
    config: &Config,
    journal: &Journal,
    clock: &Arc<dyn Clock>,
    rng: Rng,
    (guard, certificates): Door,
) -> anyhow::Result<Broker> {
    let mut options = config.broker.clone();
    options.listen = address("mqtt", &config.mqtt)?;
    options.websocket = config.mqtt_ws.as_deref().map(|text| address("mqtt_ws", text)).transpose()?;
    options.secure = config.mqtts.as_deref().map(|text| address("mqtts", text)).transpose()?;
    options.secure_websocket = config.mqtt_wss.as_deref().map(|text| address("mqtt_wss", text)).transpose()?;
    options.dir = data_dir::broker(&config.data_dir);
    let tls = certificates.map(|certificates| Arc::new(certificates) as Arc<dyn broker::Tls>);
    let deps = broker::Deps { journal: journal.clone(), clock: Arc::clone(clock), rng, authority: Arc::new(guard), tls };
    Ok(Broker::bind(options, deps).await?)
}

pub async fn open_lake(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Lake> {
    Lake::open(lake_options(config), Arc::clone(clock)).await.context("the lake cannot be opened")
}

/// What a front in this process still has to read of the journal.
fn floors(broker: Option<&Broker>) -> Vec<ingest::Floor> {
    let front = broker.map(Broker::handle);
    front.into_iter().map(|front| Arc::new(move || front.trim_floor()) as ingest::Floor).collect()
}

pub async fn open_ingest(
    config: &Config,
    journal: &Journal,
    lake: Lake,
    clock: &Arc<dyn Clock>,
    floors: Vec<ingest::Floor>,
) -> anyhow::Result<ingest::Service> {
    let deps = ingest::Deps {
        journal: journal.clone(),
        lake,
        clock: Arc::clone(clock),
        city: config.city.clone(),
        data_dir: config.data_dir.clone(),
        floors,
    };
    Ok(ingest::Service::new(config.ingest.clone(), deps).await?)
}

pub async fn open_http(
    config: &Config,
    plain: SocketAddr,
    files: LakeFiles,
    clock: &Arc<dyn Clock>,
    answers: Answers,
    (guard, certificates): Door,
) -> anyhow::Result<query::Server> {
    let deps = query::Deps {
        live: answers.live,
        intake: answers.intake,
        files,
        city: config.city.clone(),
        reference_temperature_c: config.ingest.reference_temperature_c,
        pages: Arc::new(pages),
        clock: Arc::clone(clock),
        keys: Arc::new(guard),
        audit: Arc::new(AuditLog::open(&config.security.dir(&config.data_dir), Arc::clone(clock))?),
        metrics: telemetry::start_metrics()?,
        ready: answers.ready,
    };
    let secure = match (&config.https, certificates) {
        (Some(text), Some(certificates)) => Some((address("https", text)?, Arc::new(move || certificates.http()) as query::Tls)),
        _ => None,
    };
    Ok(query::Server::bind(config.query.clone(), deps, query::Listen { plain, secure }).await?)
}

async fn open_link(config: &Config, service: &ingest::Service) -> anyhow::Result<Option<Link>> {
    match &config.link {
        Some(text) => Ok(Some(Link::bind(address("link", text)?, &config.ingest, service.handle()).await?)),
        None => Ok(None),
    }
}

/// Ingest in another process, as `query.ingest` names it; asked for anew with each connection, so that its name may move.
pub fn open_remote(config: &Config, lake: Option<Lake>, clock: &Arc<dyn Clock>) -> (Remote, remote::Follower) {
    let address = config.query.ingest.clone();
    Remote::new(remote::Link { address, lake, city: config.city.clone(), clock: Arc::clone(clock) })
}

/// The web app's files, as the HTTP server serves them.
fn pages(path: &str) -> Option<query::Page> {
    dashboards::page(path).map(|page| query::Page {
        content_type: page.content_type,
        body: page.body,
        content_security_policy: dashboards::CONTENT_SECURITY_POLICY,
    })
}

/// A broker without ingest keeps its journal for its sessions only.
async fn trim_behind(front: broker::Handle, journal: Journal, clock: Arc<dyn Clock>) {
    const EVERY: std::time::Duration = std::time::Duration::from_secs(60);
    loop {
        clock.sleep(EVERY).await;
        let (journal, floor) = (journal.clone(), front.trim_floor());
        if floor > Position::START {
            match tokio::task::spawn_blocking(move || journal.trim(floor)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the journal was not trimmed"),
                Err(error) => tracing::warn!(%error, "trimming was cut short"),
            }
        }
    }
}
