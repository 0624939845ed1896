//! One table of a view as DataFusion sees it: the snapshot's files that may hold an answer, and the hot rows after them.
//!
//! Files are pruned by what the Delta log says of them (day, first and last key, first and last instant) before any is
//! opened; inside a file Parquet's own statistics and page index go on. The plan is a union: no row is in both.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use lake::contract::View;
use lake::snapshot::DataFile;
use lake::table::{DAY, Table};
use object_store::ObjectMeta;

use super::{LakeFiles, lake_url};

pub struct SnapshotTable {
    lake: LakeFiles,
    table: Table,
    files: Vec<DataFile>,
    hot: Vec<RecordBatch>,
}

impl std::fmt::Debug for SnapshotTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (table, files, hot) = (self.table.name(), self.files.len(), self.hot.len());
        write!(f, "SnapshotTable {{ table: {table}, files: {files}, hot: {hot} }}")
    }
}

impl SnapshotTable {
    /// Files and hot rows.
    pub fn of(lake: LakeFiles, table: Table, view: &View) -> Self {
        let files = view.table(table).map(|view| view.lake.files.clone()).unwrap_or_default();
        Self { files, ..Self::of_hot(lake, table, view) }
    }

    pub fn of_hot(lake: LakeFiles, table: Table, view: &View) -> Self {
        let hot = view.table(table).map(|view| view.hot.iter().map(|chunk| chunk.rows.clone()).collect()).unwrap_or_default();
        Self { lake, table, files: Vec::new(), hot }
    }

    pub fn of_files(lake: LakeFiles, table: Table, files: Vec<DataFile>) -> Self {
        Self { lake, table, files, hot: Vec::new() }
    }

    pub fn files(&self) -> (Table, &[DataFile]) {
        (self.table, &self.files)
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.hot.is_empty()
    }

    /// Every row that may pass the filters: the caller filters again.
    pub async fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let schema = self.table.schema();
        let predicate = match conjunction(filters.iter().cloned()) {
            Some(filter) => Some(state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?),
            None => None,
        };
        let files = self.pruned(predicate.as_ref())?;
        let mut parts: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        if !files.is_empty() {
            parts.push(self.files_plan(state, &files, projection, predicate)?);
        }
        if !self.hot.is_empty() {
            let threads = state.config().target_partitions();
            let share = self.hot.len().div_ceil(threads.max(1));
            let partitions: Vec<Vec<RecordBatch>> = self.hot.chunks(share).map(<[RecordBatch]>::to_vec).collect();
            parts.push(MemorySourceConfig::try_new_exec(&partitions, Arc::clone(&schema), projection.cloned())?);
        }
        match parts.len() {
            0 => {
                let schema = match projection {
                    Some(indices) => Arc::new(schema.project(indices)?),
                    None => schema,
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(parts.remove(0)),
            _ => UnionExec::try_new(parts),
        }
    }

    fn files_plan(
        &self,
        state: &dyn Session,
        files: &[&DataFile],
        projection: Option<&Vec<usize>>,
        predicate: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let schema = self.table.schema();
        let day = Arc::new(schema.field_with_name(DAY)?.clone());
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(&self.lake.store), cache);
        let mut source =
            ParquetSource::new(TableSchema::builder(self.table.file_schema()).with_table_partition_cols(vec![day]).build())
                .with_parquet_file_reader_factory(Arc::new(readers))
                .with_pushdown_filters(false)
                .with_enable_page_index(true);
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let listed = files.iter().map(|file| self.partitioned(file)).collect::<Result<Vec<_>, _>>()?;
        let groups = FileGroup::new(listed).split_files(state.config().target_partitions().max(1));
        let config = FileScanConfigBuilder::new(lake_url(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn partitioned(&self, file: &DataFile) -> Result<PartitionedFile, DataFusionError> {
        let location = self.lake.location(self.table, file)?;
        // Files never change once they are there, so any constant will do for the footer cache.
        let last_modified = Default::default();
        let meta = ObjectMeta { location, last_modified, size: file.bytes, e_tag: None, version: None };
        Ok(PartitionedFile::new_from_meta(meta).with_partition_values(vec![ScalarValue::Date32(Some(file.day))]))
    }

    /// The files that may hold a row which passes.
    fn pruned(&self, predicate: Option<&Arc<dyn PhysicalExpr>>) -> Result<Vec<&DataFile>, DataFusionError> {
        let Some(predicate) = predicate.filter(|_| !self.files.is_empty()) else {
            return Ok(self.files.iter().collect());
        };
        let pruning = PruningPredicateBuilder::new().with_file_schema(self.table.schema()).try_build(Arc::clone(predicate))?;
        if pruning.always_true() {
            return Ok(self.files.iter().collect());
        }
        let kept = pruning.prune(&Known { table: self.table, files: &self.files })?;
        Ok(self.files.iter().zip(kept).filter(|(_, keep)| *keep).map(|(file, _)| file).collect())
    }
}

/// What the Delta log says of files.
struct Known<'a> {
    table: Table,
    files: &'a [DataFile],
}

impl Known<'_> {
    fn bound(
        &self,
        column: &Column,
        keys: fn(&DataFile) -> Option<&str>,
        times: fn(&DataFile) -> Option<i64>,
    ) -> Option<ArrayRef> {
        let order = self.table.order();
        match column.name.as_str() {
            DAY => Some(Arc::new(Date32Array::from_iter_values(self.files.iter().map(|file| file.day)))),
            name if name == order.key => Some(Arc::new(self.files.iter().map(keys).collect::<StringArray>())),
            name if name == order.time => {
                let times: TimestampMicrosecondArray = self.files.iter().map(times).collect();
                Some(Arc::new(times.with_timezone("UTC")))
            }
            _ => None,
        }
    }
}

impl PruningStatistics for Known<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |file| file.key_min.as_deref(), |file| file.time_min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |file| file.key_max.as_deref(), |file| file.time_max)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.files.iter().map(|file| file.rows))))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        self.plan(state, projection, filters).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
