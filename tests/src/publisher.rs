//! An MQTT 3.1.1 publisher that is nobody's library: it counts as acknowledged only what came back on its socket.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Topic and payload.
pub type Message = (String, Vec<u8>);

/// QoS 1 with a window of publishes in flight.
pub struct Publisher {
    address: SocketAddr,
    client: String,
    window: usize,
    /// Messages a second at most; else as fast as they are acknowledged.
    rate: Option<f64>,
}

const WINDOW: usize = 100;
/// How finely a load is paced.
const TICK: Duration = Duration::from_millis(2);
/// Without any acknowledgement for this long the server is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(20);

impl Publisher {
    pub fn new(address: SocketAddr, client: &str) -> Self {
        Self { address, client: client.to_owned(), window: WINDOW, rate: None }
    }

    /// Sends in order; the places of the acknowledged ones, in the order of their acknowledgements.
    /// A server that dies ends it early, without an error.
    pub fn publish(&self, messages: &[Message]) -> Vec<usize> {
        let mut acknowledged = Vec::with_capacity(messages.len());
        let _ = self.exchange(messages, &mut acknowledged);
        acknowledged
    }

    #[expect(clippy::disallowed_methods, reason = "a load is paced in the machine's time")]
    fn exchange(&self, messages: &[Message], acknowledged: &mut Vec<usize>) -> std::io::Result<()> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE_MAX))?;
        socket.write_all(&connect(&self.client))?;
        let mut connack = [0; 4];
        socket.read_exact(&mut connack)?;
        if connack[0] != 0x20 || connack[3] != 0 {
            return Err(std::io::Error::other(format!("refused: {connack:?}")));
        }
        let mut flight: HashMap<u16, usize> = HashMap::new();
        let (mut next, mut identifier, mut input) = (0, 0u16, Vec::new());
        let began = Instant::now();
        while next < messages.len() || !flight.is_empty() {
            let mut output = Vec::new();
            let due =
                self.rate.map_or(messages.len(), |rate| (began.elapsed().as_secs_f64() * rate) as usize).min(messages.len());
            while next < due && flight.len() < self.window {
                identifier = identifier.checked_add(1).unwrap_or(1);
                if let Entry::Vacant(free) = flight.entry(identifier) {
                    free.insert(next);
                    let (topic, payload) = &messages[next];
                    publish(&mut output, topic, payload, identifier);
                    next += 1;
                }
            }
            socket.write_all(&output)?;
            if flight.is_empty() && next < messages.len() {
                std::thread::sleep(TICK);
                continue;
            }
            read_acknowledgements(&mut socket, &mut input, &mut flight, acknowledged)?;
        }
        socket.write_all(&[0xe0, 0])
    }
}

/// Splits the messages over connections, each in order; the places of all that were acknowledged.
pub fn publish_all(address: SocketAddr, messages: &[Message], connections: usize, client: &str) -> Vec<usize> {
    publish_at(address, messages, connections, client, None)
}

/// As [`publish_all`], so many messages a second over all connections.
pub fn publish_at(address: SocketAddr, messages: &[Message], connections: usize, client: &str, rate: Option<f64>) -> Vec<usize> {
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..connections)
            .map(|number| {
                let places: Vec<usize> = (number..messages.len()).step_by(connections).collect();
                let own: Vec<Message> = places.iter().map(|&place| messages[place].clone()).collect();
                let publisher = Publisher {
                    rate: rate.map(|rate| rate / connections as f64),
                    ..Publisher::new(address, &format!("{client}-{number}"))
                };
                scope.spawn(move || publisher.publish(&own).into_iter().map(|place| places[place]).collect::<Vec<_>>())
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("a publisher does not panic")).collect()
    })
}

fn read_acknowledgements(
    socket: &mut TcpStream,
    input: &mut Vec<u8>,
    flight: &mut HashMap<u16, usize>,
    acknowledged: &mut Vec<usize>,
) -> std::io::Result<()> {
    let mut chunk = [0; 16 * 1024];
    let read = socket.read(&mut chunk)?;
    if read == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    input.extend_from_slice(&chunk[..read]);
    let whole = input.len() / 4 * 4;
    for puback in input[..whole].chunks_exact(4) {
        if puback[..2] == [0x40, 2]
            && let Some(place) = flight.remove(&u16::from_be_bytes([puback[2], puback[3]]))
        {
            acknowledged.push(place);
        }
    }
    input.drain(..whole);
    Ok(())
}

fn connect(client: &str) -> Vec<u8> {
    let mut body = b"\0\x04MQTT\x04\x02\0\x3c".to_vec();
    body.extend_from_slice(&(client.len() as u16).to_be_bytes());
    body.extend_from_slice(client.as_bytes());
    let mut packet = vec![0x10];
    put_length(&mut packet, body.len());
    packet.extend(body);
    packet
}

fn publish(output: &mut Vec<u8>, topic: &str, payload: &[u8], identifier: u16) {
    output.push(0x32);
    put_length(output, 2 + topic.len() + 2 + payload.len());
    output.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    output.extend_from_slice(topic.as_bytes());
    output.extend_from_slice(&identifier.to_be_bytes());
    output.extend_from_slice(payload);
}

fn put_length(output: &mut Vec<u8>, mut length: usize) {
    loop {
        let byte = (length % 128) as u8;
        length /= 128;
        output.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            return;
        }
    }
}

/// A parking reading of a bay.
pub fn parking(sensor: &str, ts_ms: i64, state: &str) -> Message {
    (format!("kerbside/v1/parking/{sensor}"), format!(r#"{{"ts":{ts_ms},"state":"{state}"}}"#).into_bytes())
}

/// An air reading with one PM2.5 value.
pub fn pm25(sensor: &str, ts_ms: i64, value: f64) -> Message {
    (format!("kerbside/v1/air/{sensor}"), format!(r#"{{"ts":{ts_ms},"pm25":{value}}}"#).into_bytes())
}
