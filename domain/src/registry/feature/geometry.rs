//! GeoJSON geometries as the registry takes them: WGS 84 longitude and latitude in degrees, in range.
//!
//! Read by hand instead of by a library, because a row's verdict names what is wrong and where.

use geo::{Coord, Geometry, LineString, MultiPolygon, Point, Polygon, Validation};
use serde_json::{Value, json};

use super::fields::{Fault, Remark, kind_of};
use crate::registry::object::ObjectKind;

/// Polygons with more corners are not searched for self-intersections: the search is quadratic.
const SEARCHED_CORNERS_MAX: usize = 10_000;

type Read<T> = Result<T, Fault>;

fn fault(detail: impl Into<String>) -> Fault {
    Fault::new("geometry", detail)
}

/// The geometry of an object of `kind`; the type must be one that the kind has.
pub(super) fn read(value: Option<&Value>, kind: ObjectKind, remarks: &mut Vec<Remark>) -> Read<Geometry<f64>> {
    let Some(Value::Object(map)) = value else {
        return Err(fault(format!("is missing; a {} needs {}", kind.name(), allowed(kind))));
    };
    let coordinates = map.get("coordinates").ok_or_else(|| fault("has no coordinates"));
    match (map.get("type").and_then(Value::as_str), kind) {
        (Some("Point"), ObjectKind::Site | ObjectKind::Bay | ObjectKind::Station) => {
            Ok(Point::from(position(coordinates?)?).into())
        }
        (Some("LineString"), ObjectKind::Site) => Ok(line(coordinates?)?.into()),
        (Some("Polygon"), ObjectKind::Site) => checked(MultiPolygon::new(vec![polygon(coordinates?, remarks)?]), remarks)
            .map(|mut polygons| Geometry::Polygon(polygons.0.remove(0))),
        (Some("Polygon"), ObjectKind::Area) => {
            checked(MultiPolygon::new(vec![polygon(coordinates?, remarks)?]), remarks).map(Geometry::MultiPolygon)
        }
        (Some("MultiPolygon"), ObjectKind::Area) => {
            let polygons = list(coordinates?, "a MultiPolygon")?;
            let polygons = polygons.iter().map(|one| polygon(one, remarks)).collect::<Read<Vec<_>>>()?;
            match polygons.is_empty() {
                true => Err(fault("is a MultiPolygon of nothing")),
                false => checked(MultiPolygon::new(polygons), remarks).map(Geometry::MultiPolygon),
            }
        }
        (Some(other), _) => Err(fault(format!("is {other}; a {} needs {}", kind.name(), allowed(kind)))),
        (None, _) => Err(fault("has no type")),
    }
}

fn allowed(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Area => "Polygon or MultiPolygon",
        ObjectKind::Site => "Point, LineString or Polygon",
        ObjectKind::Bay | ObjectKind::Station => "Point",
        ObjectKind::Device => "none",
    }
}

fn list<'a>(value: &'a Value, of: &str) -> Read<&'a Vec<Value>> {
    value.as_array().ok_or_else(|| fault(format!("has {} where {of} has a list", kind_of(value))))
}

fn position(value: &Value) -> Read<Coord<f64>> {
    let numbers = list(value, "a position")?;
    let number = |index: usize| numbers.get(index).and_then(Value::as_f64).filter(|number| number.is_finite());
    let (Some(x), Some(y)) = (number(0), number(1)) else {
        return Err(fault(format!("has {value} where a position [longitude, latitude] is due")));
    };
    if !(-180.0..=180.0).contains(&x) {
        return Err(fault(format!("longitude {x} lies outside -180 to 180")));
    }
    if !(-90.0..=90.0).contains(&y) {
        return Err(fault(format!("latitude {y} lies outside -90 to 90 (longitude comes first)")));
    }
    Ok(Coord { x, y })
}

fn line(value: &Value) -> Read<LineString<f64>> {
    let coords = list(value, "a LineString")?.iter().map(position).collect::<Read<Vec<_>>>()?;
    match coords.len() {
        0 | 1 => Err(fault("a LineString needs two positions")),
        _ => Ok(LineString::new(coords)),
    }
}

fn polygon(value: &Value, remarks: &mut Vec<Remark>) -> Read<Polygon<f64>> {
    let mut rings = list(value, "a Polygon")?.iter().map(|one| ring(one, remarks)).collect::<Read<Vec<_>>>()?;
    if rings.is_empty() {
        return Err(fault("is a Polygon without rings"));
    }
    let exterior = rings.remove(0);
    // Closes rings that are open.
    Ok(Polygon::new(exterior, rings))
}

fn ring(value: &Value, remarks: &mut Vec<Remark>) -> Read<LineString<f64>> {
    let coords = list(value, "a ring")?.iter().map(position).collect::<Read<Vec<_>>>()?;
    let open = Remark::new("geometry", "geometry: a ring does not end where it begins, and was closed");
    if coords.first() != coords.last() && !remarks.contains(&open) {
        remarks.push(open);
    }
    let mut distinct: Vec<Coord<f64>> = coords.clone();
    distinct.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    distinct.dedup();
    match distinct.len() {
        0..=2 => Err(fault("a ring needs three different positions")),
        _ => Ok(LineString::new(coords)),
    }
}

fn checked(polygons: MultiPolygon<f64>, remarks: &mut Vec<Remark>) -> Read<MultiPolygon<f64>> {
    let corners: usize = polygons.iter().map(|polygon| polygon.exterior().0.len()).sum();
    if corners <= SEARCHED_CORNERS_MAX
        && let Err(error) = polygons.check_validation()
    {
        remarks.push(Remark::new("geometry", format!("geometry: {error}")));
    }
    Ok(polygons)
}

/// The GeoJSON form; `None` for an object without a place.
pub(super) fn write(geometry: &Geometry<f64>) -> Option<Value> {
    let position = |coord: &Coord<f64>| json!([coord.x, coord.y]);
    let line = |line: &LineString<f64>| Value::Array(line.0.iter().map(position).collect());
    let polygon = |polygon: &Polygon<f64>| {
        Value::Array(std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(line).collect::<Vec<_>>())
    };
    let (name, coordinates) = match geometry {
        Geometry::Point(point) => ("Point", position(&point.0)),
        Geometry::LineString(one) => ("LineString", line(one)),
        Geometry::Polygon(one) => ("Polygon", polygon(one)),
        Geometry::MultiPolygon(many) if many.0.len() == 1 => ("Polygon", polygon(&many.0[0])),
        Geometry::MultiPolygon(many) => ("MultiPolygon", Value::Array(many.iter().map(polygon).collect())),
        _ => return None,
    };
    Some(json!({ "type": name, "coordinates": coordinates }))
}
