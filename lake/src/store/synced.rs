//! The local disk as an object store whose writes are durable when they return.
//!
//! object_store's own `LocalFileSystem` stages and links without any sync, so that power loss may leave a zero-length commit
//! under its final name. Here a write goes to a staged file, is fsynced, takes its name by rename or hard link, and then its
//! folder, and each folder that had to be made, is fsynced. Reads, lists and deletions are `LocalFileSystem`'s: a deletion
//! that power loss undoes is done again by the next vacuum. Staged names end in `#` and digits, which lists leave out.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path as DiskPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::crash_point;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode, Result, UploadPart,
};

/// The whole disk, from `/`.
#[derive(Clone, Debug, Default)]
pub struct SyncedFileSystem {
    inner: LocalFileSystem,
}

impl SyncedFileSystem {
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Display for SyncedFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SyncedFileSystem")
    }
}

#[async_trait::async_trait]
impl ObjectStore for SyncedFileSystem {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let target = self.inner.path_to_filesystem(location)?;
        let placement = match options.mode {
            PutMode::Overwrite => Placement::Replace,
            PutMode::Create => Placement::Create,
            PutMode::Update(_) => return Err(unsupported("put with an expected version")),
        };
        blocking(move || {
            let mut staged = Staged::beside(&target)?;
            for part in &payload {
                staged.file.write_all(part)?;
            }
            staged.place(placement)
        })
        .await
        .map_err(|error| from_io(error, location))?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let target = self.inner.path_to_filesystem(location)?;
        let staged = blocking(move || Staged::beside(&target)).await.map_err(|error| from_io(error, location))?;
        let file = Arc::new(staged.file.try_clone().map_err(|error| from_io(error, location))?);
        Ok(Box::new(Upload { location: location.clone(), staged: Some(staged), file, offset: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let target = self.inner.path_to_filesystem(to)?;
        let folder = folder_of(&target).to_owned();
        let made = folder.clone();
        blocking(move || create_folder(&made)).await.map_err(|error| from_io(error, to))?;
        self.inner.copy_opts(from, to, options).await?;
        blocking(move || sync_folder(&folder)).await.map_err(|error| from_io(error, to))
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let source = self.inner.path_to_filesystem(from)?;
        let target = self.inner.path_to_filesystem(to)?;
        blocking(move || {
            create_folder(folder_of(&target))?;
            match options.target_mode {
                RenameTargetMode::Overwrite => std::fs::rename(&source, &target)?,
                RenameTargetMode::Create => {
                    std::fs::hard_link(&source, &target)?;
                    std::fs::remove_file(&source)?;
                }
            }
            sync_folder(folder_of(&target))?;
            sync_folder(folder_of(&source))
        })
        .await
        .map_err(|error| from_io(error, to))
    }
}

/// How a staged file takes its name.
#[derive(Clone, Copy)]
enum Placement {
    Replace,
    /// Fails with `AlreadyExists` when the name is taken.
    Create,
}

/// A file that has no name yet; dropped without one, it is removed.
#[derive(Debug)]
struct Staged {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

static STAGED: AtomicU64 = AtomicU64::new(0);

impl Staged {
    fn beside(target: &DiskPath) -> io::Result<Self> {
        let name = target.file_name().and_then(|name| name.to_str()).unwrap_or("file");
        let mut made = false;
        loop {
            let number = STAGED.fetch_add(1, Ordering::Relaxed);
            let path = target.with_file_name(format!("{name}#{}{number:06}", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { file, path, target: target.to_owned() }),
                // Left by a process that died under the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == ErrorKind::NotFound && !made => {
                    create_folder(folder_of(target))?;
                    made = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Durable under its name when it returns.
    fn place(self, placement: Placement) -> io::Result<()> {
        self.file.sync_all()?;
        crash_point!(FileBeforeName);
        match placement {
            Placement::Replace => std::fs::rename(&self.path, &self.target)?,
            Placement::Create => std::fs::hard_link(&self.path, &self.target)?,
        }
        crash_point!(FileAfterName);
        sync_folder(folder_of(&self.target))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Renamed already, or a leftover that the vacuum will find: either way nothing can be done here.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Parts go to their places in the staged file as they come.
#[derive(Debug)]
struct Upload {
    location: Path,
    /// `None` once completed or aborted.
    staged: Option<Staged>,
    file: Arc<File>,
    offset: u64,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (file, location) = (self.file.clone(), self.location.clone());
        let mut offset = self.offset;
        self.offset += data.content_length() as u64;
        async move {
            blocking(move || {
                for part in &data {
                    file.write_all_at(part, offset)?;
                    offset += part.len() as u64;
                }
                Ok(())
            })
            .await
            .map_err(|error| from_io(error, &location))
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let Some(staged) = self.staged.take() else {
            return Err(unsupported("completing an upload twice"));
        };
        blocking(move || staged.place(Placement::Replace)).await.map_err(|error| from_io(error, &self.location))?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.staged = None;
        Ok(())
    }
}

/// Makes a folder and those above it; each new name is durable when it returns.
pub(super) fn create_folder(folder: &DiskPath) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    create_folder(above)?;
    match std::fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        Err(error) => return Err(error),
    }
    sync_folder(above)
}

fn folder_of(path: &DiskPath) -> &DiskPath {
    path.parent().unwrap_or(DiskPath::new("/"))
}

fn sync_folder(folder: &DiskPath) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { DiskPath::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match aside::run(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

fn from_io(source: io::Error, location: &Path) -> Error {
    let path = location.to_string();
    match source.kind() {
        ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: source.into() },
        ErrorKind::NotFound => Error::NotFound { path, source: source.into() },
        _ => Error::Generic { store: "SyncedFileSystem", source: source.into() },
    }
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: "SyncedFileSystem".to_owned() }
}

#[cfg(test)]
mod tests;
