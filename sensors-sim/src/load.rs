//! Load for benchmarks: open loop, cheap enough that the generator is not what is measured.
//!
//! Each reading has an instant at which it is to be sent, whatever the server does; latency counts from there, so that a stall shows
//! in every reading that it delayed (closed loops hide stalls). Packets are made once and only their ids and times are patched. A reading is never
//! sent twice with one identity. No reconnects: a connection that is lost ends its share and is told. Whether the generator itself held
//! its schedule is part of the report; a report that says no measures the generator.

mod cpu;
mod lane;
mod open;
mod report;
mod template;

use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, Timestamp};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::publisher::{PublisherOptions, packet};
pub use cpu::cpu_seconds;
use lane::{Lane, LaneReport};
pub use report::LoadReport;

/// Connections opened at the same time: more is a connect storm, which is another measurement.
const CONNECTING_MAX: usize = 64;
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// From "everybody is connected" to the first send.
const LEAD: Duration = Duration::from_millis(20);

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadOptions {
    /// `host:port`
    pub broker: String,
    pub connections: usize,
    /// Unacknowledged publishes a connection may have open.
    pub window: usize,
    /// Bytes of each payload (at least what a reading needs).
    pub payload_bytes: usize,
    /// Publishes a second over all connections; `None`: as many as the acknowledgements allow.
    pub rate: Option<f64>,
    /// Publishes over all connections.
    pub messages: u64,
    /// No publish is begun after this.
    pub seconds_max: u64,
    /// Sensors on each connection.
    pub sensors: usize,
    /// Stem of client ids and sensors: `load` gives sensors `load-0000-000`.
    pub stem: String,
    /// A sensor's readings begin here, one a second.
    pub first: Timestamp,
    /// How long the last acknowledgements are waited for.
    pub drain_s: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            broker: "127.0.0.1:1883".to_owned(),
            connections: 50,
            window: 100,
            payload_bytes: 200,
            rate: None,
            messages: 1_000_000,
            seconds_max: 60,
            sensors: 20,
            stem: "load".to_owned(),
            // 2026-01-01T00:00:00Z: in the past of every server, so that no reading is early.
            first: Timestamp::from_micros(1_767_225_600_000_000),
            drain_s: 30,
        }
    }
}

pub struct Load {
    options: LoadOptions,
    clock: Arc<dyn Clock>,
}

impl Load {
    pub fn new(options: LoadOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let refuse = |detail: &str| Err(Error::Options(detail.to_owned()));
        if options.connections == 0 || options.sensors == 0 || options.window == 0 {
            return refuse("load needs connections, sensors and a window");
        }
        if options.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            return refuse("a rate is a number above 0");
        }
        Ok(Self { options, clock })
    }

    /// Connects everybody, sends, waits for the acknowledgements. Runs on the caller's runtime: give it one of its own.
    pub async fn run(self, shutdown: CancellationToken) -> Result<LoadReport, Error> {
        let streams = self.connect_all().await?;
        let cpu_before = cpu_seconds(None);
        let start = self.clock.elapsed() + LEAD;
        let mut lanes = JoinSet::new();
        for (number, stream) in streams.into_iter().enumerate() {
            let lane = Lane::new(number, &self.options, start);
            lanes.spawn(lane.run(stream, Arc::clone(&self.clock), shutdown.clone()));
        }
        let mut reports: Vec<LaneReport> = Vec::with_capacity(self.options.connections);
        while let Some(ended) = lanes.join_next().await {
            reports.push(ended.map_err(|panic| Error::Options(format!("a load connection failed: {panic}")))?);
        }
        let cpu = cpu_before.zip(cpu_seconds(None)).map(|(before, after)| after - before);
        Ok(LoadReport::of(&self.options, start, &reports, cpu))
    }

    async fn connect_all(&self) -> Result<Vec<TcpStream>, Error> {
        let mut streams = Vec::with_capacity(self.options.connections);
        let mut connecting = JoinSet::new();
        let mut next = 0;
        let mut patience = self.clock.sleep(CONNECT_MAX);
        while streams.len() < self.options.connections {
            while next < self.options.connections && connecting.len() < CONNECTING_MAX {
                let client_id = format!("{}-{next:04}", self.options.stem);
                connecting.spawn(connect(self.options.broker.clone(), client_id));
                next += 1;
            }
            let joined = tokio::select! {
                joined = connecting.join_next() => joined,
                () = &mut patience => return Err(self.broker_error(format!("{} of {} connected in time", streams.len(), self.options.connections))),
            };
            match joined {
                Some(Ok(Ok(stream))) => streams.push(stream),
                Some(Ok(Err(detail))) => return Err(self.broker_error(detail)),
                Some(Err(panic)) => return Err(self.broker_error(panic.to_string())),
                None => break,
            }
        }
        Ok(streams)
    }

    fn broker_error(&self, detail: String) -> Error {
        Error::Broker { broker: self.options.broker.clone(), detail }
    }
}

async fn connect(broker: String, client_id: String) -> Result<TcpStream, String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(&broker).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let options = PublisherOptions { client_id, keep_alive_s: 0, ..PublisherOptions::default() };
    stream.write_all(&packet::connect(&options)).await.map_err(|error| error.to_string())?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.map_err(|error| error.to_string())?;
    if answer[0] == 0x20 && answer[3] == 0 { Ok(stream) } else { Err(format!("answered CONNECT with {answer:02x?}")) }
}

#[cfg(test)]
mod tests;
