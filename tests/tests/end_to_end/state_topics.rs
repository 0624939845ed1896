//! How places stand, told by the server: retained, whenever it changes.

use std::time::Duration;

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use tests::publisher::{parking, pm25};
use tests::until::until;
use tests::{Publisher, Server};

use super::registry::small_city;

/// Far longer than a change may take; silence ends a test, not a race.
const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_subscriber_is_told_how_a_site_and_a_station_stand_and_a_later_one_as_well() -> anyhow::Result<()> {
    let server = Server::start()?;
    let posted = server.api().post("/v1/registry", "application/geo+json", small_city().to_string().as_bytes())?;
    anyhow::ensure!(posted.status == 200, "{}", posted.body);
    let mut early = Subscriber::new(&server, "early")?;
    early.told("kerbside/v1/state/parking/hang-bac", |site| site["unknown"] == 2)?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    Publisher::new(server.mqtt(), "city").publish(&[parking("hb-1", now_ms, "vacant"), pm25("hoan-kiem-air", now_ms, 41.5)]);
    let site = early.told("kerbside/v1/state/parking/hang-bac", |site| site["free"] == 1)?;
    let mut answer = server.api().get("/v1/parking/sites/hang-bac")?;
    answer.as_object_mut().expect("an object").remove("geometry");
    for passing in ["as_of", "age_s"] {
        answer[passing] = site[passing].clone();
    }
    assert_eq!(answer, site, "the item of the API");

    let mut late = Subscriber::new(&server, "late")?;
    late.told("kerbside/v1/state/air/hoan-kiem-air", |station| station["values"]["pm25"]["value"] == 41.5)?;
    Ok(())
}

pub struct Subscriber {
    _client: Client,
    connection: Connection,
    /// What came, oldest first.
    heard: Vec<(String, Value)>,
}

impl Subscriber {
    pub fn new(server: &Server, id: &str) -> anyhow::Result<Self> {
        let address = server.mqtt();
        let options = MqttOptions::new(id, address.ip().to_string(), address.port());
        let (client, connection) = Client::new(options, 10);
        client.subscribe("kerbside/v1/state/#", QoS::AtMostOnce)?;
        Ok(Self { _client: client, connection, heard: Vec::new() })
    }

    /// The first message of a topic that is as expected.
    pub fn told(&mut self, topic: &str, expected: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let found = until(WITHIN, || {
            if let Ok(Ok(Event::Incoming(Packet::Publish(publish)))) = self.connection.recv_timeout(Duration::from_millis(100)) {
                let item = serde_json::from_slice(&publish.payload).unwrap_or(Value::Null);
                self.heard.push((publish.topic, item));
            }
            self.heard.iter().find(|(of, item)| of == topic && expected(item)).map(|(_, item)| item.clone())
        });
        found.ok_or_else(|| anyhow::anyhow!("{topic} was not told as expected: {:?}", self.heard))
    }
}
