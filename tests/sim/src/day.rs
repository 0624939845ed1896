//! One simulated day: who acts when, what breaks when, and what is asked after each step.

use std::sync::Arc;
use std::time::Duration;

use domain::Clock as _;
use domain::rng::Rng;
use lake::contract::{Intake as _, Live as _};
use tokio::task::JoinSet;

use crate::device::Device;
use crate::disk::Crash;
use crate::life::{Life, Stillborn, end_of_power};
use crate::net::Net;
use crate::note;
use crate::world::World;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// How long after the last fault everything may take to be acknowledged and taken.
const PATIENCE: Duration = Duration::from_secs(4 * 3_600);
const DEVICES: u64 = 12;
/// Attempts of a start while disks and store fail.
const STARTS_MAX: u32 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Crash(Crash),
    Stop,
    Inspect,
    Verify,
    DiskFull,
    DiskFree,
    Skew,
    Edit(u64),
    Stranger,
    Reprocess,
    /// By HTTP, or an import of what is old.
    Intake,
}

/// The server and who uses it.
pub struct Day {
    pub(crate) world: Arc<World>,
    net: Arc<Net>,
    pub(crate) rng: Rng,
    life: Option<Life>,
    pub(crate) lives: u64,
    pub(crate) acts: JoinSet<()>,
    pub(crate) last_flip: Duration,
}

/// Plays a day; `Err` names the promise that was broken.
pub async fn play(world: Arc<World>) -> Result<(), String> {
    let net = Net::new(world.clone());
    let mut rng = world.rng(5);
    let (life, lives) = start(&world, 0).await?;
    let events = events(&world, &mut rng);
    let mut devices = JoinSet::new();
    let rush = Duration::from_secs(rng.below(20 * 3_600));
    for number in 0..DEVICES {
        devices.spawn(Device::new(&world, &net, number, rush).live(DAY));
    }
    net.open(life.door.clone());
    let (acts, last_flip) = (JoinSet::new(), Duration::ZERO);
    let mut day = Day { world: world.clone(), net, rng, life: Some(life), lives, acts, last_flip };
    for (at, event) in events {
        day.wait(world.clock.until(at)).await?;
        day.act(event).await?;
    }
    day.wait(world.clock.until(DAY)).await?;
    day.finish(devices).await
}

/// In the order of their instants.
fn events(world: &World, rng: &mut Rng) -> Vec<(Duration, Event)> {
    let mut events: Vec<(Duration, Event)> = Vec::new();
    let mut some = |rng: &mut Rng, a_day: f64, event: &dyn Fn(&mut Rng) -> Event| {
        let mut at = rng.exponential(86_400.0 / a_day.max(1e-9));
        while at < 86_400.0 {
            events.push((Duration::from_micros((at * 1e6) as u64), event(rng)));
            at += rng.exponential(86_400.0 / a_day.max(1e-9));
        }
    };
    let scenario = world.scenario;
    some(rng, scenario.kills, &|_| Event::Crash(Crash::Kill));
    some(rng, scenario.power_losses, &|_| Event::Crash(Crash::PowerLoss));
    some(rng, scenario.stops, &|_| Event::Stop);
    some(rng, 500.0, &|_| Event::Inspect);
    some(rng, 2.0, &|_| Event::Verify);
    some(rng, scenario.strangers, &|_| Event::Stranger);
    some(rng, if scenario.clock_jumps { 12.0 } else { 0.0 }, &|_| Event::Skew);
    some(rng, if scenario.edits { 40.0 } else { 1.0 }, &|rng| Event::Edit(rng.below(DEVICES)));
    some(rng, 6.0, &|_| Event::Reprocess);
    some(rng, 6.0, &|_| Event::Intake);
    if scenario.full_disk {
        for hour in [2, 9, 15] {
            let at = hour * HOUR + Duration::from_secs(rng.below(3_600));
            events.push((at, Event::DiskFull));
            events.push((at + HOUR / 2, Event::DiskFree));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

/// Starts the server, again and again while power and faults do not let it.
async fn start(world: &Arc<World>, lives: u64) -> Result<(Life, u64), String> {
    let mut lives = lives;
    for attempt in 0..STARTS_MAX {
        lives += 1;
        match Life::begin(world, lives).await {
            Ok(life) => {
                note!(world.trace, "life {lives} begins at {}", life.handle.position());
                return Ok((life, lives));
            }
            Err(Stillborn::Crashed) => {
                note!(world.trace, "life {lives} ends in its recovery");
                end_of_power(world, Crash::PowerLoss);
            }
            Err(Stillborn::Refused(why)) => {
                note!(world.trace, "life {lives} does not begin: {why}");
                if !is_modelled(&why) {
                    return Err(format!("the server does not start: {why}"));
                }
                end_of_power(world, Crash::Kill);
            }
        }
        world.clock.sleep(Duration::from_secs(1 + u64::from(attempt))).await;
    }
    Err(format!("the server does not start in {STARTS_MAX} attempts"))
}

/// A fault of the modelled disk or store, which another attempt may not meet.
pub(crate) fn is_modelled(why: &str) -> bool {
    why.contains("modelled") || why.contains("no storage space")
}

impl Day {
    pub(crate) fn life(&mut self) -> &mut Life {
        self.life.as_mut().expect("there is one between two restarts")
    }

    /// Waits, and sees to it that there is a server meanwhile.
    async fn wait(&mut self, done: impl Future<Output = ()>) -> Result<(), String> {
        let world = self.world.clone();
        let mut done = std::pin::pin!(done);
        loop {
            let life = self.life();
            let ended = tokio::select! {
                biased;
                broken = world.broken() => return Err(broken),
                () = life.power.gone() => None,
                ended = &mut life.service.0 => Some(format!("ingest: {ended:?}")),
                ended = &mut life.front.0 => Some(format!("the front: {ended:?}")),
                () = &mut done => return Ok(()),
            };
            if let Some(ended) = ended.filter(|_| life.power.is_on()) {
                return Err(format!("it ended by itself: {ended}"));
            }
            note!(world.trace, "the power is gone");
            self.restart(Crash::PowerLoss).await?;
        }
    }

    async fn act(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Crash(crash) => return self.restart(crash).await,
            Event::Stop => return self.stop().await,
            Event::Inspect => return self.inspect().await,
            Event::Verify => return self.verify().await,
            Event::DiskFull => self.fill_disks(),
            Event::DiskFree => self.world.weather(),
            Event::Skew => {
                let skew = self.rng.below(7_200_000_000) as i64 - 3_600_000_000;
                self.world.clock.skew(skew);
            }
            Event::Edit(device) => self.edit(device),
            Event::Stranger => self.stranger(),
            Event::Reprocess => self.reprocess(),
            Event::Intake => self.intake(),
        }
        note!(self.world.trace, "{event:?}");
        Ok(())
    }

    /// The end of the server without a word, and a new beginning some time later.
    async fn restart(&mut self, crash: Crash) -> Result<(), String> {
        note!(self.world.trace, "{crash:?}");
        self.net.cut();
        if let Some(life) = self.life.take() {
            life.crash(crash).await;
        }
        self.begin_again().await
    }

    async fn stop(&mut self) -> Result<(), String> {
        note!(self.world.trace, "stop");
        self.net.close();
        if let Some(life) = self.life.take()
            && let Err(why) = life.stop().await
        {
            // One that cannot write any more says so as it ends.
            note!(self.world.trace, "it does not end in order: {why}");
            if !is_modelled(&why) {
                return Err(why);
            }
        }
        self.net.cut();
        self.begin_again().await
    }

    async fn begin_again(&mut self) -> Result<(), String> {
        let world = self.world.clone();
        world.clock.sleep(Duration::from_millis(100 + self.rng.below(60_000))).await;
        self.damage();
        self.damage_journal().await?;
        let (life, lives) = start(&world, self.lives).await?;
        self.net.open(life.door.clone());
        (self.life, self.lives) = (Some(life), lives);
        Ok(())
    }

    /// No more faults; then everything is acknowledged, taken, committed, and there after a last restart.
    async fn finish(&mut self, mut devices: JoinSet<()>) -> Result<(), String> {
        let world = self.world.clone();
        world.calm_down();
        self.life().power.lasts();
        let (clock, mut done) = (world.clock.clone(), false);
        let all = async {
            while let Some(ended) = devices.join_next().await {
                world.judge(ended.map_err(|error| format!("a device: {error}")));
            }
        };
        self.wait(async {
            tokio::select! {
                biased;
                () = all => done = true,
                () = clock.sleep(PATIENCE) => {}
            }
        })
        .await?;
        if !done {
            return Err("LIVE-1: not everything is acknowledged hours after the last fault".to_owned());
        }
        self.settle().await?;
        self.verify().await?;
        self.stop().await?;
        self.settle().await?;
        self.verify().await?;
        while let Some(ended) = self.acts.join_next().await {
            ended.map_err(|error| format!("an act: {error}"))?;
        }
        if let Some(life) = self.life.take() {
            life.stop().await?;
        }
        Ok(())
    }

    /// The pipeline has taken everything, and every answer is right.
    async fn settle(&mut self) -> Result<(), String> {
        let handle = self.life().handle.clone();
        let head = self.life().journal.head();
        let patience = Duration::from_secs(600);
        let mut settled = false;
        self.wait(async { settled = handle.settled(head, patience).await }).await?;
        if !settled {
            return Err(format!("LIVE-1: {head} is durable and not taken after {patience:?}"));
        }
        self.inspect().await?;
        let now = self.world.clock.now();
        let mut layout = None;
        self.life().handle.with_state(&mut |_, registry| layout = Some(registry.layout(now)));
        layout.map_or(Ok(()), |layout| self.world.oracle.check_registry(&layout))
    }
}
