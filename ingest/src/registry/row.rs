//! Rows of the lake's `registry` table: what an edit did, in a form that a reader without Kerbside can use.
//!
//! Rows are only ever added. Of several rows with one kind, id and `valid_from` the one with the highest position counts; a version that
//! is gone altogether is told by a row that ends where it begins, and so holds nowhere.

use domain::registry::{Change, ChangeKind, CityOptions, Object, ObjectKind, decode_feature, geometry_text, properties_text};
use domain::{Position, Timestamp};
use hashbrown::HashSet;
use serde_json::{Value, json};

/// One row, ready for the lake's builder.
#[derive(Clone, Debug, PartialEq)]
pub struct LakeRow {
    pub kind: ObjectKind,
    pub id: String,
    /// `None` is since ever.
    pub valid_from: Option<Timestamp>,
    /// Exclusive; `None` is until further notice.
    pub valid_to: Option<Timestamp>,
    /// GeoJSON properties without `kind`, `id` and the dates.
    pub properties: String,
    /// GeoJSON geometry; a device has none.
    pub geometry: Option<String>,
    /// The edit that brought it.
    pub position: Position,
}

/// 0001-01-01T00:00:00Z: the earliest instant that the lake's tools agree on; the end of a version that began before all dates.
const YEAR_ONE: Timestamp = Timestamp::from_micros(-62_135_596_800_000_000);

impl LakeRow {
    fn new(object: &Object, valid_from: Option<Timestamp>, valid_to: Option<Timestamp>, position: Position) -> Self {
        Self {
            kind: object.kind(),
            id: object.id().to_owned(),
            valid_from,
            valid_to,
            properties: properties_text(object),
            geometry: geometry_text(object),
            position,
        }
    }

    /// UTC days since 1970-01-01 of `valid_from`: the partition; 0 for since ever.
    pub fn day(&self) -> i32 {
        self.valid_from.map_or(0, Timestamp::utc_day)
    }

    /// A version that was taken back holds nowhere.
    pub fn is_gone(&self) -> bool {
        self.valid_to.is_some_and(|to| to <= self.valid_from.unwrap_or(YEAR_ONE))
    }

    /// The object that the row describes, or what is wrong with the row.
    pub fn object(&self, city: &CityOptions) -> Result<Object, String> {
        let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
        let mut properties = parse(&self.properties)?;
        properties["kind"] = self.kind.name().into();
        properties["id"] = self.id.as_str().into();
        let geometry = self.geometry.as_deref().map(parse).transpose()?;
        let feature = json!({ "type": "Feature", "properties": properties, "geometry": geometry });
        decode_feature(&feature.to_string(), city).map(|(_, object)| object).map_err(|error| error.to_string())
    }
}

/// What the edit at `position` adds to the lake.
pub fn lake_rows(changes: &[Change], position: Position) -> impl Iterator<Item = LakeRow> + '_ {
    let start = |change: &Change| (change.object.kind(), change.object.id().to_owned(), change.span.from);
    let replaced: HashSet<_> = changes.iter().filter(|change| change.what == ChangeKind::New).map(start).collect();
    changes.iter().filter_map(move |change| {
        let valid_to = match change.what {
            ChangeKind::New => change.span.to,
            ChangeKind::Superseded if replaced.contains(&start(change)) => return None,
            ChangeKind::Superseded => Some(change.span.from.unwrap_or(YEAR_ONE)),
        };
        Some(LakeRow::new(&change.object, change.span.from, valid_to, position))
    })
}
