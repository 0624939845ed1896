//! `device`: what may connect over MQTT, and what it may say and read there.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use domain::access::Grants;
use domain::limits::PASSWORD_BYTES_MAX;
use domain::{SensorId, Timestamp};

use crate::cli::{AddDevice, Device, End, GrantArgs};
use crate::clock;
use crate::command::columns::columns;
use crate::command::{self, credentials, onboard};
use crate::config::Config;
use crate::security::{Adding, Hash, Life, NewDevice, Store, StoreError, generate_password, operator};

pub fn run(device: Device, config: &Config) -> anyhow::Result<ExitCode> {
    match device {
        Device::Add(add) => self::add(&mut credentials::made(config)?, add)?,
        Device::Onboard(onboard) => onboard::run(&mut credentials::made(config)?, onboard, config)?,
        Device::List => command::say(&list(credentials::existing(config)?)?)?,
        Device::Revoke { id } => {
            let store = credentials::existing(config)?;
            store.ok_or_else(|| StoreError::NoDevice(id.clone()))?.revoke_device(&id, &operator(), clock::system().now())?;
            command::remark(&format!("device {id} may not connect any more"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A password that is made here goes to stdout, alone.
fn add(store: &mut Store, add: AddDevice) -> anyhow::Result<()> {
    let now = clock::system().now();
    let (given, generated) = match &add.password_file {
        _ if add.certificate => (None, None),
        Some(file) => (Some(read_password(file)?), None),
        None => (None, Some(generate_password())),
    };
    let password = given.as_deref().or(generated.as_deref());
    let device = NewDevice {
        password: password.map(|password| Hash::of(password.as_bytes())),
        certificate: add.certificate,
        grants: grants(&add.id, add.grants)?,
        expires_at: end(&add.end, now)?,
        id: add.id,
    };
    store.add_device(&device, if add.replace { Adding::Replacing } else { Adding::New }, &operator(), now)?;
    command::remark(&format!("device {}: {}", device.id, told(&device.grants)));
    if let Some(password) = generated {
        command::remark("its password is kept as a hash and told only now");
        command::say(&format!("{password}\n"))?;
    }
    Ok(())
}

/// What was granted by name; nothing by name is a device that speaks for itself.
pub fn grants(id: &SensorId, args: GrantArgs) -> anyhow::Result<Grants> {
    let GrantArgs { sensors, publish, subscribe } = args;
    let named = Grants { sensors, publish, subscribe };
    let grants = if named == Grants::default() { Grants::of_device(id) } else { named };
    grants.check()?;
    Ok(grants)
}

/// From a file or stdin, never from the command line, where every process of the machine could read it.
fn read_password(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.with_context(|| format!("--password-file {}", file.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(
        (PASSWORD_CHARS_MIN..=PASSWORD_BYTES_MAX).contains(&password.len()),
        "--password-file {}: a password has {PASSWORD_CHARS_MIN} to {PASSWORD_BYTES_MAX} bytes",
        file.display()
    );
    Ok(password.to_owned())
}

/// A shorter one is guessed.
const PASSWORD_CHARS_MIN: usize = 8;
const DAY: Duration = Duration::from_secs(86_400);

pub fn end(end: &End, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
    let end = end.expires.or_else(|| end.days.map(|days| now.plus(DAY.saturating_mul(days))));
    anyhow::ensure!(end.is_none_or(|end| end > now), "it would end before it begins");
    Ok(end)
}

/// When it began and when it ends, as texts.
pub fn life(life: &Life) -> (String, String) {
    let end = life.revoked_at.or(life.expires_at);
    (second(life.created_at), end.map(second).unwrap_or_default())
}

fn second(at: Timestamp) -> String {
    Timestamp::from_micros(at.as_micros().div_euclid(1_000_000) * 1_000_000).to_string()
}

fn list(store: Option<Store>) -> anyhow::Result<String> {
    let now = clock::system().now();
    let devices = store.map(|store| store.devices()).transpose()?.unwrap_or_default();
    let rows: Vec<_> = devices
        .into_iter()
        .map(|device| {
            let (created, end) = life(&device.life);
            let shows = [(device.password.is_some(), "password"), (device.certificate, "certificate")];
            let shows: Vec<_> = shows.into_iter().filter_map(|(has, name)| has.then_some(name)).collect();
            let state = device.life.state(now).to_owned();
            [device.id.to_string(), shows.join(","), state, created, end, told(&device.grants)]
        })
        .collect();
    Ok(columns(["id", "shows", "state", "created", "ends", "may"], &rows))
}

fn told(grants: &Grants) -> String {
    let mut parts = Vec::new();
    let sensors: Vec<_> = grants.sensors.iter().map(|pattern| pattern.as_str()).collect();
    let publish: Vec<_> = grants.publish.iter().map(|pattern| pattern.as_str()).collect();
    let subscribe: Vec<_> = grants.subscribe.iter().map(|pattern| pattern.as_str()).collect();
    for (what, list) in [("readings of", sensors), ("publish", publish), ("read", subscribe)] {
        if !list.is_empty() {
            parts.push(format!("{what} {}", list.join(" ")));
        }
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}
