//! The store of devices, keys and acts, as commands open it: those that add to it make what is missing, the others make nothing.

use anyhow::ensure;

use crate::config::Config;
use crate::data_dir;
use crate::security::Store;

/// Makes data dir and store where they are missing.
pub fn made(config: &Config) -> anyhow::Result<Store> {
    data_dir::prepare(&config.data_dir)?;
    Ok(Store::open(&config.security.dir(&config.data_dir))?)
}

/// `None`: the place is there, and nobody was ever added in it.
pub fn existing(config: &Config) -> anyhow::Result<Option<Store>> {
    let dir = config.security.dir(&config.data_dir);
    match config.security.dir.as_os_str().is_empty() {
        true => data_dir::expect(&config.data_dir)?,
        false => ensure!(dir.is_dir(), "security.dir: there is no directory {}", dir.display()),
    }
    Ok(Store::open_existing(&dir)?)
}
