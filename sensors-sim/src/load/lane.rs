//! One load connection: sends what is due, reads acknowledgements, measures.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use domain::Clock;
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::LoadOptions;
use super::open::Open;
use super::template::Template;
use crate::publisher::packet::{self, Inbound};

/// Bytes that may wait for the socket.
const OUTBOUND_BYTES_MAX: usize = 256 * 1024;
/// A sensor's readings are one second apart.
const STEP_MILLIS: u64 = 1_000;

pub struct Lane {
    templates: Vec<Template>,
    open: Open,
    quota: u64,
    sent: u64,
    /// When the first is due, and the time between two, microseconds of the clock's `elapsed`; no interval: at once.
    start_us: u64,
    interval_us: Option<f64>,
    stop_us: u64,
    drain: Duration,
    first_millis: u64,
    /// The last time the window held a publish back.
    blocked_us: u64,
    report: LaneReport,
}

/// What one connection came to.
pub struct LaneReport {
    pub sent: u64,
    pub acknowledged: u64,
    /// From the scheduled send to the PUBACK.
    pub latency_us: Histogram<u64>,
    /// Sent this much after its time, though the window had room: the generator's own doing.
    pub generator_late_us: u64,
    /// Sent this much after its time because the window was full: the server's doing.
    pub window_late_us: u64,
    /// Of the clock's `elapsed`.
    pub last_ack_us: u64,
    pub lost: Option<String>,
}

impl Lane {
    pub fn new(number: usize, options: &LoadOptions, start: Duration) -> Self {
        let lanes = options.connections as u64;
        let sensor = |n: usize| format!("{}-{number:04}-{n:03}", options.stem);
        let templates = (0..options.sensors).map(|n| Template::new(&sensor(n), options.payload_bytes)).collect();
        let interval_us = options.rate.map(|rate| 1e6 * lanes as f64 / rate);
        let offset_us = interval_us.map_or(0.0, |interval| interval * number as f64 / lanes as f64);
        let start_us = micros(start);
        let report = LaneReport {
            sent: 0,
            acknowledged: 0,
            latency_us: Histogram::new_with_bounds(1, 600_000_000, 3).expect("bounds and digits are constants in range"),
            generator_late_us: 0,
            window_late_us: 0,
            last_ack_us: start_us,
            lost: None,
        };
        Self {
            templates,
            open: Open::new(options.window),
            quota: options.messages / lanes + u64::from((number as u64) < options.messages % lanes),
            sent: 0,
            start_us: start_us + offset_us as u64,
            interval_us,
            stop_us: start_us + options.seconds_max * 1_000_000,
            drain: Duration::from_secs(options.drain_s),
            first_millis: u64::try_from(options.first.as_micros() / 1_000).unwrap_or(0),
            blocked_us: 0,
            report,
        }
    }

    pub async fn run(mut self, stream: TcpStream, clock: Arc<dyn Clock>, shutdown: CancellationToken) -> LaneReport {
        if let Err(detail) = self.converse(stream, &*clock, &shutdown).await {
            self.report.lost = Some(detail);
        }
        self.report.sent = self.sent;
        self.report
    }

    async fn converse(&mut self, stream: TcpStream, clock: &dyn Clock, shutdown: &CancellationToken) -> Result<(), String> {
        let (mut reader, mut writer) = stream.into_split();
        let mut inbound = BytesMut::with_capacity(16 * 1024);
        let mut outbound = BytesMut::with_capacity(OUTBOUND_BYTES_MAX + 4 * 1024);
        let mut timer = clock.sleep(Duration::ZERO);
        let mut drained = clock.sleep(self.drain + Duration::from_micros(self.stop_us.saturating_sub(micros(clock.elapsed()))));
        loop {
            let now_us = micros(clock.elapsed());
            let wait = self.fill(now_us, &mut outbound);
            if let Some(wait_us) = wait {
                timer = clock.sleep(Duration::from_micros(wait_us.max(1_000)));
            }
            if self.is_over(now_us) && self.open.is_empty() && outbound.is_empty() {
                // Everything is acknowledged: a failure to say goodbye costs nothing.
                let _ = writer.write_all(&packet::DISCONNECT).await;
                return Ok(());
            }
            tokio::select! {
                read = reader.read_buf(&mut inbound) => {
                    if read.map_err(|error| error.to_string())? == 0 {
                        return Err("closed by the broker".to_owned());
                    }
                    self.acknowledge(&mut inbound, micros(clock.elapsed()))?;
                }
                wrote = writer.write_buf(&mut outbound), if !outbound.is_empty() => {
                    wrote.map_err(|error| error.to_string())?;
                }
                () = &mut timer, if wait.is_some() => {}
                () = &mut drained => return Err(format!("{} unacknowledged at the end", self.open.len())),
                () = shutdown.cancelled() => return Err("cancelled".to_owned()),
            }
        }
    }

    fn is_over(&self, now_us: u64) -> bool {
        self.sent >= self.quota || now_us >= self.stop_us
    }

    /// Appends what is due; microseconds to the next when a timer must wake us for it.
    fn fill(&mut self, now_us: u64, outbound: &mut BytesMut) -> Option<u64> {
        while !self.is_over(now_us) && outbound.len() < OUTBOUND_BYTES_MAX {
            let due_us = self.due(now_us);
            if due_us > now_us {
                return Some(due_us - now_us);
            }
            if !self.open.has_room() {
                self.blocked_us = now_us;
                return None;
            }
            self.note_lateness(due_us, now_us);
            let sensors = self.templates.len() as u64;
            let (sensor, nth) = (self.sent % sensors, self.sent / sensors);
            let id = self.open.push(due_us);
            let ts_millis = self.first_millis + nth * STEP_MILLIS;
            self.templates[sensor as usize].write(outbound, id, ts_millis, nth % 2 == 0);
            self.sent += 1;
        }
        None
    }

    fn due(&self, now_us: u64) -> u64 {
        self.interval_us.map_or(now_us.max(self.start_us), |interval| self.start_us + (self.sent as f64 * interval) as u64)
    }

    fn note_lateness(&mut self, due_us: u64, now_us: u64) {
        let late = now_us - due_us;
        let most = if self.blocked_us >= due_us { &mut self.report.window_late_us } else { &mut self.report.generator_late_us };
        *most = late.max(*most);
    }

    fn acknowledge(&mut self, inbound: &mut BytesMut, now_us: u64) -> Result<(), String> {
        loop {
            // A PUBACK of MQTT 3.1.1 is these four bytes.
            let packet_id = if inbound.len() >= 4 && inbound[0] == 0x40 && inbound[1] == 2 {
                let id = u16::from_be_bytes([inbound[2], inbound[3]]);
                inbound.advance(4);
                id
            } else {
                match packet::take(inbound)? {
                    Some(Inbound::PubAck { packet_id }) => packet_id,
                    Some(_) => continue,
                    None => return Ok(()),
                }
            };
            let Some(scheduled_us) = self.open.acknowledge(packet_id) else {
                return Err(format!("acknowledged packet {packet_id}, which is not open"));
            };
            self.report.acknowledged += 1;
            self.report.last_ack_us = now_us;
            self.report.latency_us.saturating_record(now_us.saturating_sub(scheduled_us).max(1));
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
