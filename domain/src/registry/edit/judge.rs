//! From a file to verdicts: each row by itself, then the rows together, then against the registry.

use hashbrown::HashSet;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Edit, EditRow, RowVerdict, Verdict, cross};
use crate::limits::REGISTRY_OBJECTS_MAX;
use crate::registry::Registry;
use crate::registry::feature::{self, Fault, Head, Remark};
use crate::registry::object::{Object, ObjectKind};
use crate::time::Timestamp;

/// The features stay slices of the file until their turn comes: a million of them are never all parsed at once.
#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    features: Vec<&'a RawValue>,
}

pub(super) fn judge(bytes: &[u8], registry: &Registry, at: Timestamp) -> (Option<Edit>, Vec<RowVerdict>) {
    let collection = match collection(bytes) {
        Ok(collection) => collection,
        Err(fault) => return (None, vec![refused(0, Head::default(), fault)]),
    };
    let (mut edit, mut verdicts) = read_rows(&collection, registry);
    refuse_repetitions(&edit, &mut verdicts);
    let (next, changes) = registry.apply(&edit, at);
    let findings = cross::check(&next, &edit, &refused_objects(&verdicts));
    for (row, finding) in findings {
        let verdict = &mut verdicts[row - 1];
        match finding {
            cross::Finding::Fault(fault) => refuse(verdict, fault),
            cross::Finding::Remark(remark) => remark_on(verdict, remark),
        }
    }
    let changed: HashSet<Key> = changes.iter().map(|change| key(&change.object)).collect();
    for row in &edit.rows {
        let verdict = &mut verdicts[row.row - 1];
        if verdict.verdict != Verdict::Refused {
            verdict.verdict = outcome(row, registry, &changed, verdict.detail.is_some());
        }
    }
    if verdicts.iter().any(|verdict| verdict.verdict == Verdict::Refused) {
        return (None, verdicts);
    }
    edit.rows.retain(|row| changed.contains(&key(&row.object)));
    (Some(edit).filter(|edit| !edit.rows.is_empty()), verdicts)
}

fn collection(bytes: &[u8]) -> Result<Collection<'_>, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let collection: Collection<'_> =
        serde_json::from_slice(bytes).map_err(|error| Fault::new("file", format!("is no GeoJSON FeatureCollection: {error}")))?;
    if collection.kind != "FeatureCollection" {
        return Err(Fault::new("type", format!("{:?} is not \"FeatureCollection\"", collection.kind)));
    }
    if collection.features.len() > REGISTRY_OBJECTS_MAX {
        let detail = format!("holds {}, more than {REGISTRY_OBJECTS_MAX}", collection.features.len());
        return Err(Fault::new("features", detail));
    }
    Ok(collection)
}

/// Every row has a verdict afterwards: refused, or unchanged until it is known better.
fn read_rows(collection: &Collection<'_>, registry: &Registry) -> (Edit, Vec<RowVerdict>) {
    let zone = registry.city().time_zone();
    let mut edit = Edit::default();
    let mut verdicts = Vec::with_capacity(collection.features.len());
    for (index, raw) in collection.features.iter().enumerate() {
        let row = index + 1;
        let value: Value = match serde_json::from_str(raw.get()) {
            Ok(value) => value,
            Err(error) => {
                verdicts.push(refused(row, Head::default(), Fault::new("feature", error.to_string())));
                continue;
            }
        };
        let head = feature::head(&value);
        match feature::read(value, registry.city(), &zone) {
            Ok(statement) => {
                let feature::Statement { from, to, object, remarks } = statement;
                let (kind, id) = (Some(object.kind().name().to_owned()), Some(object.id().to_owned()));
                let mut verdict = RowVerdict { row, kind, id, verdict: Verdict::Unchanged, field: None, detail: None };
                remarks.into_iter().for_each(|remark| remark_on(&mut verdict, remark));
                verdicts.push(verdict);
                edit.rows.push(EditRow { row, from, to, object });
            }
            Err(fault) => verdicts.push(refused(row, head, fault)),
        }
    }
    (edit, verdicts)
}

/// An object may stand in a file more than once only as versions that begin at different times.
fn refuse_repetitions(edit: &Edit, verdicts: &mut [RowVerdict]) {
    let mut order: Vec<&EditRow> = edit.rows.iter().collect();
    order.sort_by(|a, b| super::in_order_of_effect(a, b).then(a.row.cmp(&b.row)));
    for pair in order.windows(2) {
        let (earlier, later) = (pair[0], pair[1]);
        if !super::same_object(earlier, later) {
            continue;
        }
        let verdict = &mut verdicts[later.row - 1];
        if earlier.from == later.from {
            refuse(verdict, Fault::new("id", format!("stands in row {} already", earlier.row)));
        } else if earlier.to > later.from && earlier.to.is_some() {
            refuse(verdict, Fault::new("valid_from", format!("lies before the valid_to of row {}", earlier.row)));
        }
    }
}

type Key = (ObjectKind, String);

fn key(object: &Object) -> Key {
    (object.kind(), object.id().to_owned())
}

/// What stands in the file and was refused: who refers to it is not blamed for that.
fn refused_objects(verdicts: &[RowVerdict]) -> HashSet<String> {
    verdicts.iter().filter(|verdict| verdict.verdict == Verdict::Refused).filter_map(|verdict| verdict.id.clone()).collect()
}

fn outcome(row: &EditRow, registry: &Registry, changed: &HashSet<Key>, remarked: bool) -> Verdict {
    let id = row.object.id();
    let known = match row.object.kind() {
        ObjectKind::Area => !registry.areas.of(id).is_empty(),
        ObjectKind::Site => !registry.sites.of(id).is_empty(),
        ObjectKind::Bay => !registry.bays.of(id).is_empty(),
        ObjectKind::Station => !registry.stations.of(id).is_empty(),
        ObjectKind::Device => !registry.devices.of(id).is_empty(),
    };
    match (changed.contains(&key(&row.object)), remarked, known) {
        (false, ..) => Verdict::Unchanged,
        (true, true, _) => Verdict::Warned,
        (true, false, true) => Verdict::Changed,
        (true, false, false) => Verdict::Added,
    }
}

fn refused(row: usize, head: Head, fault: Fault) -> RowVerdict {
    let Head { kind, id } = head;
    RowVerdict { row, kind, id, verdict: Verdict::Refused, field: Some(fault.field), detail: Some(fault.detail) }
}

/// The first fault of a row is the one that is told.
fn refuse(verdict: &mut RowVerdict, fault: Fault) {
    if verdict.verdict != Verdict::Refused {
        verdict.verdict = Verdict::Refused;
        verdict.field = Some(fault.field);
        verdict.detail = Some(fault.detail);
    }
}

/// All remarks are told; the field is the first one's.
fn remark_on(verdict: &mut RowVerdict, Remark { field, detail }: Remark) {
    if verdict.verdict != Verdict::Refused {
        verdict.field.get_or_insert(field);
        verdict.detail = Some(match verdict.detail.take() {
            Some(before) => format!("{before}; {detail}"),
            None => detail,
        });
    }
}
