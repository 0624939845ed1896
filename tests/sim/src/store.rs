//! A modelled object store: puts are atomic once they are said to be done. Before that they may fail, be done without an answer, or leave
//! the head of what was sent.
//!
//! What goes wrong is drawn from a generator of its own, in the order of the operations.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use domain::rng::Rng;
use domain::{Clock as _, Timestamp};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use parking_lot::Mutex;

use crate::clock::VirtualClock;
use crate::power::{Power, dead};

/// What goes wrong from now on, each with a chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// An operation fails and has done nothing.
    pub error: f64,
    /// A put is done, and its answer is lost.
    pub lost: f64,
    /// A put fails and leaves a part.
    pub torn: f64,
    /// No put succeeds.
    pub full: bool,
    /// Milliseconds that an operation takes at most.
    pub latency_ms: u64,
}

/// What outlives the processes that use it.
pub struct Store(Mutex<Model>);

struct Model {
    rng: Rng,
    faults: Faults,
    objects: BTreeMap<Path, Object>,
}

#[derive(Clone)]
pub struct Object {
    pub bytes: Bytes,
    modified: Timestamp,
}

impl Model {
    fn below<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = (&'a Path, &'a Object)> {
        let from = self.objects.range(folder..);
        let own = from.take_while(|(path, _)| path.as_ref().starts_with(folder.as_ref()));
        own.filter(move |(path, _)| path.prefix_matches(folder) && *path != folder)
    }
}

impl Store {
    pub fn new(rng: Rng) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Model { rng, faults: Faults::default(), objects: BTreeMap::new() })))
    }

    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.0.lock().faults);
    }

    pub fn faults(&self) -> Faults {
        self.0.lock().faults
    }

    /// As it is, without faults: for who looks from outside.
    pub fn read(&self, path: &str) -> Option<Bytes> {
        self.0.lock().objects.get(&Path::from(path)).map(|object| object.bytes.clone())
    }

    /// All below a folder, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let folder = Path::from(folder);
        let model = self.0.lock();
        model.below(&folder).map(|(path, _)| path.to_string()).collect()
    }

    /// `false` when there is one already.
    pub fn put_if_absent(&self, path: &str, bytes: Bytes, modified: Timestamp) -> bool {
        let (mut model, path) = (self.0.lock(), Path::from(path));
        let is_free = !model.objects.contains_key(&path);
        if is_free {
            model.objects.insert(path, Object { bytes, modified });
        }
        is_free
    }

    fn place(&self, location: &Path, bytes: Bytes, modified: Timestamp, mode: PutMode, is_torn: bool) -> Result<()> {
        let mut model = self.0.lock();
        if mode == PutMode::Create && model.objects.contains_key(location) {
            return Err(Error::AlreadyExists { path: location.to_string(), source: "it is there".into() });
        }
        let length = if is_torn { model.rng.below(bytes.len() as u64) as usize } else { bytes.len() };
        model.objects.insert(location.clone(), Object { bytes: bytes.slice(..length), modified });
        if is_torn { Err(generic(io::Error::other("modelled: the upload broke off"))) } else { Ok(()) }
    }

    pub fn remove(&self, path: &Path) {
        self.0.lock().objects.remove(path);
    }

    pub fn chance(&self, probability: f64) -> bool {
        probability > 0.0 && self.0.lock().rng.chance(probability)
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.0.lock().rng.below(bound)
    }

    /// The store as one process sees it.
    pub fn mount(self: &Arc<Self>, power: Power, clock: Arc<VirtualClock>) -> Mounted {
        Mounted { store: self.clone(), power, clock }
    }
}

#[derive(Clone)]
pub struct Mounted {
    store: Arc<Store>,
    power: Power,
    clock: Arc<VirtualClock>,
}

impl Mounted {
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn now(&self) -> Timestamp {
        self.clock.truth()
    }

    /// Takes its time and may fail: nothing is done by then. `true`: the power goes off in the middle of it.
    pub async fn begin(&self) -> io::Result<bool> {
        let faults = self.store.faults();
        if faults.latency_ms > 0 {
            let wait = Duration::from_micros(1_000 + self.store.below(faults.latency_ms * 1_000));
            self.clock.sleep(wait).await;
        }
        let fails_in_it = self.power.operation()?;
        if self.store.chance(faults.error) {
            return Err(io::Error::other("modelled: the store does not answer"));
        }
        Ok(fails_in_it)
    }

    /// After a put that took place: says so, or not.
    pub async fn end(&self, fails_in_it: bool) -> io::Result<()> {
        let faults = self.store.faults();
        if fails_in_it {
            return Err(dead());
        }
        if faults.latency_ms > 0 {
            self.clock.sleep(Duration::from_millis(1)).await;
            self.power.operation()?;
        }
        if self.store.chance(faults.lost) {
            return Err(io::Error::other("modelled: the answer is lost"));
        }
        Ok(())
    }

    async fn put(&self, location: &Path, bytes: Bytes, mode: PutMode) -> Result<PutResult> {
        let fails_in_it = self.begin().await.map_err(generic)?;
        let faults = self.store.faults();
        if faults.full {
            return Err(generic(io::ErrorKind::StorageFull.into()));
        }
        let modified = self.now();
        let is_torn = self.store.chance(if fails_in_it { 0.5 } else { faults.torn });
        self.store.place(location, bytes, modified, mode, is_torn)?;
        self.end(fails_in_it).await.map_err(generic)?;
        Ok(PutResult { e_tag: None, version: None })
    }

    fn list_now(&self, prefix: Option<&Path>) -> Vec<ObjectMeta> {
        let prefix = prefix.cloned().unwrap_or_default();
        let model = self.store.0.lock();
        model.below(&prefix).map(|(path, object)| meta(path, object)).collect()
    }
}

fn generic(error: io::Error) -> Error {
    Error::Generic { store: "modelled", source: Box::new(error) }
}

fn meta(location: &Path, object: &Object) -> ObjectMeta {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_micros(object.modified.as_micros().max(0).cast_unsigned());
    ObjectMeta {
        location: location.clone(),
        last_modified: modified.into(),
        size: object.bytes.len() as u64,
        e_tag: None,
        version: None,
    }
}

impl fmt::Display for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("modelled store")
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Mounted {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.put(location, payload.into(), options.mode).await
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload { to: self.clone(), location: location.clone(), parts: Vec::new() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.begin().await.map_err(generic)?;
        let object = self.store.0.lock().objects.get(location).cloned();
        let object = object.ok_or_else(|| Error::NotFound { path: location.to_string(), source: "it is not there".into() })?;
        let meta = meta(location, &object);
        let range = match options.range {
            Some(range) => range.as_range(meta.size).map_err(|error| generic(io::Error::other(error)))?,
            None => 0..meta.size,
        };
        let bytes = object.bytes.slice(range.start as usize..range.end as usize);
        let payload = GetResultPayload::Stream(futures::stream::once(futures::future::ready(Ok(bytes))).boxed());
        Ok(GetResult { payload, meta, range, attributes: Default::default() })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let mounted = self.clone();
        let delete = move |location: Result<Path>| {
            let mounted = mounted.clone();
            async move {
                let location = location?;
                mounted.begin().await.map_err(generic)?;
                mounted.store.remove(&location);
                Ok(location)
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (mounted, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            match mounted.begin().await {
                Ok(_) => mounted.list_now(prefix.as_ref()).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(generic(error))],
            }
        };
        listed.map(futures::stream::iter).flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.begin().await.map_err(generic)?;
        let root = prefix.cloned().unwrap_or_default();
        let mut found = ListResult { objects: Vec::new(), common_prefixes: Vec::new() };
        for meta in self.list_now(prefix) {
            let mut parts = meta.location.prefix_match(&root).into_iter().flatten();
            let (first, more) = (parts.next().map(|part| part.as_ref().to_owned()), parts.next().is_some());
            match first {
                Some(folder) if more => {
                    let folder = root.clone().join(folder);
                    if found.common_prefixes.last() != Some(&folder) {
                        found.common_prefixes.push(folder);
                    }
                }
                _ => found.objects.push(meta.clone()),
            }
        }
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, _: CopyOptions) -> Result<()> {
        self.begin().await.map_err(generic)?;
        let mut model = self.store.0.lock();
        let object = model.objects.get(from).cloned();
        let object = object.ok_or_else(|| Error::NotFound { path: from.to_string(), source: "it is not there".into() })?;
        model.objects.insert(to.clone(), object);
        Ok(())
    }

    async fn rename_opts(&self, from: &Path, to: &Path, _: RenameOptions) -> Result<()> {
        self.begin().await.map_err(generic)?;
        let mut model = self.store.0.lock();
        let object = model.objects.remove(from);
        let object = object.ok_or_else(|| Error::NotFound { path: from.to_string(), source: "it is not there".into() })?;
        model.objects.insert(to.clone(), object);
        Ok(())
    }
}

/// Nothing of it is there before it is complete.
#[derive(Debug)]
struct Upload {
    to: Mounted,
    location: Path,
    parts: Vec<Bytes>,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.push(data.into());
        let to = self.to.clone();
        async move { to.begin().await.map(drop).map_err(generic) }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let bytes = self.parts.concat();
        self.to.put(&self.location, bytes.into(), PutMode::Overwrite).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}
