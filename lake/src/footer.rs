//! Opened footers, kept: a file never changes, and a look-up reads little beside its footer and page index.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::limits::LAKE_FOOTERS_MAX;
use hashbrown::HashMap;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::file::metadata::PageIndexPolicy;

use crate::Error;
use crate::object::Object;
use crate::snapshot::DataFile;
use crate::staging::join;

/// By path in the store; the oldest gives way.
#[derive(Default)]
pub(crate) struct Footers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_path: HashMap<Path, ArrowReaderMetadata>,
    order: VecDeque<Path>,
}

/// A file ready to be read.
pub(crate) type Opened = ParquetRecordBatchStreamBuilder<Object>;

impl Footers {
    pub async fn open(&self, store: &Arc<dyn ObjectStore>, root: &Path, file: &DataFile) -> Result<Opened, Error> {
        let path = join(root, &file.path);
        let mut reader = Object { store: store.clone(), path: path.clone(), bytes: file.bytes };
        let known = self.0.lock().by_path.get(&path).cloned();
        let metadata = match known {
            Some(metadata) => metadata,
            None => {
                let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
                let metadata = ArrowReaderMetadata::load_async(&mut reader, options).await?;
                self.keep(path, metadata.clone());
                metadata
            }
        };
        Ok(ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata))
    }

    fn keep(&self, path: Path, metadata: ArrowReaderMetadata) {
        let mut kept = self.0.lock();
        if kept.by_path.insert(path.clone(), metadata).is_some() {
            return;
        }
        kept.order.push_back(path);
        if kept.order.len() > LAKE_FOOTERS_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.by_path.remove(&oldest);
        }
    }
}
