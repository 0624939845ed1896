//! Where the lake lies: a local folder behind a store that syncs, or any object store that a URL names.
//!
//! A store is rooted at the storage system (`/`, the bucket), as deltalake-core and query engines ask; the lake is a path in
//! it. Object stores sync by themselves; the local disk goes through [`SyncedFileSystem`].

mod synced;

use std::collections::BTreeMap;
use std::path::{Path as DiskPath, PathBuf};
use std::sync::Arc;

use domain::rng::Rng;
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

pub use synced::SyncedFileSystem;

use crate::Error;
use crate::log::{Delta, Log};
use crate::table::Table;

/// A lake's place.
#[derive(Clone)]
pub(crate) struct Location {
    pub store: Arc<dyn ObjectStore>,
    /// The lake's folder in the store.
    pub root: Path,
    /// The same as a URL, without a slash at its end.
    pub url: Url,
    /// The same on the local disk.
    pub disk: Option<PathBuf>,
    /// `None`: Delta's own.
    pub logs: Option<Logs>,
}

/// Gives each table its log, in place of Delta's own.
pub type Logs = Arc<dyn Fn(Table) -> Arc<dyn Log> + Send + Sync>;

/// A lake on a store that no URL names, and by chance that can be repeated: what a simulation opens.
pub struct Backing {
    pub store: Arc<dyn ObjectStore>,
    /// `None`: Delta's own.
    pub logs: Option<Logs>,
    /// For the names of files.
    pub rng: Rng,
}

impl Location {
    /// The folder of a local lake must exist.
    pub fn open(at: &str, settings: &BTreeMap<String, String>) -> Result<Self, Error> {
        let wrong = |why: String| Error::Location { at: at.to_owned(), why };
        match Url::parse(at) {
            Ok(url) if url.scheme() == "file" => {
                let path = url.to_file_path().map_err(|()| wrong("not a local path".to_owned()))?;
                Self::on_disk(&path, at)
            }
            Ok(url) if at.contains("://") => {
                let (store, root) = object_store::parse_url_opts(&url, settings).map_err(|error| wrong(error.to_string()))?;
                let mut url = url;
                let path = url.path().trim_end_matches('/').to_owned();
                url.set_path(&path);
                Ok(Self { store: Arc::from(store), root, url, disk: None, logs: None })
            }
            _ => Self::on_disk(DiskPath::new(at), at),
        }
    }

    /// At the root of the caller's store.
    pub fn backed(store: Arc<dyn ObjectStore>, logs: Option<Logs>) -> Self {
        let url = Url::parse("memory://").expect("a scheme alone is a URL");
        Self { store, root: Path::default(), url, disk: None, logs }
    }

    fn on_disk(path: &DiskPath, at: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Location { at: at.to_owned(), why };
        let path = std::fs::canonicalize(path).map_err(|error| wrong(error.to_string()))?;
        let url = Url::from_file_path(&path).map_err(|()| wrong("not an absolute path".to_owned()))?;
        let root = Path::from_absolute_path(&path).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { store: Arc::new(SyncedFileSystem::new()), root, url, disk: Some(path), logs: None })
    }

    /// Makes the folder of a local lake, durably. Object stores have none.
    pub fn create(at: &str) -> Result<(), Error> {
        let path = match Url::parse(at) {
            Ok(url) if url.scheme() == "file" => match url.to_file_path() {
                Ok(path) => path,
                Err(()) => return Ok(()),
            },
            Ok(_) if at.contains("://") => return Ok(()),
            _ => PathBuf::from(at),
        };
        synced::create_folder(&path).map_err(|error| Error::Location { at: at.to_owned(), why: error.to_string() })
    }

    /// deltalake-core looks for a local table's folder before it looks into it.
    pub fn create_table_folder(&self, table: Table) -> Result<(), Error> {
        match self.table_disk(table) {
            Some(folder) => synced::create_folder(&folder)
                .map_err(|error| Error::Location { at: folder.display().to_string(), why: error.to_string() }),
            None => Ok(()),
        }
    }

    pub fn table_root(&self, table: Table) -> Path {
        self.root.clone().join(table.name())
    }

    pub fn table_url(&self, table: Table) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{}", self.url.path(), table.name()));
        url
    }

    /// The log of a table.
    pub fn log(&self, table: Table) -> Arc<dyn Log> {
        match &self.logs {
            Some(logs) => logs(table),
            None => Arc::new(Delta::new(&self.store, self.table_root(table), &self.table_url(table), table)),
        }
    }

    pub fn table_disk(&self, table: Table) -> Option<PathBuf> {
        self.disk.as_ref().map(|disk| disk.join(table.name()))
    }
}
