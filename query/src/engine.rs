//! Questions over a snapshot: DataFusion on the files of the lake and the hot rows after them.
//!
//! One runtime for all: its memory pool is the limit of every question together, its cache keeps Parquet footers. A question
//! gets a plan over one [`View`] and nothing else: there is no catalogue that could change under it, no file function, no
//! way to write. The server and `kerbside sql` ask through the same engine. Everything is done on [threads](threads) of its own.

mod air;
mod cell;
mod damage;
mod day_walk;
mod extent;
mod fence;
mod growth;
mod metered;
mod named;
mod planner;
mod scan;
mod statement;
mod step;
mod threads;

use std::future::Future;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionConfig;
use domain::Clock;
use domain::limits::SQL_TIME_MAX;
use lake::Lake;
use lake::contract::View;
use lake::snapshot::DataFile;
use lake::table::Table;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use tokio::sync::Semaphore;
use tracing::debug;

pub use cell::json as cell_json;
use damage::Looks;
pub use day_walk::{DayWalk, Sought};
pub use scan::SnapshotTable;
pub use statement::{Rows, StatementLimits};
pub use threads::ENGINE_THREADS;
use threads::Threads;

/// Where the lake's files are.
#[derive(Clone)]
pub struct LakeFiles {
    store: Arc<dyn ObjectStore>,
    /// Each table's folder in the store, in the order of [`Table::ALL`].
    roots: Arc<[Path]>,
}

impl LakeFiles {
    pub fn of(lake: &Lake) -> Self {
        Self { store: lake.object_store(), roots: Table::ALL.iter().map(|table| lake.table_root(*table)).collect() }
    }

    /// Of a process that answers from no lake.
    pub fn none() -> Self {
        Self { store: Arc::new(InMemory::new()), roots: Table::ALL.iter().map(|table| Path::from(table.name())).collect() }
    }

    fn root(&self, table: Table) -> &Path {
        &self.roots[table as usize]
    }

    fn location(&self, table: Table, file: &DataFile) -> Result<Path, object_store::Error> {
        Ok(Path::parse(format!("{}/{}", self.root(table), file.path))?)
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The statement is wrong or not allowed.
    #[error("{0}")]
    Statement(String),
    /// More rows, time or memory than a question may use.
    #[error("{0}")]
    TooCostly(String),
    #[error("{0}")]
    Failed(String),
}

impl From<ArrowError> for EngineError {
    fn from(error: ArrowError) -> Self {
        DataFusionError::from(error).into()
    }
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        match root {
            DataFusionError::ResourcesExhausted(detail) if detail.contains(growth::TOO_LONG) => Self::TooCostly(detail.clone()),
            DataFusionError::ResourcesExhausted(detail) => {
                debug!(detail, "a question ran out of memory");
                Self::TooCostly("it needs more memory than there is for questions".to_owned())
            }
            DataFusionError::SQL(..) | DataFusionError::Plan(_) | DataFusionError::SchemaError(..) => Self::Statement(told(root)),
            // Not the statement's, though it comes by the same way: a file that is damaged or cannot be read.
            DataFusionError::ArrowError(arrow, _) if matches!(**arrow, ArrowError::ParquetError(_) | ArrowError::IoError(..)) => {
                Self::Failed(error.strip_backtrace())
            }
            // What a value makes of an expression (a failed cast, a division by zero) is the statement's.
            DataFusionError::Execution(_) | DataFusionError::ArrowError(..) | DataFusionError::NotImplemented(_) => {
                Self::Statement(told(root))
            }
            _ => Self::Failed(error.strip_backtrace()),
        }
    }
}

/// What whoever wrote the statement can use: the fault, without the engine's own steps and names.
fn told(root: &DataFusionError) -> String {
    let text = match root {
        DataFusionError::SQL(fault, _) => fault.to_string(),
        DataFusionError::SchemaError(fault, _) => fault.to_string(),
        DataFusionError::ArrowError(fault, _) => fault.to_string(),
        DataFusionError::Plan(fault) | DataFusionError::Execution(fault) | DataFusionError::NotImplemented(fault) => {
            fault.clone()
        }
        other => other.strip_backtrace(),
    };
    let text = text.split(DataFusionError::BACK_TRACE_SEP).next().unwrap_or_default();
    text.replace("datafusion.public.", "").trim_end().to_owned()
}

/// What an engine may use.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    pub threads: usize,
    pub memory_bytes: usize,
    pub footer_cache_bytes: usize,
    /// Statements that run at once; others wait, and the wait counts as their time.
    pub statements: usize,
}

pub struct Engine {
    core: Arc<Core>,
    threads: Threads,
    clock: Arc<dyn Clock>,
    /// Turns of questions that walk over days.
    walks: Semaphore,
}

/// Walks at a time: each may hold the rows of some days.
const WALKS: usize = 4;

/// Rows with large values that go through a plan together: of the largest payloads 16 MB.
const WIDE_ROWS: usize = 64;

/// What a question needs wherever it runs.
struct Core {
    files: LakeFiles,
    /// Without tables: cloned for each statement.
    state: SessionState,
    /// The same for tables with large values: fewer rows go through it together.
    wide: SessionState,
    turns: Arc<Semaphore>,
    looks: Looks,
}

impl Engine {
    pub fn new(files: LakeFiles, limits: EngineLimits, clock: Arc<dyn Clock>) -> Result<Self, EngineError> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .with_metadata_cache_limit(limits.footer_cache_bytes)
            .build_arc()?;
        runtime.register_object_store(lake_url().as_ref(), Arc::clone(&files.store));
        let config = SessionConfig::from(config(limits.threads)).with_information_schema(true);
        let mut builder = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
        builder.scalar_functions().get_or_insert_default().extend(air::functions());
        let state = builder.build();
        let wide = state.config().clone().with_batch_size(WIDE_ROWS);
        let wide = SessionStateBuilder::new_from_existing(state.clone()).with_config(wide).build();
        let looks = Looks::new(files.clone());
        let core = Core { files, state, wide, turns: Arc::new(Semaphore::new(limits.statements)), looks };
        Ok(Self { core: Arc::new(core), threads: Threads::start(limits.threads)?, clock, walks: Semaphore::new(WALKS) })
    }

    /// A question of several steps: in its turn, and within a question's time.
    pub async fn bounded<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        let too_late = self.clock.sleep(SQL_TIME_MAX);
        let in_turn = async {
            let _turn = self.walks.acquire().await.map_err(|error| EngineError::Failed(error.to_string()))?;
            work.await
        };
        tokio::select! {
            outcome = in_turn => outcome,
            () = too_late => Err(EngineError::TooCostly(format!("more than {} s", SQL_TIME_MAX.as_secs()))),
        }
    }

    /// Rows of some files that pass `filter`, by the columns of `order`, at most `fetch`.
    pub async fn file_rows(&self, question: &Question, files: Vec<DataFile>) -> Result<Vec<RecordBatch>, EngineError> {
        self.rows(question, SnapshotTable::of_files(self.core.files.clone(), question.table, files)).await
    }

    /// Rows of the view's hot rows alone.
    pub async fn hot_rows(&self, question: &Question, view: &View) -> Result<Vec<RecordBatch>, EngineError> {
        self.rows(question, SnapshotTable::of_hot(self.core.files.clone(), question.table, view)).await
    }

    async fn rows(&self, question: &Question, table: SnapshotTable) -> Result<Vec<RecordBatch>, EngineError> {
        if table.is_empty() {
            return Ok(Vec::new());
        }
        let (core, question) = (Arc::clone(&self.core), question.clone());
        self.threads
            .run(async move {
                match core.rows(question, &table).await {
                    Ok(rows) => Ok(rows),
                    Err(error) => Err(core.looks.located(error, &[table.files()]).await),
                }
            })
            .await
    }

    /// Work over an answer's rows, beside those who serve sockets.
    pub async fn carry_out<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.threads.carry_out(work).await
    }
}

impl Core {
    /// A plan by hand: for one sensor's rows the optimizer would take longer than the answer.
    async fn rows(&self, question: Question, table: &SnapshotTable) -> Result<Vec<RecordBatch>, EngineError> {
        let state = if question.table == Table::DeadLetters { &self.wide } else { &self.state };
        let mut schema = question.table.schema();
        let columns = question.columns.as_ref().map(|names| names.iter().map(|name| schema.index_of(name)).collect());
        let columns: Option<Result<Vec<_>, _>> = columns;
        let columns = columns.transpose()?;
        let scan = table.plan(state, columns.as_ref(), std::slice::from_ref(&question.filter)).await?;
        if let Some(columns) = &columns {
            schema = Arc::new(schema.project(columns)?);
        }
        let predicate = state.create_physical_expr(question.filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
        let filtered: Arc<dyn ExecutionPlan> = Arc::new(FilterExec::try_new(predicate, scan)?);
        let merged: Arc<dyn ExecutionPlan> = match filtered.properties().output_partitioning().partition_count() {
            1 => filtered,
            _ => Arc::new(CoalescePartitionsExec::new(filtered)),
        };
        let options = SortOptions { descending: question.direction == Direction::Descending, nulls_first: true };
        let order = question.order.iter().map(|name| Ok(PhysicalSortExpr::new(col(name, &schema)?, options)));
        let order = order.collect::<Result<Vec<_>, DataFusionError>>()?;
        let plan: Arc<dyn ExecutionPlan> = match datafusion::physical_expr::LexOrdering::new(order) {
            Some(order) => Arc::new(SortExec::new(order, merged).with_fetch(question.fetch)),
            None => merged,
        };
        Ok(collect(plan, state.task_ctx()).await?)
    }
}

/// What is asked of one table.
#[derive(Clone)]
pub struct Question {
    pub table: Table,
    /// Those of the filter and the order among them; `None`: all.
    pub columns: Option<Vec<&'static str>>,
    pub filter: Expr,
    /// Columns.
    pub order: &'static [&'static str],
    pub direction: Direction,
    pub fetch: Option<usize>,
}

/// Of all columns of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// A name inside the engine only: it stands for the store that the lake lies in.
fn lake_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse("kerbside://lake").expect("a constant URL")
}

/// Measured settings (docs/reference/lake.md): page index on, row filters off since files are sorted by (sensor, time).
fn config(threads: usize) -> ConfigOptions {
    let mut config = ConfigOptions::new();
    config.execution.target_partitions = threads.max(1);
    config.execution.parquet.pushdown_filters = false;
    config.execution.parquet.enable_page_index = true;
    config.execution.parquet.bloom_filter_on_read = false;
    config.sql_parser.dialect = datafusion::common::config::Dialect::PostgreSQL;
    config.sql_parser.map_string_types_to_utf8view = false;
    config.execution.time_zone = Some("+00:00".to_owned());
    config
}

/// Of its own rows only: batches that are slices of one share its buffers.
fn slice_bytes(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX))
        .fold(0, usize::saturating_add)
}

/// Columns as an answer names them.
pub fn column_types(schema: &SchemaRef) -> impl Iterator<Item = (&str, &DataType)> {
    schema.fields().iter().map(|field| (field.name().as_str(), field.data_type()))
}
