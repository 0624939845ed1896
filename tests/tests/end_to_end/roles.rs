//! Broker, ingest and query as processes of their own: one city, whichever of them dies when.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tests::publisher::{parking, publish_all};
use tests::until::until;
use tests::{Api, Publisher, Server};

use super::crash::{chance, kills};
use super::state_topics::Subscriber;

const START_MS: i64 = 1_790_000_000_000;
/// "Within a second or so" of an idle machine; tests run beside each other.
const SOON: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(90);

struct City {
    broker: Server,
    ingest: Server,
    query: Server,
}

impl City {
    fn start() -> anyhow::Result<Self> {
        let mut broker = Server::start_with("broker", &["--set", "broker.required_sessions=[\"kerbside-ingest\"]"])?;
        broker.keep_addresses();
        // Frequent commits: rows move to the lake all the time.
        let mut ingest = Server::stopped("ingest", &["--broker", &broker.mqtt_url(), "--set", "ingest.commit_s=1"])?.with_link();
        ingest.restart()?;
        ingest.keep_addresses();
        // Broker and ingest know each other: one of them has to be told later.
        assert!(broker.stop()?.success());
        broker.with_flags(&["--ingest", &ingest.link().to_string()]);
        broker.restart()?;
        let lake = ingest.data_dir().join("lake").to_string_lossy().into_owned();
        let mut query = Server::start_with("query", &["--ingest", &ingest.link().to_string(), "--lake", &lake])?;
        query.keep_addresses();
        Ok(Self { broker, ingest, query })
    }

    fn api(&self) -> Api {
        self.query.api()
    }
}

fn problem(api: &Api, path: &str) -> anyhow::Result<(u16, String)> {
    let answer = api.ask(path)?;
    Ok((answer.status, answer.json()?["detail"].as_str().unwrap_or_default().to_owned()))
}

#[test]
fn what_the_broker_acknowledged_query_answers_soon() -> anyhow::Result<()> {
    let city = City::start()?;
    let api = city.api();
    assert_eq!(api.get("/readyz")?["status"], "ready");
    let features = json!({"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[105.8542, 21.0285], [105.8552, 21.0285]]},
            "properties": {"kind": "site", "id": "street-1", "site_kind": "street"}},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.8545, 21.0285]},
            "properties": {"kind": "bay", "id": "bay-1", "site": "street-1"}}]});
    let edited = api.post("/v1/registry", "application/geo+json", features.to_string().as_bytes())?;
    assert_eq!(edited.status, 200, "{}", edited.body);
    // The edit is there when its answer is.
    let site = api.get("/v1/parking/sites/street-1")?;
    assert_eq!((site["capacity"].as_i64(), site["unknown"].as_i64()), (Some(1), Some(1)), "{site}");
    let mut subscriber = Subscriber::new(&city.broker, "display")?;
    subscriber.told("kerbside/v1/state/parking/street-1", |site| site["unknown"] == 1)?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let sent = [parking("bay-1", now_ms, "vacant"), parking("bay-1", now_ms, "vacant"), parking("bay-9", now_ms, "occupied")];
    assert_eq!(Publisher::new(city.broker.mqtt(), "gateway").publish(&sent).len(), 3);
    let ledger = until(SOON, || api.ledger().ok().filter(|ledger| ledger.received == 3));
    let ledger = ledger.ok_or_else(|| anyhow::anyhow!("{:?}", api.ledger()))?;
    assert!(ledger.adds_up() && ledger.accepted == 2 && ledger.duplicate == 1, "{ledger:?}");
    assert_eq!(api.get("/v1/parking/sites/street-1")?["free"], 1);
    subscriber.told("kerbside/v1/state/parking/street-1", |site| site["free"] == 1)?;
    assert_eq!(api.readings("bay-1")?.len(), 1);
    assert_eq!(api.get("/v1/ops/ledger?sensor=bay-1")?["duplicate"], 1);
    assert_eq!(api.get("/v1/sensors/bay-1/uplinks")?["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(api.get("/v1/ops/sensors")?["items"].as_array().map(Vec::len), Some(2));
    let counted = api.post("/v1/query", "application/json", br#"{"sql":"SELECT count(*) AS n FROM parking_readings"}"#)?;
    assert_eq!(counted.json()?["items"][0]["n"], 2, "{}", counted.body);
    let posted =
        api.post("/v1/ingest/parking/bay-8", "application/json", format!(r#"{{"ts":{now_ms},"state":"vacant"}}"#).as_bytes())?;
    assert_eq!(posted.status, 200, "{}", posted.body);
    assert!(until(SOON, || api.readings("bay-8").ok().filter(|readings| readings.len() == 1)).is_some());
    Ok(())
}

#[test]
fn a_broker_tells_how_it_is_and_where_to_ask_for_the_rest() -> anyhow::Result<()> {
    let broker = Server::start_with("broker", &[])?;
    let api = broker.api();
    assert_eq!(Publisher::new(broker.mqtt(), "gateway").publish(&[parking("bay-1", START_MS, "vacant")]).len(), 1);
    assert_eq!(api.get("/healthz")?["status"], "ok");
    let ready = api.get("/readyz")?;
    assert!(ready["status"] == "ready" && ready["lag_ms"].is_null(), "{ready}");
    let metrics = api.ask("/metrics")?.body;
    assert!(metrics.contains("kerbside_journal_appends_total") && metrics.contains("kerbside_mqtt_"), "{metrics}");
    for path in ["/v1/ops/ledger", "/v1/parking/sites", "/v1/sensors/bay-1/readings"] {
        let (status, detail) = problem(&api, path)?;
        assert!(status == 503 && detail.contains("ask the process of ingest"), "{path}: {status} {detail}");
    }
    Ok(())
}

#[test]
fn while_ingest_is_away_query_answers_of_before_and_says_so() -> anyhow::Result<()> {
    let mut city = City::start()?;
    let api = city.api();
    Publisher::new(city.broker.mqtt(), "gateway").publish(&[parking("bay-1", START_MS, "vacant")]);
    assert!(until(SOON, || api.ledger().ok().filter(|ledger| ledger.accepted == 1)).is_some());
    city.ingest.kill()?;
    let away = until(SOON, || problem(&api, "/readyz").ok().filter(|(status, _)| *status == 503));
    let (_, detail) = away.ok_or_else(|| anyhow::anyhow!("ready without ingest"))?;
    assert!(detail.contains("away") && detail.contains("s ago"), "{detail}");
    let status: Value = api.get("/v1/ops/ingest")?;
    assert!(status["lag_ms"].as_u64() >= Some(1_000) && status["age_ms"].as_u64() >= Some(1_000), "{status}");
    assert_eq!(api.readings("bay-1")?.len(), 1);
    assert_eq!(api.ledger()?.accepted, 1);
    for path in ["/v1/sensors/bay-1/uplinks", "/v1/ops/ledger?sensor=bay-1"] {
        assert_eq!(api.ask(path)?.status, 503, "{path}");
    }
    let refused = api.post("/v1/ingest/parking/bay-2", "application/json", br#"{"ts":1790000000000,"state":"vacant"}"#)?;
    assert_eq!(refused.status, 503, "{}", refused.body);
    // The broker keeps what comes meanwhile.
    assert_eq!(Publisher::new(city.broker.mqtt(), "gateway").publish(&[parking("bay-1", START_MS + 1_000, "occupied")]).len(), 1);
    city.ingest.restart()?;
    assert!(until(LATER, || api.ledger().ok().filter(|ledger| ledger.accepted == 2)).is_some(), "{}", city.query.stderr());
    assert!(until(SOON, || api.get("/readyz").ok()).is_some());
    assert_eq!(api.readings("bay-1")?.len(), 2);
    Ok(())
}

#[test]
fn three_processes_killed_in_turn_lose_and_double_nothing() -> anyhow::Result<()> {
    let mut round = 0;
    // Another moment of the load each round.
    survive(9, 10_000, || {
        round += 1;
        100 + 90 * (round - 1)
    })
}

#[test]
#[ignore = "takes minutes: part of scripts/test --long"]
fn three_processes_killed_at_random_lose_and_double_nothing() -> anyhow::Result<()> {
    let mut chance = chance();
    survive(3 * kills(), 4_000, || 20 + chance.below(800))
}

fn survive(rounds: i64, burst: i64, mut moment_ms: impl FnMut() -> u64) -> anyhow::Result<()> {
    const SENSORS: i64 = 100;
    let sensor = |n: i64| format!("bay-{}", n % SENSORS);
    let mut city = City::start()?;
    let (mut sent, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
    let (api, is_over) = (city.api(), AtomicBool::new(false));
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let watching = scope.spawn(|| watch(&api, &is_over));
        for round in 0..rounds {
            let numbers: Vec<i64> = (round * burst..(round + 1) * burst).collect();
            let messages: Vec<_> = numbers.iter().map(|&n| parking(&sensor(n), START_MS + n * 1_000, "occupied")).collect();
            let address = city.broker.mqtt();
            let publishing = std::thread::spawn(move || publish_all(address, &messages, 4, "load"));
            // A sleep is the subject here, not a wait.
            std::thread::sleep(Duration::from_millis(moment_ms()));
            let victim = match round % 3 {
                0 => &mut city.ingest,
                1 => &mut city.query,
                _ => &mut city.broker,
            };
            victim.kill()?;
            victim.restart()?;
            let places = publishing.join().expect("publishers do not panic");
            acknowledged.extend(places.into_iter().map(|place| numbers[place]));
            sent.extend(numbers);
        }
        is_over.store(true, Ordering::Relaxed);
        let looks = watching.join().expect("the watcher does not panic")?;
        assert!(looks > 10, "query was looked at {looks} times");
        Ok(())
    })?;
    assert!(acknowledged.len() > 20_000, "the load was real: {}", acknowledged.len());

    let wanted = acknowledged.len() as u64;
    let all = until(LATER, || api.ledger().ok().filter(|ledger| ledger.accepted >= wanted));
    assert!(all.is_some(), "{wanted} acknowledged, {:?}; {}", api.ledger(), city.query.stderr());
    // What was published and not acknowledged may still be on its way from the broker.
    let mut before = None;
    until(LATER, || {
        {
            let ledger = api.ledger().ok();
            std::mem::replace(&mut before, ledger.clone()) == ledger && ingest_is_idle(&api)
        }
        .then_some(())
    });
    let mut found = BTreeSet::new();
    for n in 0..SENSORS {
        for item in api.readings(&sensor(n))? {
            let observed = item["observed_at"].as_str().unwrap_or_default().to_owned();
            let at = domain::Timestamp::parse_rfc3339(&observed)?.as_micros() / 1_000;
            assert!(found.insert((at - START_MS) / 1_000), "doubled: {} {observed}", sensor(n));
        }
    }
    let lost: Vec<_> = acknowledged.difference(&found).take(3).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(found.is_subset(&sent));
    let ledger = api.ledger()?;
    assert!(ledger.adds_up(), "{ledger:?}");
    assert_eq!(ledger.accepted, found.len() as u64);
    for server in [&mut city.query, &mut city.ingest, &mut city.broker] {
        assert!(server.stop()?.success(), "{}", server.stderr());
    }
    let verified = city.ingest.run(&["verify"])?;
    assert!(verified.status.success(), "{verified:?}");
    Ok(())
}

/// Whatever dies: while query answers, its ledger adds up and takes nothing back, and a statement sees as many rows as it counts at
/// the same position or a later one.
fn watch(api: &Api, is_over: &AtomicBool) -> anyhow::Result<u64> {
    let (mut looks, mut accepted) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let Ok(ledger) = api.ledger() else { continue };
        anyhow::ensure!(ledger.adds_up(), "{ledger:?}");
        anyhow::ensure!(ledger.accepted >= accepted, "{} were accepted before, now {}", accepted, ledger.accepted);
        accepted = ledger.accepted;
        let Ok(counted) = api.post("/v1/query", "application/json", br#"{"sql":"SELECT count(*) AS n FROM parking_readings"}"#)
        else {
            continue;
        };
        if counted.status == 200 {
            let rows = counted.json()?["items"][0]["n"].as_u64().unwrap_or_default();
            anyhow::ensure!(rows >= accepted, "{accepted} were accepted, {rows} rows are seen");
            looks += 1;
        }
    }
    Ok(looks)
}

fn ingest_is_idle(api: &Api) -> bool {
    api.get("/v1/ops/ingest").is_ok_and(|status| status["journal_head"] == status["pipeline_head"])
}
