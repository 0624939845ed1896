//! A file of legal limits.

use serde::Deserialize;

use super::{Fault, Kind, key};
use crate::air::averaging::Averaging;
use crate::air::limit::{Limit, Limits};
use crate::registry::Names;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsFile {
    #[serde(rename = "kind")]
    _kind: Kind,
    id: String,
    series: Option<String>,
    title: Names,
    source: String,
    url: Option<String>,
    in_force: String,
    decimals: Option<u32>,
    limits: Vec<LimitRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitRow {
    quantity: String,
    averaging: String,
    unit: String,
    value: f64,
    from: Option<String>,
    until: Option<String>,
    percentile: Option<u8>,
    #[serde(default)]
    interim: Vec<f64>,
}

const AVERAGINGS: [Averaging; 7] = [
    Averaging::Minutes10,
    Averaging::Minutes15,
    Averaging::Hour,
    Averaging::Hours8,
    Averaging::Hours24,
    Averaging::Year,
    Averaging::PeakSeason,
];

impl LimitsFile {
    pub(super) fn check(self) -> Result<Limits, Fault> {
        let mut limits: Vec<Limit> = Vec::new();
        for (index, row) in self.limits.into_iter().enumerate() {
            let limit = row.check(&format!("limits[{index}]"))?;
            if let Some(other) = limits.iter().position(|other| is_at_once(other, &limit)) {
                let reason = format!("limits[{other}] holds for the same quantity, averaging and days");
                return Err(Fault::new(format!("limits[{index}]"), reason));
            }
            limits.push(limit);
        }
        if limits.is_empty() {
            return Err(Fault::new("limits", "there are none"));
        }
        Ok(Limits {
            id: key::id("id", &self.id)?,
            series: self.series.map(|series| key::id("series", &series)).transpose()?,
            title: key::texts("title", self.title)?,
            source: self.source,
            url: self.url,
            in_force: key::date("in_force", &self.in_force)?,
            decimals: key::decimals("decimals", self.decimals)?,
            limits,
        })
    }
}

impl LimitRow {
    fn check(self, at: &str) -> Result<Limit, Fault> {
        let of = |name: &str| format!("{at}.{name}");
        let quantity = key::quantity(&of("quantity"), &self.quantity)?;
        let (from, until) = (self.from.as_deref(), self.until.as_deref());
        let limit = Limit {
            quantity,
            averaging: key::averaging(&of("averaging"), &self.averaging, &AVERAGINGS)?,
            unit: key::unit(&of("unit"), &self.unit, quantity)?,
            value: key::concentration(&of("value"), self.value)?,
            from: from.map(|date| key::date(&of("from"), date)).transpose()?,
            until: until.map(|date| key::date(&of("until"), date)).transpose()?,
            percentile: self.percentile,
            interim: self.interim,
        };
        if limit.percentile.is_some_and(|percentile| percentile > 100) {
            return Err(Fault::new(of("percentile"), "it is more than 100"));
        }
        if matches!((limit.from, limit.until), (Some(from), Some(until)) if until <= from) {
            return Err(Fault::new(of("until"), "it is not after from"));
        }
        let targets: Vec<f64> = limit.interim.iter().copied().chain([limit.value]).collect();
        if targets.windows(2).any(|pair| pair[0].partial_cmp(&pair[1]) != Some(std::cmp::Ordering::Greater)) {
            return Err(Fault::new(of("interim"), "the steps do not fall towards the value"));
        }
        Ok(limit)
    }
}

fn is_at_once(one: &Limit, other: &Limit) -> bool {
    let ends_before =
        |first: &Limit, second: &Limit| matches!((first.until, second.from), (Some(until), Some(from)) if until <= from);
    let is_same = one.quantity == other.quantity && one.averaging == other.averaging;
    is_same && !ends_before(one, other) && !ends_before(other, one)
}
