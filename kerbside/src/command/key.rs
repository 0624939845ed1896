//! `key`: who may ask over HTTP, and what for.

use std::process::ExitCode;

use crate::cli::{AddKey, Key};
use crate::clock;
use crate::command::columns::columns;
use crate::command::{self, credentials, device};
use crate::config::Config;
use crate::security::{ApiKey, NewKey, Store, StoreError, operator};

/// A person's or a service's name.
const NAME_CHARS_MAX: usize = 64;

pub fn run(key: Key, config: &Config) -> anyhow::Result<ExitCode> {
    match key {
        Key::Add(add) => self::add(&mut credentials::made(config)?, add)?,
        Key::List => command::say(&list(credentials::existing(config)?)?)?,
        Key::Revoke { id } => {
            let store = credentials::existing(config)?;
            store.ok_or_else(|| StoreError::NoKey(id.clone()))?.revoke_key(&id, &operator(), clock::system().now())?;
            command::remark(&format!("key {id} opens nothing any more"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The key alone goes to stdout, so that a script can put it into a file that nobody else reads.
fn add(store: &mut Store, add: AddKey) -> anyhow::Result<()> {
    let name = add.name.trim();
    anyhow::ensure!(
        (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control),
        "a name has 1 to {NAME_CHARS_MAX} printable characters"
    );
    let now = clock::system().now();
    let key = ApiKey::generate();
    let new = NewKey {
        id: key.id.clone(),
        name: name.to_owned(),
        scopes: add.scopes.into_iter().collect(),
        hash: key.hash,
        expires_at: device::end(&add.end, now)?,
    };
    store.add_key(&new, &operator(), now)?;
    command::remark(&format!("key {} of {name} opens {}; it is kept as a hash and told only now", key.id, new.scopes));
    command::say(&format!("{}\n", key.text))
}

fn list(store: Option<Store>) -> anyhow::Result<String> {
    let now = clock::system().now();
    let keys = store.map(|store| store.keys()).transpose()?.unwrap_or_default();
    let rows: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let (created, end) = device::life(&key.life);
            [key.id.into(), key.name.into(), key.scopes.to_string(), key.life.state(now).to_owned(), created, end]
        })
        .collect();
    Ok(columns(["id", "name", "scopes", "state", "created", "ends"], &rows))
}
