//! Dead letters by name: the hot ones and those in the lake, for taking them again.
//!
//! Names are (journal position, element). The table is sorted by sensor, so a look-up reads the positions of its files; the day
//! of a held letter is known and leaves few. Payloads are decoded of the wanted rows only.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use domain::limits::REFUSED_HEAD_BYTES_MAX;
use domain::record::{Content, Publish, Reprocess, Source};
use domain::{Position, Reason, Timestamp};
use futures::TryStreamExt as _;
use hashbrown::{HashMap, HashSet};
use lake::table::Table;
use lake::{Error, Lake};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};

use crate::files;
use crate::pipeline::LetterId;
use crate::shared::Shared;

/// One dead letter as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub id: LetterId,
    pub received_at: Timestamp,
    pub topic: String,
    /// That sent it.
    pub client: Option<String>,
    pub payload: Bytes,
    /// Of the whole payload, where only its head is kept.
    pub length: Option<u64>,
    pub reason: Reason,
    pub detail: String,
    pub resolved: Option<Position>,
}

impl Letter {
    /// Why it cannot be judged anew, where only a part of its payload was kept.
    pub fn is_cut(&self) -> Option<String> {
        let kept = self.payload.len();
        match self.length {
            Some(length) if length > kept as u64 => {
                Some(format!("only the first {kept} of this payload's {length} bytes were kept, so it cannot be judged anew"))
            }
            // Before lengths were told of every cut payload.
            None if kept == REFUSED_HEAD_BYTES_MAX && matches!(self.reason, Reason::TooLarge | Reason::UnknownTopic) => {
                Some(format!("only the first {kept} bytes of this payload were kept, so it cannot be judged anew"))
            }
            _ => None,
        }
    }

    /// The record that takes it again. The content type is not stored: a JSON text begins with ASCII, a CBOR map or array does not.
    pub fn again(&self) -> Reprocess {
        let mut publish = Publish::new(Source::Http, &self.topic, self.payload.clone());
        publish.client = self.client.clone().map(Bytes::from).unwrap_or_default();
        if self.payload.first().is_some_and(|first| *first >= 0x80) {
            publish.content = Content::Cbor;
        }
        Reprocess {
            of: self.id.of,
            element: self.id.element,
            was: self.reason,
            received_at: self.received_at,
            detail: self.detail.clone(),
            publish,
        }
    }
}

/// Letters by name, as they stand; those that are nowhere are left out. `days` are the UTC days to look into, all when `None`.
pub async fn find(
    shared: &Shared,
    wanted: &HashSet<LetterId>,
    days: Option<&HashSet<i32>>,
) -> Result<HashMap<LetterId, Letter>, Error> {
    let mut found = HashMap::new();
    let (hot, snapshot) = {
        let hot = shared.hot.read();
        let snapshot = shared.lake.snapshot(Table::DeadLetters);
        (hot.after(Table::DeadLetters, snapshot.committed), snapshot)
    };
    for chunk in hot {
        take(&mut found, wanted, &chunk.rows)?;
    }
    let files = snapshot.files.iter().filter(|file| days.is_none_or(|days| days.contains(&file.day)));
    for file in files {
        for rows in read(&shared.lake, &file.path, wanted).await? {
            take(&mut found, wanted, &rows)?;
        }
    }
    Ok(found)
}

async fn read(lake: &Lake, path: &str, wanted: &HashSet<LetterId>) -> Result<Vec<RecordBatch>, Error> {
    let builder = files::open(lake, Table::DeadLetters, path).await?;
    let names = [
        "received_at",
        "topic",
        "client",
        "payload",
        "reason",
        "detail",
        "length",
        "element",
        "journal_offset",
        "resolved_offset",
    ];
    let projection = ProjectionMask::columns(builder.parquet_schema(), names);
    let offsets = ProjectionMask::columns(builder.parquet_schema(), ["journal_offset"]);
    let positions: HashSet<i64> = wanted.iter().map(|id| id.of.as_i64()).collect();
    let is_wanted = ArrowPredicateFn::new(offsets, move |batch| {
        let offsets = batch.column(0).as_primitive::<Int64Type>();
        Ok(offsets.iter().map(|offset| Some(offset.is_some_and(|offset| positions.contains(&offset)))).collect::<BooleanArray>())
    });
    let filter = RowFilter::new(vec![Box::new(is_wanted)]);
    let stream = builder.with_projection(projection).with_row_filter(filter).build()?;
    Ok(stream.try_collect().await?)
}

/// Of several rows with one name the one resolved last counts.
fn take(found: &mut HashMap<LetterId, Letter>, wanted: &HashSet<LetterId>, rows: &RecordBatch) -> Result<(), Error> {
    let columns = Columns::of(rows)?;
    for row in 0..rows.num_rows() {
        let Some(letter) = columns.letter(row, wanted) else {
            continue;
        };
        let newer = found.get(&letter.id).is_none_or(|known| letter.resolved > known.resolved);
        if newer {
            found.insert(letter.id, letter);
        }
    }
    Ok(())
}

struct Columns<'a> {
    received_at: &'a arrow::array::TimestampMicrosecondArray,
    topic: &'a arrow::array::StringArray,
    client: &'a arrow::array::StringArray,
    payload: &'a arrow::array::BinaryArray,
    reason: &'a arrow::array::StringArray,
    detail: &'a arrow::array::StringArray,
    length: &'a arrow::array::Int64Array,
    element: &'a arrow::array::Int32Array,
    offset: &'a arrow::array::Int64Array,
    resolved: &'a arrow::array::Int64Array,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Self, Error> {
        let column = |name: &'static str| rows.column_by_name(name).ok_or(Error::Column(name));
        let text = |name: &'static str| column(name)?.as_string_opt().ok_or(Error::Column(name));
        let whole = |name: &'static str| column(name)?.as_primitive_opt::<Int64Type>().ok_or(Error::Column(name));
        Ok(Self {
            received_at: column("received_at")?
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or(Error::Column("received_at"))?,
            topic: text("topic")?,
            client: text("client")?,
            payload: column("payload")?.as_binary_opt().ok_or(Error::Column("payload"))?,
            reason: text("reason")?,
            detail: text("detail")?,
            length: whole("length")?,
            element: column("element")?.as_primitive_opt::<Int32Type>().ok_or(Error::Column("element"))?,
            offset: whole("journal_offset")?,
            resolved: whole("resolved_offset")?,
        })
    }

    fn letter(&self, row: usize, wanted: &HashSet<LetterId>) -> Option<Letter> {
        let of = Position(u64::try_from(self.offset.value(row)).ok()?);
        let id = LetterId { of, element: u32::try_from(self.element.value(row)).ok()? };
        if !wanted.contains(&id) {
            return None;
        }
        let number = |column: &arrow::array::Int64Array| column.is_valid(row).then(|| column.value(row).cast_unsigned());
        Some(Letter {
            id,
            received_at: Timestamp::from_micros(self.received_at.value(row)),
            topic: self.topic.value(row).to_owned(),
            client: self.client.is_valid(row).then(|| self.client.value(row).to_owned()),
            payload: Bytes::copy_from_slice(self.payload.value(row)),
            length: number(self.length),
            reason: Reason::by_name(self.reason.value(row))?,
            detail: self.detail.value(row).to_owned(),
            resolved: number(self.resolved).map(Position),
        })
    }
}
