//! What a stay costs and when a place is open, in the shapes of the registry.
//!
//! A rule says: in these hours (OSM syntax), this much for each begun `per_min`, at most `max` a day. Amounts are of the size that Hanoi asks.

use serde_json::{Value, json};

use super::{Counter, LandUse, Shape, Site};

pub fn site_price(site: &Site) -> Value {
    let (per_hour, hours) = match (&site.shape, site.land_use) {
        (Shape::Line(_), LandUse::Home) => (15_000, "Mo-Su 07:00-20:00"),
        (Shape::Line(_), _) => (30_000, "Mo-Su 06:00-22:00"),
        (Shape::Ring(_), _) => (20_000, "24/7"),
    };
    hourly(per_hour, hours)
}

pub fn counter_price(counter: &Counter) -> Value {
    if !counter.motorbikes {
        return hourly(25_000, "24/7");
    }
    json!({
        "currency": "VND",
        "rules": [
            { "hours": "Mo-Su 06:00-18:00", "amount": 5_000, "per": "stay" },
            { "hours": "Mo-Su 18:00-06:00", "amount": 8_000, "per": "stay" },
        ],
        "text": "5.000 ₫ một lượt ban ngày, 8.000 ₫ ban đêm",
    })
}

fn hourly(per_hour: u32, hours: &str) -> Value {
    json!({
        "currency": "VND",
        "rules": [{ "hours": hours, "amount": per_hour, "per_min": 60, "max": per_hour * 8 }],
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
