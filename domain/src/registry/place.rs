//! The one point of a site that decides in which areas it lies and how far a driver has to go.

use geo::{Coord, Geometry, InteriorPoint, LineString, Point};

/// A point itself, a line's midpoint by length, a polygon's point on surface. `None` for a geometry that no site has.
pub fn representative_point(geometry: &Geometry<f64>) -> Option<Point<f64>> {
    match geometry {
        Geometry::Point(point) => Some(*point),
        Geometry::LineString(line) => midpoint(line),
        Geometry::Polygon(polygon) => polygon.interior_point(),
        _ => None,
    }
}

/// Lengths on a plane whose degrees of longitude are shortened as at the line's start: exact enough for a street.
fn midpoint(line: &LineString<f64>) -> Option<Point<f64>> {
    let first = line.0.first()?;
    let shrink = first.y.to_radians().cos();
    let length = |a: Coord<f64>, b: Coord<f64>| ((b.x - a.x) * shrink).hypot(b.y - a.y);
    let total: f64 = line.lines().map(|part| length(part.start, part.end)).sum();
    let mut left = total / 2.0;
    for part in line.lines() {
        let part_length = length(part.start, part.end);
        if part_length > 0.0 && left <= part_length {
            return Some(Point::from(part.start + (part.end - part.start) * (left / part_length)));
        }
        left -= part_length;
    }
    Some(Point::from(*first))
}

#[cfg(test)]
mod tests {
    use geo::{Intersects, line_string, polygon};

    use super::*;

    #[test]
    fn a_line_is_where_half_of_its_length_lies() {
        let line = line_string![(x: 105.0, y: 21.0), (x: 105.0, y: 21.001), (x: 105.0, y: 21.004)];
        let point = representative_point(&line.into()).expect("a line has a midpoint");
        assert!((point.y() - 21.002).abs() < 1e-12 && point.x() == 105.0, "{point:?}");
        let dot = line_string![(x: 105.0, y: 21.0), (x: 105.0, y: 21.0)];
        assert_eq!(representative_point(&dot.into()), Some(Point::new(105.0, 21.0)));
    }

    #[test]
    fn a_polygon_holds_its_own_point_even_when_its_centre_does_not() {
        let horseshoe = polygon![(x: 0.0, y: 0.0), (x: 3.0, y: 0.0), (x: 3.0, y: 3.0), (x: 2.0, y: 3.0), (x: 2.0, y: 1.0), (x: 1.0, y: 1.0), (x: 1.0, y: 3.0), (x: 0.0, y: 3.0)];
        let point = representative_point(&horseshoe.clone().into()).expect("a polygon has a point");
        assert!(horseshoe.intersects(&point));
    }
}
