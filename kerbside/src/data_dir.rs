//! The data directory: what lies where, which format it has, and that one process has it.
//!
//! The lock is the kernel's and ends with the process, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Written by this version; a later one is refused.
const FORMAT: u32 = 1;
/// The format file before it is whole.
const STAGED: &str = "format.new";

/// Why a data directory cannot be used: each is one sentence for stderr.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("data dir {0} is in use by another kerbside process")]
    InUse(PathBuf),
    #[error("data dir {path} has format {found}, which is newer than this kerbside's {FORMAT}: use a newer version")]
    Newer { path: PathBuf, found: u32 },
    #[error("data dir {0} holds other files and no kerbside data: name an empty or a new directory")]
    Foreign(PathBuf),
    #[error("there is no data dir {0}: name another with --data-dir; kerbside serve makes one")]
    Missing(PathBuf),
    #[error("data dir {path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
}

/// A locked data directory.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Takes an existing directory or makes a new one.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |error| Error::Io { path: path.to_owned(), error };
        std::fs::create_dir_all(path).map_err(io)?;
        let fresh = !path.join("format").exists();
        if fresh
            && std::fs::read_dir(path)
                .map_err(io)?
                .flatten()
                .any(|entry| entry.file_name() != "lock" && entry.file_name() != STAGED)
        {
            return Err(Error::Foreign(path.to_owned()));
        }
        let lock = lock(path)?;
        match read_format(path)? {
            Some(found) if found > FORMAT => return Err(Error::Newer { path: path.to_owned(), found }),
            Some(_) => {}
            None => write_format(path).map_err(io)?,
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Takes an existing directory only.
    pub fn open_existing(path: &Path) -> Result<Self, Error> {
        expect(path)?;
        Self::open(path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes nothing and takes no lock: for what a command reads beside a running server.
pub fn expect(path: &Path) -> Result<(), Error> {
    match read_format(path)? {
        Some(found) if found > FORMAT => Err(Error::Newer { path: path.to_owned(), found }),
        Some(_) => Ok(()),
        None => Err(Error::Missing(path.to_owned())),
    }
}

/// Makes a new directory where there is none, and takes no lock: for what a command may change beside a running server.
pub fn prepare(path: &Path) -> Result<(), Error> {
    match expect(path) {
        Err(Error::Missing(_)) => DataDir::open(path).map(drop),
        other => other,
    }
}

/// Where the lake of a data directory lies.
pub fn lake(path: &Path) -> PathBuf {
    path.join("lake")
}

/// Where the journal of a data directory lies.
pub fn journal(path: &Path) -> PathBuf {
    path.join("journal")
}

/// Where the front keeps sessions and retained messages.
pub fn broker(path: &Path) -> PathBuf {
    path.join("broker")
}

fn lock(path: &Path) -> Result<File, Error> {
    let io = |error| Error::Io { path: path.to_owned(), error };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock")).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

fn read_format(path: &Path) -> Result<Option<u32>, Error> {
    let io = |error| Error::Io { path: path.to_owned(), error };
    let mut text = String::new();
    match File::open(path.join("format")) {
        Ok(mut file) => file.read_to_string(&mut text).map_err(io)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let number = text.trim().strip_prefix("kerbside-data ").and_then(|number| number.parse().ok());
    number.map(Some).ok_or_else(|| io(std::io::Error::other("its format file is damaged")))
}

/// Synced with its directory: a crash leaves a directory that is fresh, or one with a format.
fn write_format(path: &Path) -> std::io::Result<()> {
    let staged = path.join(STAGED);
    let mut file = File::create(&staged)?;
    writeln!(file, "kerbside-data {FORMAT}")?;
    file.sync_all()?;
    std::fs::rename(&staged, path.join("format"))?;
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_a_data_dir_and_a_newer_format_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("data");
        let held = DataDir::open(&path).expect("a new directory");
        assert!(matches!(DataDir::open(&path), Err(Error::InUse(_))));
        drop(held);
        std::fs::write(path.join("format"), "kerbside-data 2\n").expect("writable");
        assert!(matches!(DataDir::open(&path), Err(Error::Newer { found: 2, .. })));
    }

    #[test]
    fn what_only_reads_makes_no_directory() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("data");
        assert!(matches!(expect(&path), Err(Error::Missing(_))));
        assert!(matches!(DataDir::open_existing(&path), Err(Error::Missing(_))));
        assert!(!path.exists());
        prepare(&path).expect("a new directory");
        expect(&path).expect("it is there now");
    }

    #[test]
    fn a_directory_with_other_files_is_left_alone() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("photo.jpg"), "").expect("writable");
        assert!(matches!(DataDir::open(dir.path()), Err(Error::Foreign(_))));
    }
}
