//! What a stay costs and when a place is open, in the shapes of the registry.
//!
//! Rules have the shape that `domain::registry` can reckon with; amounts are of the size that Hanoi asks.

use serde_json::{Value, json};

use super::{Counter, LandUse, Shape, Site};

pub fn site_price(site: &Site) -> Value {
    match (&site.shape, site.land_use) {
        (Shape::Line(_), LandUse::Home) => hourly(15_000, "07:00", "20:00"),
        (Shape::Line(_), _) => hourly(30_000, "06:00", "22:00"),
        (Shape::Ring(_), _) => hourly(20_000, "00:00", "24:00"),
    }
}

pub fn counter_price(counter: &Counter) -> Value {
    if !counter.motorbikes {
        return hourly(25_000, "00:00", "24:00");
    }
    json!({
        "currency": "VND",
        "rules": [
            { "from": "06:00", "to": "18:00", "amount": 5_000 },
            { "from": "18:00", "to": "06:00", "amount": 8_000 },
        ],
        "text": "5.000 ₫ một lượt ban ngày, 8.000 ₫ ban đêm",
    })
}

fn hourly(per_hour: u32, from: &str, to: &str) -> Value {
    json!({
        "currency": "VND",
        "rules": [{ "from": from, "to": to, "per_min": 60, "amount": per_hour, "max": per_hour * 8 }],
        "text": format!("{}.000 ₫ một giờ", per_hour / 1_000),
    })
}

pub fn site_hours(site: &Site) -> &'static str {
    match (&site.shape, site.land_use) {
        (Shape::Line(_), _) => "24/7",
        (Shape::Ring(_), LandUse::Shop) => "Mo-Su 06:00-23:00",
        (Shape::Ring(_), _) => "24/7",
    }
}

pub fn counter_hours(counter: &Counter) -> &'static str {
    if counter.land_use == LandUse::Office { "Mo-Sa 06:00-21:00" } else { "24/7" }
}
