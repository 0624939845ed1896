//! Clients that are somebody: what they may do, what they cannot do to each other, and their end when they are revoked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::access::{Admission, Authority, Credentials, Denied, Principal};
use domain::record::Record;

use crate::harness::Front;
use crate::raw::{Publish, Raw, text};

/// Anybody who names itself is a device of that name: it publishes under its name and reads everything, until it is revoked.
#[derive(Default)]
struct Devices {
    revoked: AtomicBool,
    reads_nothing: AtomicBool,
}

impl Authority for Devices {
    fn authenticate(&self, credentials: &Credentials<'_>) -> Admission {
        Admission::Decided(match credentials.user {
            Some("nobody") => Err(Denied::BadCredentials),
            Some(user) => Ok(Principal::Device(user.into())),
            None => Ok(Principal::Anonymous),
        })
    }

    fn may_publish(&self, principal: &Principal, topic: &str) -> bool {
        topic.ends_with(principal.name())
    }

    fn may_subscribe(&self, _: &Principal, _: &str) -> bool {
        !self.reads_nothing.load(Ordering::Relaxed)
    }

    fn is_in_force(&self, _: &Principal) -> bool {
        !self.revoked.load(Ordering::Relaxed)
    }
}

/// MQTT 5 with a user name; a session that outlives its connection unless `flags` begin it anew and its expiry is 0.
async fn connect(front: &Front, user: &str, client: &str, expiry_s: u8) -> (Raw, Vec<u8>) {
    let mut body = b"\0\x04MQTT\x05\x80\0\0\x07\x17\0\x11\0\0\0".to_vec();
    body.push(expiry_s);
    text(&mut body, client);
    text(&mut body, user);
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, &body).await;
    let (_, connack) = raw.read_packet().await.expect("a CONNACK");
    (raw, connack)
}

async fn subscribe(raw: &mut Raw, filter: &str, expected: u8) {
    let mut body = vec![0, 1, 0];
    text(&mut body, filter);
    body.push(1);
    raw.packet(0x82, &body).await;
    raw.expect(&[0x90, 4, 0, 1, 0, expected]).await;
}

fn publish(topic: &str) -> Publish<'_> {
    Publish { topic, payload: b"x", flags: 0x02, id: 7, properties: Some(&[]) }
}

#[tokio::test]
async fn a_publish_under_another_name_is_refused_and_kept_as_such() {
    let front = Front::start_for(Arc::new(Devices::default())).await;
    let (mut raw, _) = connect(&front, "bay-1", "c", 0).await;
    raw.publish(publish("kerbside/v1/parking/bay-2")).await;
    raw.expect(&[0x40, 3, 0, 7, 0x87]).await;
    raw.publish(publish("kerbside/v1/parking/bay-1")).await;
    raw.expect(&[0x40, 2, 0, 7]).await;
    let records = front.records().await;
    let refused: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Refused(refused) => Some((refused.reason.name(), refused.client.as_str(), refused.topic.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [("not_authorised", "@bay-1/c", "kerbside/v1/parking/bay-2")]);
    front.stop().await;
}

#[tokio::test]
async fn a_device_neither_ends_nor_reads_the_session_of_another_by_naming_its_identifier() {
    let front = Front::start_for(Arc::new(Devices::default())).await;
    let (mut owner, _) = connect(&front, "bay-1", "bay-1", 100).await;
    subscribe(&mut owner, "#", 1).await;
    for (user, client) in [("intruder", "bay-1"), ("intruder", "@bay-1"), ("bay", "1")] {
        let (_raw, connack) = connect(&front, user, client, 100).await;
        assert_eq!(connack[..2], [0, 0], "a session of its own for {user} {client}");
    }
    owner.expect_silence().await;
    assert_eq!(front.handle.connections(), 1);
    front.stop().await;
}

#[tokio::test]
async fn a_client_without_credentials_does_not_reach_into_a_devices_sessions() {
    let front = Front::start_for(Arc::new(Devices::default())).await;
    let (_raw, connack) = Raw::v5(front.mqtt, "@bay-1", 0x02, &[]).await;
    assert_eq!(connack[..2], [0, 0x85]);
    front.stop().await;
}

#[tokio::test]
async fn a_revoked_device_is_disconnected_and_its_will_is_not_sent() {
    let devices = Arc::new(Devices::default());
    let front = Front::start_for(devices.clone()).await;
    let mut body = b"\0\x04MQTT\x05\x84\0\0\x02\x17\0".to_vec();
    text(&mut body, "c");
    body.push(0);
    text(&mut body, "kerbside/v1/parking/bay-1");
    text(&mut body, "gone");
    text(&mut body, "bay-1");
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, &body).await;
    assert_eq!(raw.read_packet().await.expect("a CONNACK").1[..2], [0, 0]);
    devices.revoked.store(true, Ordering::Relaxed);
    raw.expect(&[0xE0, 1, 0x87]).await;
    raw.expect_closed().await;
    assert_eq!(front.publishes().await, []);
    front.stop().await;
}

#[tokio::test]
async fn what_may_no_longer_be_read_is_not_read_by_a_session_that_comes_back() {
    let devices = Arc::new(Devices::default());
    let front = Front::start_for(devices.clone()).await;
    let (mut raw, _) = connect(&front, "reader", "c", 100).await;
    subscribe(&mut raw, "kerbside/v1/parking/+", 1).await;
    drop(raw);
    devices.reads_nothing.store(true, Ordering::Relaxed);
    let (mut raw, connack) = connect(&front, "reader", "c", 100).await;
    assert_eq!(connack[..2], [1, 0]);
    let (mut sensor, _) = connect(&front, "bay-1", "s", 0).await;
    sensor.publish(publish("kerbside/v1/parking/bay-1")).await;
    sensor.expect(&[0x40, 2, 0, 7]).await;
    raw.expect_silence().await;
    subscribe(&mut raw, "kerbside/v1/parking/+", 0x87).await;
    front.stop().await;
}

#[tokio::test]
async fn bad_credentials_are_told_in_the_words_of_each_version() {
    let front = Front::start_for(Arc::new(Devices::default())).await;
    let (mut raw, connack) = connect(&front, "nobody", "c", 0).await;
    assert_eq!(connack[..2], [0, 0x86]);
    raw.expect_closed().await;
    let mut body = b"\0\x04MQTT\x04\x82\0\0".to_vec();
    text(&mut body, "c");
    text(&mut body, "nobody");
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, &body).await;
    raw.expect(&[0x20, 2, 0, 4]).await;
    raw.expect_closed().await;
    front.stop().await;
}
