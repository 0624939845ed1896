//! A sensor of the street: makes readings, keeps each until it is acknowledged, sends it again when in doubt.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Clock as _;
use domain::rng::Rng;
use domain::time::MICROS_PER_SECOND;

use crate::net::{Line, Net};
use crate::scenario::Scenario;
use crate::world::World;

const HOUR: Duration = Duration::from_secs(3_600);

/// What is on the street.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Bay,
    Lot,
    Station,
}

pub struct Device {
    world: Arc<World>,
    net: Arc<Net>,
    pub id: String,
    what: What,
    rng: Rng,
    scenario: Scenario,
    number: u64,
    occupied: bool,
    free: i64,
    /// The last elements, for repetitions and conflicts.
    last: VecDeque<(i64, String)>,
    /// Gathered while it is offline.
    gathered: Vec<String>,
    offline_until: Duration,
    outbox: VecDeque<Message>,
    rush: Duration,
}

/// A publish that is kept until it is acknowledged.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: Bytes,
    pub qos: u8,
}

impl Device {
    pub fn new(world: &Arc<World>, net: &Arc<Net>, number: u64, rush: Duration) -> Self {
        let mut rng = world.rng(1_000 + number);
        let what = [What::Bay, What::Bay, What::Bay, What::Lot, What::Station][(number % 5) as usize];
        let id = match what {
            What::Bay => format!("bay-{number}"),
            What::Lot => format!("lot-{number}"),
            What::Station => format!("air-{number}"),
        };
        let goes_offline = rng.chance(world.scenario.offline);
        let offline_until = if goes_offline { Duration::ZERO } else { Duration::MAX };
        Self {
            world: world.clone(),
            net: net.clone(),
            id,
            what,
            rng,
            scenario: world.scenario,
            number: number * 1_000_000,
            occupied: false,
            free: 50,
            last: VecDeque::new(),
            gathered: Vec::new(),
            offline_until,
            outbox: VecDeque::new(),
            rush,
        }
    }

    /// Until `end`, and then until everything is acknowledged.
    pub async fn live(mut self, end: Duration) {
        let mut line = Line::new(&self.id, self.net.clone(), self.world.rng(2_000_000 + self.number));
        while self.world.clock.elapsed() < end {
            let pause = self.pause();
            self.world.clock.sleep(pause).await;
            self.observe();
            while let Some(message) = self.outbox.pop_front() {
                line.deliver(message).await;
            }
        }
        let rest = std::mem::take(&mut self.gathered);
        self.post_all(rest);
        while let Some(message) = self.outbox.pop_front() {
            line.deliver(message).await;
        }
        line.leave().await;
    }

    fn pause(&mut self) -> Duration {
        let mean_s = match self.what {
            What::Bay => 1_200.0,
            What::Lot => 900.0,
            What::Station => 600.0,
        };
        let now = self.world.clock.elapsed();
        let is_rush = self.scenario.rush && now >= self.rush && now < self.rush + 2 * HOUR;
        let flaps = self.scenario.flapping && self.id == "bay-0" && now >= self.rush && now < self.rush + HOUR / 4;
        let mean_s = if flaps {
            2.0
        } else if is_rush {
            mean_s / 10.0
        } else {
            mean_s
        };
        Duration::from_millis(1 + (self.rng.exponential(mean_s) * 1_000.0) as u64)
    }

    fn observe(&mut self) {
        let now = self.world.clock.elapsed();
        self.world.count_reading();
        if self.rng.chance(self.scenario.poison) {
            let poison = self.poison();
            self.outbox.push_back(poison);
        }
        let at = self.instant();
        let element = self.element(at);
        self.last.push_back((at, element.clone()));
        if self.last.len() > 40 {
            self.last.pop_front();
        }
        if self.offline_until == Duration::MAX {
            self.post(element);
        } else if now < self.offline_until {
            self.gathered.push(element);
        } else {
            self.gathered.push(element);
            let gathered = std::mem::take(&mut self.gathered);
            self.post_all(gathered);
            if self.rng.chance(0.2) {
                self.offline_until = now + HOUR + Duration::from_secs(self.rng.below(6 * 3_600));
            }
        }
        if self.rng.chance(self.scenario.duplicates) {
            self.repeat();
        }
        if self.rng.chance(self.scenario.conflicts) {
            self.contradict();
        }
    }

    /// When the device says that it is, in milliseconds since 1970.
    fn instant(&mut self) -> i64 {
        let now_ms = self.world.clock.truth().as_micros() / 1_000;
        match self.rng.chance(self.scenario.skewed) {
            true if self.rng.chance(0.5) => now_ms + self.rng.below(3 * 3_600_000) as i64,
            true => now_ms - self.rng.below(40 * 3_600_000) as i64,
            false => now_ms - self.rng.below(2_000) as i64,
        }
    }

    fn element(&mut self, at_ms: i64) -> String {
        self.number += 1;
        let mut text = format!("{{\"ts\":{at_ms},\"seq\":{},\"n\":{}", self.number % 4_000_000_000, self.number);
        match self.what {
            What::Bay => {
                self.occupied ^= self.rng.chance(0.6);
                let state = if self.occupied { "occupied" } else { "vacant" };
                write!(text, ",\"state\":\"{state}\",\"battery_mv\":3600")
            }
            What::Lot => {
                self.free = (self.free + self.rng.below(11) as i64 - 5).clamp(-3, 80);
                write!(text, ",\"free\":{},\"capacity\":80", self.free)
            }
            What::Station => {
                let (pm25, no2) = (self.rng.below(1_500) as f64 / 10.0, self.rng.below(800) as f64 / 10.0);
                write!(text, ",\"pm25\":{pm25},\"no2\":{no2},\"temp_c\":{},\"avg_s\":600", self.rng.below(40))
            }
        }
        .expect("writing to a string does not fail");
        text.push('}');
        text
    }

    fn topic(&self) -> String {
        let kind = if self.what == What::Station { "air" } else { "parking" };
        format!("kerbside/v1/{kind}/{}", self.id)
    }

    fn post(&mut self, payload: String) {
        let qos = if self.rng.chance(0.1) { 2 } else { 1 };
        let message = Message { topic: self.topic(), payload: payload.into(), qos };
        self.outbox.push_back(message);
    }

    fn post_all(&mut self, elements: Vec<String>) {
        for some in elements.chunks(50) {
            let payload = if let [one] = some { one.clone() } else { format!("[{}]", some.join(",")) };
            self.post(payload);
        }
    }

    /// The same reading by another gateway: other bytes, the same measured values.
    fn repeat(&mut self) {
        let index = self.rng.below(self.last.len() as u64) as usize;
        let (_, element) = self.last[index].clone();
        self.number += 1;
        let tail = format!(",\"gateway\":\"gw-{}\",\"again\":{}}}", self.rng.below(3), self.number);
        let again = format!("{}{tail}", element.trim_end_matches('}'));
        self.post(again);
    }

    /// Another value under the instant of an earlier reading.
    fn contradict(&mut self) {
        let index = self.rng.below(self.last.len() as u64) as usize;
        let (at, _) = self.last[index];
        let element = self.element(at);
        self.post(element);
    }

    fn poison(&mut self) -> Message {
        self.number += 1;
        let (n, now_ms) = (self.number, self.world.clock.truth().as_micros() * 1_000 / MICROS_PER_SECOND);
        let payload = match self.rng.below(10) {
            0 => format!("{{\"n\":{n}"),
            1 => format!("\u{0} no JSON {n}"),
            2 => format!("{{\"ts\":\"yesterday\",\"state\":\"vacant\",\"n\":{n}}}"),
            3 => format!("{{\"ts\":{now_ms},\"n\":{n}}}"),
            4 => format!("{{\"ts\":{now_ms},\"state\":\"vacant\",\"free\":3,\"n\":{n}}}"),
            5 => format!("{{\"ts\":{now_ms},\"pm25\":1e999,\"no2\":3,\"n\":{n}}}"),
            6 => format!("{{\"ts\":{now_ms},\"pm10\":7.5,\"units\":{{\"pm10\":\"furlong\"}},\"n\":{n}}}"),
            7 => format!("[{{\"ts\":{now_ms},\"state\":\"vacant\"}},{{\"ts\":{now_ms},\"state\":7}},{n},[[[[{n}]]]]]"),
            8 => format!("{}{n}{}", "[".repeat(200), "]".repeat(200)),
            _ => format!("{{\"ts\":1,\"state\":\"occupied\",\"n\":{n}}}"),
        };
        let topic = match self.rng.below(12) {
            0 => "kerbside/v1/noise/x".to_owned(),
            1 => "kerbside/v1/parking/a b".to_owned(),
            2 => "home/lamp".to_owned(),
            _ => self.topic(),
        };
        Message { topic, payload: payload.into(), qos: 1 }
    }
}
