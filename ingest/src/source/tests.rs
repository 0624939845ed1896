//! Against a real Mosquitto where one is installed: what its publishers were promised is in the journal, whatever happens to the source.

#![expect(clippy::disallowed_methods, reason = "tests wait for real disks and processes, in the machine's time")]

mod failing;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::record::{Record, Source as Brought};
use domain::time::SystemClock;
use domain::{Clock, JournalId, Position, Reason};
use journal::{Journal, Tail};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Options, Source, Status, Version};

/// What the broker lets one client have unacknowledged.
const INFLIGHT: usize = 500;

/// A Mosquitto of the test's own, gone with it.
struct Mosquitto {
    process: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Mosquitto {
    /// `None`, said aloud, where it is not installed.
    async fn start() -> Option<Self> {
        let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"];
        let Some(binary) = places.iter().map(PathBuf::from).find(|path| path.exists()) else {
            let _ = writeln!(std::io::stderr(), "skipped: mosquitto is not installed");
            return None;
        };
        let dir = tempfile::tempdir().expect("a directory");
        // Freed again before Mosquitto takes it: it knows no port 0.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let config = dir.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages {INFLIGHT}\nset_tcp_nodelay true\n"
        );
        std::fs::write(&config, text).expect("a file");
        let process =
            Command::new(binary).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        let mosquitto = Self { process, port, _dir: dir };
        // It has no other sign of being ready.
        let accepts = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon("mosquitto accepts", accepts).await;
        Some(mosquitto)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Nothing here takes long; a wait without an end would say less than this.
async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), wait).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within a minute"),
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

/// A journal and sources into it, one after the other.
struct Rig {
    journal: Journal,
    options: Options,
    _dir: tempfile::TempDir,
}

/// A source at work.
struct Running {
    task: JoinHandle<Result<(), Infallible>>,
    shutdown: CancellationToken,
}

impl Rig {
    fn new(mosquitto: &Mosquitto, version: Version, share: Option<&str>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let options = journal::Options { dir: dir.path().to_owned(), ..Default::default() };
        let (journal, _) = Journal::open(options, clock(), JournalId(1)).expect("opens");
        let options = Options {
            url: format!("mqtt://127.0.0.1:{}", mosquitto.port),
            version,
            share: share.map(str::to_owned),
            client_id: "ingest-test".to_owned(),
            ..Options::default()
        };
        Self { journal, options, _dir: dir }
    }

    async fn start(&self) -> Running {
        let source = Source::new(self.options.clone(), None, self.journal.clone(), clock()).expect("valid options");
        let mut status = source.status();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(source.run(shutdown.clone()));
        soon("subscribed", status.wait_for(|status| *status == Status::Subscribed)).await.expect("the source runs");
        Running { task, shutdown }
    }

    async fn holds(&self, records: u64) {
        let mut durable = self.journal.durable();
        soon("records come", durable.wait_for(|head| head.0 >= records)).await.expect("the journal stays");
    }

    /// How often each payload stands in the journal.
    async fn payloads(&self) -> BTreeMap<Bytes, usize> {
        let mut tail: Tail = self.journal.tail(Position::START).expect("from the start");
        let mut payloads = BTreeMap::new();
        while tail.after() < self.journal.head() {
            for entry in tail.next(10_000, 1 << 24).await.expect("reads") {
                let Record::Publish(publish) = Record::decode(entry.kind, entry.body).expect("a record") else { continue };
                assert_eq!((publish.source, publish.topic()), (Brought::Bridge, "kerbside/v1/parking/bay-1"));
                *payloads.entry(publish.payload).or_default() += 1;
            }
        }
        payloads
    }
}

/// Publishes `count` numbered payloads with QoS 1 and returns once the broker has acknowledged all.
async fn publish(port: u16, count: usize) {
    let mut options = MqttOptions::new("publisher", "127.0.0.1", port);
    options.set_inflight(500);
    let (client, mut events) = AsyncClient::new(options, 500);
    let sending = async {
        for number in 0..count {
            let payload = format!("{number}");
            client.publish("kerbside/v1/parking/bay-1", QoS::AtLeastOnce, false, payload).await.expect("the loop runs");
        }
        std::future::pending::<()>().await;
    };
    let receiving = async {
        let mut acknowledged = 0;
        while acknowledged < count {
            if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.expect("the broker stays") {
                acknowledged += 1;
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = receiving => {}
    }
}

/// While 20,000 messages come, the source is killed or stopped again and again.
async fn loses_nothing(version: Version, share: Option<&str>) {
    let Some(mosquitto) = Mosquitto::start().await else { return };
    let rig = Rig::new(&mosquitto, version, share);
    let count = 20_000;
    let mut running = rig.start().await;
    let publisher = tokio::spawn(publish(mosquitto.port, count));
    for round in 0..6 {
        let before = rig.journal.head().0;
        // The last rounds may find everything delivered; what was not acknowledged then still comes again.
        let mut comes = rig.journal.durable();
        let _ = tokio::time::timeout(Duration::from_secs(1), comes.wait_for(|head| head.0 > before + 800)).await;
        if round % 3 == 2 {
            running.shutdown.cancel();
            running.task.await.expect("ends by itself").expect("never fails");
        } else {
            running.task.abort();
            let _ = running.task.await;
        }
        running = rig.start().await;
    }
    publisher.await.expect("publishes");
    let mut durable = rig.journal.durable();
    let everything = async {
        loop {
            let payloads = rig.payloads().await;
            if payloads.len() == count {
                return payloads;
            }
            durable.changed().await.expect("the journal stays");
        }
    };
    let payloads = soon("everything comes", everything).await;
    assert!((0..count).all(|number| payloads.contains_key(format!("{number}").as_bytes())));
    running.shutdown.cancel();
    running.task.await.expect("ends by itself").expect("never fails");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_5_loses_nothing_while_the_source_is_killed_and_stopped() {
    loses_nothing(Version::V5, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_3_loses_nothing_while_the_source_is_killed_and_stopped() {
    loses_nothing(Version::V3, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_source_has_acknowledged_all_it_journaled() {
    let Some(mosquitto) = Mosquitto::start().await else { return };
    let rig = Rig::new(&mosquitto, Version::V5, Some("city"));
    let running = rig.start().await;
    publish(mosquitto.port, 3_000).await;
    rig.holds(3_000).await;
    running.shutdown.cancel();
    running.task.await.expect("ends by itself").expect("never fails");
    let running = rig.start().await;
    publish(mosquitto.port, 10).await;
    rig.holds(3_010).await;
    assert_eq!(rig.journal.head(), Position(3_010), "nothing came twice");
    running.shutdown.cancel();
    running.task.await.expect("ends by itself").expect("never fails");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_too_large_payload_is_kept_as_refused_and_holds_nothing_up() {
    let Some(mosquitto) = Mosquitto::start().await else { return };
    let rig = Rig::new(&mosquitto, Version::V3, None);
    let running = rig.start().await;
    let mut options = MqttOptions::new("large", "127.0.0.1", mosquitto.port);
    options.set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut events) = AsyncClient::new(options, 10);
    client.publish("kerbside/v1/air/a", QoS::AtLeastOnce, false, vec![7; 300_000]).await.expect("queued");
    client.publish("kerbside/v1/air/a", QoS::AtLeastOnce, false, "small").await.expect("queued");
    while rig.journal.head().0 < 2 {
        tokio::select! {
            event = events.poll() => drop(event.expect("the broker stays")),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
    let entries = rig.journal.tail(Position::START).expect("from the start").next(2, 1 << 20).await.expect("reads");
    let records: Vec<Record> =
        entries.into_iter().map(|entry| Record::decode(entry.kind, entry.body).expect("a record")).collect();
    match &records[..] {
        [Record::Refused(refused), Record::Publish(publish)] => {
            assert_eq!(
                (refused.reason, refused.length, refused.head.len(), refused.count),
                (Reason::TooLarge, 300_000, 4_096, 1)
            );
            assert_eq!(&publish.payload[..], b"small");
        }
        other => panic!("{other:?}"),
    }
    running.shutdown.cancel();
    running.task.await.expect("ends by itself").expect("never fails");
}

#[tokio::test]
async fn a_source_without_a_broker_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = journal::Options { dir: dir.path().to_owned(), ..Default::default() };
    let (journal, _) = Journal::open(options, clock(), JournalId(1)).expect("opens");
    let options = Options { url: "mqtt://127.0.0.1:1".to_owned(), ..Options::default() };
    let source = Source::new(options, None, journal, clock()).expect("valid options");
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(source.run(shutdown.clone()));
    tokio::task::yield_now().await;
    shutdown.cancel();
    task.await.expect("ends by itself").expect("never fails");
}
