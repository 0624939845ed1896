//! Look-ups of one sensor's day: what the duplicate check compares a late reading with.
//!
//! Files are pruned by day and by their range of sensors, pages by the page index (rows lie sorted by sensor), and only the
//! columns of identity and measured value are decoded.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use domain::{Quantity, SensorId};
use futures::{StreamExt, TryStreamExt};
use hashbrown::{HashMap, HashSet};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter, RowSelection};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use crate::arrange::text_column;
use crate::conform;
use crate::footer::Opened;
use crate::snapshot::DataFile;
use crate::table::Table;
use crate::{Error, Lake};

/// Files looked into at once.
const CONCURRENT_FILES: usize = 4;

impl Lake {
    /// Identity and measured values of all committed rows of these sensors and days (since 1970-01-01), in no order across
    /// files: for [`ParkingColumns`](crate::rows::ParkingColumns) and [`AirColumns`](crate::rows::AirColumns). Each file is
    /// opened once.
    pub async fn keys(&self, table: Table, wanted: &[(SensorId, i32)]) -> Result<Vec<RecordBatch>, Error> {
        let mut by_day: HashMap<i32, Vec<String>> = HashMap::new();
        for (sensor, day) in wanted {
            by_day.entry(*day).or_default().push(sensor.as_str().to_owned());
        }
        let by_day = by_day.into_iter().map(|(day, mut sensors)| {
            sensors.sort_unstable();
            sensors.dedup();
            (day, Arc::new(sensors))
        });
        let by_day = by_day.collect::<HashMap<_, _>>();
        let snapshot = self.snapshot(table);
        let files = snapshot.files.iter().filter_map(|file| {
            let sensors = by_day.get(&file.day)?;
            may_hold(file, sensors).then(|| (file.clone(), sensors.clone()))
        });
        let looks = files.collect::<Vec<_>>().into_iter().map(|(file, sensors)| self.look(table, file, sensors));
        let found: Vec<Vec<RecordBatch>> = futures::stream::iter(looks).buffer_unordered(CONCURRENT_FILES).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Rows of these sensors in one file: what [`Lake::keys`] gives of it.
    pub(crate) async fn look(&self, table: Table, file: DataFile, sensors: Arc<Vec<String>>) -> Result<Vec<RecordBatch>, Error> {
        let root = self.table_root(table);
        let opened = self.inner.footers.open(&self.inner.location.store, &root, &file).await?;
        // Decoding is work.
        aside::complete(async move { read(table, opened, &sensors).await }).await?
    }
}

pub(crate) fn may_hold(file: &DataFile, sensors: &[String]) -> bool {
    let (Some(least), Some(most)) = (&file.key_min, &file.key_max) else {
        return true;
    };
    overlaps(sensors, least.as_bytes(), most.as_bytes())
}

/// Whether one of the sorted sensors is in [least, most].
fn overlaps(sensors: &[String], least: &[u8], most: &[u8]) -> bool {
    let first = sensors.partition_point(|sensor| sensor.as_bytes() < least);
    sensors.get(first).is_some_and(|sensor| sensor.as_bytes() <= most)
}

async fn read(table: Table, opened: Opened, sensors: &Arc<Vec<String>>) -> Result<Vec<RecordBatch>, Error> {
    let names = key_columns(table);
    let schema = conform::projection(table, &names);
    let metadata = opened.metadata().clone();
    let parquet = metadata.file_metadata().schema_descr_ptr();
    let key = table.order().key;
    let Some(key_leaf) = parquet.columns().iter().position(|column| column.path().string() == key) else {
        return Err(Error::Column(key));
    };
    let (groups, selection) = select(&metadata, key_leaf, sensors);
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let set = sensors.iter().cloned().collect::<HashSet<_>>();
    let exact = ArrowPredicateFn::new(ProjectionMask::leaves(&parquet, [key_leaf]), move |batch| {
        let column = text_column(&batch, key).map_err(|error| arrow::error::ArrowError::ExternalError(error.into()))?;
        Ok(column.iter().map(|sensor| Some(sensor.is_some_and(|sensor| set.contains(sensor)))).collect::<BooleanArray>())
    });
    let projection = ProjectionMask::columns(&parquet, names);
    let mut stream = opened
        .with_projection(projection)
        .with_row_groups(groups)
        .with_row_selection(selection)
        .with_row_filter(RowFilter::new(vec![Box::new(exact)]))
        .build()?;
    let mut found = Vec::new();
    while let Some(batch) = stream.try_next().await? {
        if batch.num_rows() > 0 {
            found.push(conform::to_schema(&batch, &schema)?);
        }
    }
    Ok(found)
}

/// Identity, measured values, position.
fn key_columns(table: Table) -> Vec<&'static str> {
    let order = table.order();
    let mut names = vec![order.key, order.time, "journal_offset"];
    names.extend(order.ties);
    match table {
        Table::ParkingReadings => names.extend(["state", "free", "capacity"]),
        Table::AirReadings => names.extend(Quantity::ALL.iter().map(|row| row.name)),
        Table::DeadLetters => names.extend(["reason", "resolved_offset"]),
        Table::Registry => names.push("kind"),
    }
    names
}

/// The row groups and, within them, the pages whose range of keys holds a wanted one.
fn select(metadata: &ParquetMetaData, leaf: usize, sensors: &[String]) -> (Vec<usize>, RowSelection) {
    let (mut groups, mut ranges, mut start, mut total) = (Vec::new(), Vec::new(), 0, 0);
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let bounds = group.column(leaf).statistics().and_then(|stats| Some((stats.min_bytes_opt()?, stats.max_bytes_opt()?)));
        if bounds.is_some_and(|(least, most)| !overlaps(sensors, least, most)) {
            continue;
        }
        groups.push(number);
        match pages(metadata, number, leaf, rows, sensors) {
            Some(pages) => ranges.extend(pages.into_iter().map(|page| page.start + start..page.end + start)),
            None => ranges.push(start..start + rows),
        }
        start += rows;
        total += rows;
    }
    (groups, RowSelection::from_consecutive_ranges(ranges.into_iter(), total))
}

/// `None` when the file has no page index.
fn pages(
    metadata: &ParquetMetaData,
    group: usize,
    leaf: usize,
    rows: usize,
    sensors: &[String],
) -> Option<Vec<std::ops::Range<usize>>> {
    let index = metadata.column_index()?.get(group)?.get(leaf)?;
    let places = metadata.offset_index()?.get(group)?.get(leaf)?.page_locations();
    let ColumnIndexMetaData::BYTE_ARRAY(index) = index else {
        return None;
    };
    let first = |page: usize| places.get(page).and_then(|place| usize::try_from(place.first_row_index).ok()).unwrap_or(rows);
    let wanted = (0..places.len()).filter(|&page| match (index.min_value(page), index.max_value(page)) {
        (Some(least), Some(most)) => overlaps(sensors, least, most),
        // A page of nulls only holds none.
        _ => false,
    });
    Some(wanted.map(|page| first(page)..first(page + 1)).collect())
}
