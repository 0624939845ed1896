//! A client that speaks bytes: what it sends is written out in the test, what it gets is compared byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Raw {
    stream: TcpStream,
}

/// A publish of MQTT 3.1.1, or of 5 with `properties`.
pub struct Publish<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    /// DUP, QoS and RETAIN as on the wire.
    pub flags: u8,
    pub id: u16,
    pub properties: Option<&'a [u8]>,
}

impl Raw {
    pub async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the front listens") }
    }

    /// MQTT 3.1.1, clean session, no keep alive.
    pub async fn v3(address: SocketAddr, client: &str) -> Self {
        let mut raw = Self::connect_v3(address, client, 0x02).await;
        raw.expect(&[0x20, 2, 0, 0]).await;
        raw
    }

    pub async fn connect_v3(address: SocketAddr, client: &str, flags: u8) -> Self {
        let mut body = b"\0\x04MQTT\x04".to_vec();
        body.extend([flags, 0, 0]);
        text(&mut body, client);
        let mut raw = Self::open(address).await;
        raw.packet(0x10, &body).await;
        raw
    }

    /// MQTT 5 with connect properties and without reason strings; the CONNACK is returned.
    pub async fn v5(address: SocketAddr, client: &str, flags: u8, properties: &[u8]) -> (Self, Vec<u8>) {
        Self::v5_with_texts(address, client, flags, &[properties, &[0x17, 0]].concat()).await
    }

    /// MQTT 5 with connect properties; the CONNACK is returned.
    pub async fn v5_with_texts(address: SocketAddr, client: &str, flags: u8, properties: &[u8]) -> (Self, Vec<u8>) {
        let mut body = b"\0\x04MQTT\x05".to_vec();
        body.extend([flags, 0, 0, properties.len() as u8]);
        body.extend(properties);
        text(&mut body, client);
        let mut raw = Self::open(address).await;
        raw.packet(0x10, &body).await;
        let (first, connack) = raw.read_packet().await.expect("a CONNACK");
        assert_eq!(first, 0x20);
        (raw, connack)
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the front reads");
    }

    pub async fn packet(&mut self, first: u8, body: &[u8]) {
        let bytes = packet(first, body);
        self.send(&bytes).await;
    }

    pub async fn publish(&mut self, publish: Publish<'_>) {
        let bytes = publish.bytes();
        self.send(&bytes).await;
    }

    pub async fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        within(self.stream.read_exact(&mut got)).await.expect("an answer");
        assert_eq!(got, bytes);
    }

    /// The next packet's first byte and body; `None` once the front closed.
    pub async fn read_packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = within(self.stream.read_u8()).await.ok()?;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = within(self.stream.read_u8()).await.ok()?;
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        within(self.stream.read_exact(&mut body)).await.ok()?;
        Some((first, body))
    }

    pub async fn expect_closed(&mut self) {
        let mut byte = [0];
        let read = within(self.stream.read(&mut byte)).await;
        assert!(matches!(read, Ok(0) | Err(_)), "got {byte:02x?}");
    }

    /// Nothing comes before the answer to a ping.
    pub async fn expect_silence(&mut self) {
        self.send(&[0xC0, 0]).await;
        self.expect(&[0xD0, 0]).await;
    }
}

impl Publish<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        text(&mut body, self.topic);
        if self.flags & 0x06 != 0 {
            body.extend(self.id.to_be_bytes());
        }
        if let Some(properties) = self.properties {
            body.push(properties.len() as u8);
            body.extend(properties);
        }
        body.extend(self.payload);
        packet(0x30 | self.flags, &body)
    }
}

pub fn text(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as u16).to_be_bytes());
    body.extend(text.as_bytes());
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let more = if length > 0x7F { 0x80 } else { 0 };
        bytes.push((length & 0x7F) as u8 | more);
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// A test that waits for ever says nothing.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("an answer within 20 s")
}
