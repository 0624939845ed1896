//! The tables of the lake: names, folders, columns, sort orders.
//!
//! The Arrow schema of a table is at once that of its hot rows, of its Parquet files (which lack only the partition column
//! `day`) and, through `delta`, of the Delta log. Units and meaning stand in the field metadata (`unit`, `comment`), so that
//! who reads the lake without Kerbside finds them in the log. Columns are only ever added, never renamed or retyped.

mod air;
mod column;
mod dead_letters;
mod parking;
mod registry;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{Schema, SchemaRef};
use domain::Kind;

pub use column::{AS_SENT_FIELDS, DAY, MAP_NAMES};

/// One table. Its name is its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    ParkingReadings,
    AirReadings,
    DeadLetters,
    Registry,
}

/// How the rows of one file lie: by key, then time, then the ties, each ascending with nulls first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// A text column.
    pub key: &'static str,
    /// A timestamp column, also the one whose UTC date is the row's `day`.
    pub time: &'static str,
    /// Integer columns.
    pub ties: &'static [&'static str],
}

impl Table {
    pub const ALL: [Self; 4] = [Self::ParkingReadings, Self::AirReadings, Self::DeadLetters, Self::Registry];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ParkingReadings => "parking_readings",
            Self::AirReadings => "air_readings",
            Self::DeadLetters => "dead_letters",
            Self::Registry => "registry",
        }
    }

    /// Where accepted readings of a kind go.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Parking => Self::ParkingReadings,
            Kind::Air => Self::AirReadings,
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// What the table holds, in one sentence: its Delta description.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ParkingReadings => "accepted readings of bay sensors and counter lots, one row a reading",
            Self::AirReadings => "accepted readings of air stations, one row an element of a payload",
            Self::DeadLetters => "elements that were not accepted, with their bytes and the reason",
            Self::Registry => "every version of every area, site, bay, station and device",
        }
    }

    /// All columns, `day` last. Shared: cloning it is cheap.
    pub fn schema(self) -> SchemaRef {
        SCHEMAS[self as usize].clone()
    }

    /// The columns of a Parquet file: all but `day`.
    pub fn file_schema(self) -> SchemaRef {
        FILE_SCHEMAS[self as usize].clone()
    }

    pub const fn order(self) -> Order {
        match self {
            Self::ParkingReadings => Order { key: "sensor", time: "observed_at", ties: &[] },
            Self::AirReadings => Order { key: "sensor", time: "observed_at", ties: &["avg_s"] },
            Self::DeadLetters => Order { key: "sensor", time: "received_at", ties: &["journal_offset", "element"] },
            Self::Registry => Order { key: "id", time: "valid_from", ties: &["journal_offset"] },
        }
    }

    /// Whether one row may hold a whole payload or a city's border: all others are a few hundred bytes.
    pub const fn has_long_rows(self) -> bool {
        matches!(self, Self::DeadLetters | Self::Registry)
    }

    /// Whether the day compaction clears `journal_offset` up to the checkpoint: a dead letter is named by it for ever, and
    /// registry versions are few.
    pub const fn forgets_offsets(self) -> bool {
        matches!(self, Self::ParkingReadings | Self::AirReadings)
    }
}

static SCHEMAS: LazyLock<[SchemaRef; Table::ALL.len()]> = LazyLock::new(|| {
    Table::ALL.map(|table| {
        let mut columns = match table {
            Table::ParkingReadings => parking::columns(),
            Table::AirReadings => air::columns(),
            Table::DeadLetters => dead_letters::columns(),
            Table::Registry => registry::columns(),
        };
        columns.push(column::day(table.order().time));
        Arc::new(Schema::new(columns))
    })
});

static FILE_SCHEMAS: LazyLock<[SchemaRef; Table::ALL.len()]> = LazyLock::new(|| {
    Table::ALL.map(|table| {
        let columns = table.schema().fields().iter().filter(|field| field.name() != DAY).cloned().collect::<Vec<_>>();
        Arc::new(Schema::new(columns))
    })
});

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn every_table_has_the_columns_that_its_order_names_and_ends_with_day() {
        for table in Table::ALL {
            let (schema, order) = (table.schema(), table.order());
            let of = |name: &str| schema.field_with_name(name).map(|field| field.data_type().clone());
            assert_eq!(of(order.key).ok(), Some(DataType::Utf8), "{}", table.name());
            assert!(matches!(of(order.time), Ok(DataType::Timestamp(..))), "{}", table.name());
            for tie in order.ties {
                assert!(matches!(of(tie), Ok(DataType::Int64 | DataType::Int32)), "{} {tie}", table.name());
            }
            assert_eq!(schema.fields().last().map(|field| field.name().as_str()), Some(DAY));
            assert_eq!(Table::by_name(table.name()), Some(table));
        }
    }

    #[test]
    fn every_column_says_what_it_means() {
        for table in Table::ALL {
            for field in table.schema().fields() {
                assert!(field.metadata().contains_key("comment"), "{}.{}", table.name(), field.name());
            }
        }
    }
}
