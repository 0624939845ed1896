//! Other people's clients against the front: rumqttc of both versions, and a WebSocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, v5};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::harness::Front;
use crate::raw::within;

#[tokio::test]
async fn a_3_1_1_client_publishes_and_subscribes_at_every_qos() {
    let front = Front::start().await;
    let mut options = MqttOptions::new("v4", "127.0.0.1", front.mqtt.port());
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = AsyncClient::new(options, 100);
    client.subscribe("a/#", QoS::ExactlyOnce).await.expect("queued");
    for (level, qos) in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().enumerate() {
        client.publish(format!("a/{level}"), qos, true, format!("{level}")).await.expect("queued");
    }
    let mut got = Vec::new();
    while got.len() < 3 {
        if let Event::Incoming(Packet::Publish(publish)) = within(events.poll()).await.expect("connected") {
            got.push((publish.topic, publish.qos as u8, publish.payload.to_vec()));
        }
    }
    got.sort();
    let expected = (0..3u8).map(|level| (format!("a/{level}"), level, level.to_string().into_bytes()));
    assert_eq!(got, expected.collect::<Vec<_>>());
    drop((client, events));
    front.stop().await;
}

#[tokio::test]
async fn a_version_5_client_publishes_and_subscribes_at_every_qos() {
    use v5::mqttbytes::QoS;
    let front = Front::start().await;
    let mut options = v5::MqttOptions::new("v5", "127.0.0.1", front.mqtt.port());
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = v5::AsyncClient::new(options, 100);
    client.subscribe("a/#", QoS::ExactlyOnce).await.expect("queued");
    for (level, qos) in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().enumerate() {
        client.publish(format!("a/{level}"), qos, false, format!("{level}")).await.expect("queued");
    }
    let mut got = Vec::new();
    while got.len() < 3 {
        if let v5::Event::Incoming(v5::mqttbytes::v5::Packet::Publish(publish)) = within(events.poll()).await.expect("connected")
        {
            got.push((publish.qos as u8, publish.payload.to_vec()));
        }
    }
    got.sort();
    assert_eq!(got, (0..3u8).map(|level| (level, level.to_string().into_bytes())).collect::<Vec<_>>());
    drop((client, events));
    front.stop().await;
}

#[tokio::test]
async fn mqtt_over_websocket_ignores_the_borders_of_frames() {
    let front = Front::start().await;
    let mut request = format!("ws://{}/mqtt", front.websocket).into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
    let stream = tokio::net::TcpStream::connect(front.websocket).await.expect("listens");
    let (mut socket, response) = client_async(request, stream).await.expect("upgraded");
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "mqtt");
    let bytes = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01c\x32\x06\0\x01a\0\x01x";
    for piece in bytes.chunks(5) {
        socket.send(Message::Binary(piece.to_vec().into())).await.expect("sent");
    }
    let mut got = Vec::new();
    while got.len() < 8 {
        match within(socket.next()).await.expect("open").expect("a frame") {
            Message::Binary(bytes) => got.extend(bytes),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(got, b"\x20\x02\0\0\x40\x02\0\x01");
    assert_eq!(front.publishes().await, [("a".to_owned(), "x".to_owned())]);
    front.stop().await;
}

#[tokio::test]
async fn a_websocket_without_the_subprotocol_is_refused() {
    let front = Front::start().await;
    let request = format!("ws://{}/mqtt", front.websocket).into_client_request().expect("a request");
    let stream = tokio::net::TcpStream::connect(front.websocket).await.expect("listens");
    assert!(client_async(request, stream).await.is_err());
    front.stop().await;
}

#[tokio::test]
async fn a_flooded_live_subscriber_gets_every_message() {
    let front = Front::start().await;
    let mut subscriber = crate::raw::Raw::v3(front.mqtt, "s").await;
    subscriber.packet(0x82, b"\0\x01\0\x01#\0").await;
    subscriber.expect(&[0x90, 3, 0, 1, 0]).await;
    let mut publisher = crate::raw::Raw::v3(front.mqtt, "p").await;
    let flood = tokio::spawn(async move {
        for window in 0..40u16 {
            let one =
                |id: u16| [b"\x32\x07\0\x01a".as_slice(), &(id + 1).to_be_bytes(), &(window * 500 + id).to_be_bytes()].concat();
            publisher.send(&(0..500).flat_map(one).collect::<Vec<u8>>()).await;
            for _ in 0..500 {
                publisher.read_packet().await.expect("a PUBACK");
            }
        }
    });
    for number in 0..20_000u16 {
        subscriber.expect(&[b"\x30\x05\0\x01a".as_slice(), &number.to_be_bytes()].concat()).await;
    }
    flood.await.expect("no panic");
    front.stop().await;
}
