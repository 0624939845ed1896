//! Values that both kinds of files have, read from their words.

use jiff::civil::Date;

use super::Fault;
use crate::air::averaging::Averaging;
use crate::quantity::Quantity;
use crate::registry::Names;
use crate::unit::Unit;

/// A word that stands in requests and answers.
pub(super) fn id(key: &str, text: &str) -> Result<String, Fault> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.is_empty() || !text.chars().all(is_word) {
        return Err(Fault::new(key, format!("{text:?} is no word of a-z, 0-9 and _")));
    }
    Ok(text.to_owned())
}

pub(super) fn date(key: &str, text: &str) -> Result<Date, Fault> {
    let date = text.parse().ok().filter(|date: &Date| date.to_string() == text);
    date.ok_or_else(|| Fault::new(key, format!("{text:?} is no date such as 2024-05-06")))
}

/// Only of what means are made of.
pub(super) fn quantity(key: &str, name: &str) -> Result<Quantity, Fault> {
    Quantity::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = Quantity::all().map(Quantity::name).collect();
        Fault::new(key, format!("no quantity is called {name:?}; there are {}", known.join(", ")))
    })
}

pub(super) fn unit(key: &str, name: &str, quantity: Quantity) -> Result<Unit, Fault> {
    let unit = Unit::by_symbol(name).ok_or_else(|| Fault::new(key, format!("no unit is called {name:?}")))?;
    match quantity.in_unit(0.0, unit, crate::unit::REFERENCE_TEMPERATURE_C) {
        Some(_) => Ok(unit),
        None => Err(Fault::new(key, format!("{} is not measured in {name}", quantity.name()))),
    }
}

pub(super) fn averaging(key: &str, name: &str, allowed: &[Averaging]) -> Result<Averaging, Fault> {
    Averaging::by_name(name).filter(|averaging| allowed.contains(averaging)).ok_or_else(|| {
        let names: Vec<&str> = allowed.iter().map(|averaging| averaging.name()).collect();
        Fault::new(key, format!("{name:?} is none of {}", names.join(", ")))
    })
}

pub(super) fn percent(key: &str, percent: u32) -> Result<u32, Fault> {
    if percent > 100 {
        return Err(Fault::new(key, format!("{percent} is more than 100")));
    }
    Ok(percent)
}

pub(super) fn decimals(key: &str, decimals: Option<u32>) -> Result<Option<u32>, Fault> {
    match decimals {
        Some(many) if many > DECIMALS_MAX => Err(Fault::new(key, format!("{many} is more than {DECIMALS_MAX}"))),
        decimals => Ok(decimals),
    }
}

/// A table is printed with three at most; beyond this the sums of means would show.
const DECIMALS_MAX: u32 = 6;

/// Neither empty nor with an empty text.
pub(super) fn texts(key: &str, texts: Names) -> Result<Names, Fault> {
    if texts.is_empty() {
        return Err(Fault::new(key, "it has no text in any language"));
    }
    match texts.iter().find(|(_, text)| text.trim().is_empty()) {
        Some((language, _)) => Err(Fault::new(format!("{key}.{language}"), "it is empty")),
        None => Ok(texts),
    }
}

/// A concentration of a table.
pub(super) fn concentration(key: &str, value: f64) -> Result<f64, Fault> {
    if (0.0..CONCENTRATION_MAX).contains(&value) {
        return Ok(value);
    }
    Err(Fault::new(key, format!("{value} is no concentration of 0 to {CONCENTRATION_MAX}")))
}

/// What billionths are counted of in 64 bits, with room.
const CONCENTRATION_MAX: f64 = 1e9;
