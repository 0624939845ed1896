//! Points and shapes as answers show them: to 7 decimals, a centimetre, so that no digit is there that was not measured.

use geo::{Coord, MapCoords, Point};
use geojson::Geometry;
use serde_json::{Value, json};

/// Null for a geometry without a point.
pub fn point(point: Point<f64>) -> Value {
    match point.x().is_finite() && point.y().is_finite() {
        true => json!({"type": "Point", "coordinates": [rounded(point.x()), rounded(point.y())]}),
        false => Value::Null,
    }
}

/// GeoJSON.
pub fn shape<G>(shape: &G) -> Value
where
    G: MapCoords<f64, f64, Output = G>,
    Geometry: for<'a> From<&'a G>,
{
    let shape = shape.map_coords(|Coord { x, y }| Coord { x: rounded(x), y: rounded(y) });
    json!(Geometry::from(&shape))
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests {
    use geo::polygon;

    use super::*;

    #[test]
    fn coordinates_have_no_digits_of_their_own_making() {
        assert_eq!(
            point(Point::new(105.853_895_999_999_99, -21.03)).to_string(),
            r#"{"type":"Point","coordinates":[105.853896,-21.03]}"#
        );
        let square = polygon![(x: 0.1 + 0.2, y: 0.0), (x: 1.0, y: 0.0), (x: 1.0, y: 1.0)];
        assert_eq!(shape(&square)["coordinates"][0][0], json!([0.3, 0.0]));
        assert_eq!(point(Point::new(f64::NAN, 1.0)), Value::Null);
    }
}
