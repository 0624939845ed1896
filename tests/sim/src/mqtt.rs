//! MQTT 3.1.1 as a device speaks it: written from the standard, apart from the server's codec.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::pipe::End;

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    ConnAck { session_present: bool, code: u8 },
    PubAck(u16),
    PubRec(u16),
    PubComp(u16),
    Other(u8),
}

pub fn connect(client: &str, clean: bool, keep_alive_s: u16) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, if clean { 2 } else { 0 }];
    body.extend(keep_alive_s.to_be_bytes());
    text(client, &mut body);
    packet(0x10, body)
}

pub fn publish(topic: &str, payload: &[u8], qos: u8, id: u16, again: bool) -> Vec<u8> {
    let mut body = Vec::new();
    text(topic, &mut body);
    body.extend(id.to_be_bytes());
    body.extend_from_slice(payload);
    packet(0x30 | qos << 1 | if again { 8 } else { 0 }, body)
}

pub fn pubrel(id: u16) -> Vec<u8> {
    packet(0x62, id.to_be_bytes().to_vec())
}

pub fn disconnect() -> Vec<u8> {
    packet(0xe0, Vec::new())
}

fn text(text: &str, body: &mut Vec<u8>) {
    body.extend((text.len() as u16).to_be_bytes());
    body.extend_from_slice(text.as_bytes());
}

fn packet(first: u8, body: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut left = body.len();
    loop {
        let more = if left >= 128 { 128 } else { 0 };
        bytes.push((left % 128) as u8 | more);
        left /= 128;
        if left == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// The next packet from the server.
pub async fn answer(stream: &mut End) -> io::Result<Answer> {
    let first = stream.read_u8().await?;
    let (mut length, mut shift) = (0usize, 0);
    loop {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 127) << shift;
        shift += 7;
        if byte & 128 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let id = || body.first_chunk::<2>().map(|id| u16::from_be_bytes(*id)).ok_or(io::ErrorKind::InvalidData);
    Ok(match first >> 4 {
        2 if length == 2 => Answer::ConnAck { session_present: body[0] == 1, code: body[1] },
        4 => Answer::PubAck(id()?),
        5 => Answer::PubRec(id()?),
        7 => Answer::PubComp(id()?),
        other => Answer::Other(other),
    })
}

pub async fn say(stream: &mut End, packet: &[u8]) -> io::Result<()> {
    stream.write_all(packet).await
}
