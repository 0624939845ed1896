//! Which areas hold which points, judged once for a whole layout.
//!
//! A sweep from west to east keeps the areas whose extent holds the sweep line, so that a point is tested against the few polygons around
//! it. A border belongs to both neighbours here; at each level the lowest id wins.

use geo::{BoundingRect, Intersects, Point, Rect};

use super::object::Area;

/// For each point the places in `areas` (sorted by id) of those that hold it, ascending: at most one a level.
pub(super) fn of(areas: &[Area], points: &[Point<f64>]) -> Vec<Vec<usize>> {
    let extents: Vec<Option<Rect<f64>>> = areas.iter().map(|area| area.geometry.bounding_rect()).collect();
    let west = |area: usize| extents[area].map_or(f64::INFINITY, |extent| extent.min().x);
    let mut by_west: Vec<usize> = (0..areas.len()).filter(|&area| extents[area].is_some()).collect();
    by_west.sort_by(|&a, &b| west(a).total_cmp(&west(b)));
    let mut by_x: Vec<usize> = (0..points.len()).collect();
    by_x.sort_by(|&a, &b| points[a].x().total_cmp(&points[b].x()));

    let mut found = vec![Vec::new(); points.len()];
    let mut coming = by_west.into_iter().peekable();
    let mut active: Vec<(usize, Rect<f64>)> = Vec::new();
    for index in by_x {
        let point = points[index];
        while let Some(area) = coming.next_if(|&area| west(area) <= point.x()) {
            active.extend(extents[area].map(|extent| (area, extent)));
        }
        active.retain(|(_, extent)| extent.max().x >= point.x());
        let mut holding: Vec<usize> = active
            .iter()
            .filter(|(_, extent)| extent.min().y <= point.y() && point.y() <= extent.max().y)
            .map(|&(area, _)| area)
            .filter(|&area| areas[area].geometry.intersects(&point))
            .collect();
        holding.sort_unstable();
        found[index] = lowest_of_each_level(areas, holding);
    }
    found
}

fn lowest_of_each_level(areas: &[Area], holding: Vec<usize>) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::with_capacity(holding.len());
    for area in holding {
        if !kept.iter().any(|&lower| areas[lower].level == areas[area].level) {
            kept.push(area);
        }
    }
    kept
}
