//! Indices and limits against printed numbers: worked examples of the texts themselves, published vectors, the edges of every table.

mod days;
mod files;
mod hours;
mod recordings;

use jiff::civil::{Date, date};

use super::*;
use crate::quantity::{ByQuantity, Quantity};
use crate::unit::REFERENCE_TEMPERATURE_C;

fn index(id: &str) -> Index {
    Standards::built_in().index(id).expect("it comes along").clone()
}

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

/// Rounded sub-index of a concentration in the column's own unit; of several columns the largest.
#[track_caller]
fn sub_index(index: &Index, table: &str, quantity: Quantity, averaging: Averaging, concentration: f64) -> Option<u16> {
    let table = index.table(Edition::Named(table)).expect("a table");
    assert!(table.columns_of(quantity, averaging).next().is_some(), "{} {}", quantity.name(), averaging.name());
    let places = table.columns_of(quantity, averaging).filter_map(|column| {
        let canonical = quantity.canonical(concentration, column.unit, REFERENCE_TEMPERATURE_C).expect("its unit");
        column.place(canonical, REFERENCE_TEMPERATURE_C)
    });
    places.max().map(IndexValue::rounded)
}

fn hours(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

fn means<'a>(of: &[(Quantity, &'a [Option<f64>])]) -> HourlyMeans<'a> {
    let mut means = ByQuantity::default();
    for (quantity, hours) in of {
        means.set(*quantity, *hours);
    }
    means
}

fn aqi_of(outcome: &Outcome) -> Result<u16, NoIndex> {
    outcome.aqi.map(|aqi| aqi.aqi)
}

fn part(outcome: &Outcome, quantity: Quantity) -> Option<SubIndex> {
    outcome.sub_indices.iter().copied().find(|of| of.quantity == quantity)
}

#[test]
fn a_nowcast_is_as_published() {
    // The decree's example: 26.9 at 9 o'clock is the oldest, 20.6 at 20 the newest.
    let decree = [26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6];
    let of_decree = nowcast(decree.into_iter().rev().map(Some)).expect("twelve hours");
    assert!((of_decree - 20.2657650072).abs() < 1e-9, "printed as 20.3: {of_decree}");
    // AirNow's: the eleventh hour is missing.
    let airnow = [34.9, 43.0, 50.0, 64.9, 69.2, 66.2, 53.7, 48.6, 49.2, 35.0, f64::NAN, 21.0];
    let of_airnow =
        nowcast(airnow.into_iter().rev().map(|value| Some(value).filter(|value| !value.is_nan()))).expect("two of three");
    assert!((of_airnow - 28.4098).abs() < 5e-5, "{of_airnow}");
    for (table, aqi) in [("2012", 85), ("2024", 87)] {
        assert_eq!(sub_index(&index("us_epa"), table, Quantity::Pm25, Averaging::NowCast, of_airnow), Some(aqi));
    }
    let two_gone = airnow.into_iter().take(10).map(Some).chain([None, None]).collect::<Vec<_>>();
    assert_eq!(nowcast(two_gone.into_iter().rev()), None);
}

#[test]
fn a_nowcast_is_divided_by_its_weights_whatever_hours_are_missing() {
    let rest = |value: f64, count: usize| std::iter::repeat_n(Some(value), count);
    let none = |count: usize| std::iter::repeat_n(None, count);
    let cases: [(Vec<Option<f64>>, Option<f64>); 8] = [
        ([Some(100.0)].into_iter().chain(rest(10.0, 11)).collect(), Some(55.011)),
        ([Some(100.0), None, Some(50.0)].into_iter().chain(rest(20.0, 9)).collect(), Some(78.352)),
        ([Some(40.0), None, Some(30.0)].into_iter().chain(none(9)).collect(), Some(36.4)),
        ([Some(40.0), None, None].into_iter().chain(rest(30.0, 9)).collect(), None),
        ([None, Some(30.0), Some(30.0)].into_iter().collect(), Some(30.0)),
        (rest(0.0, 12).collect(), Some(0.0)),
        (rest(-3.0, 3).collect(), Some(-3.0)),
        (Vec::new(), None),
    ];
    for (newest_first, expected) in cases {
        let made = nowcast(newest_first.iter().copied());
        match (made, expected) {
            (Some(made), Some(expected)) => assert!((made - expected).abs() < 5e-4, "{newest_first:?}: {made}"),
            _ => assert_eq!(made, expected, "{newest_first:?}"),
        }
    }
}

#[test]
fn the_decree_s_examples_come_out_with_its_misprint_put_right() {
    let vn = index("vn_aqi");
    let sub = |quantity, averaging, concentration| sub_index(&vn, "2019", quantity, averaging, concentration);
    assert_eq!(sub(Quantity::O3, Averaging::Hour, 136.1), Some(43));
    // 59.35: the decree prints 60.
    assert_eq!(sub(Quantity::No2, Averaging::Hour, 118.7), Some(59));
    assert_eq!(sub(Quantity::Pm25, Averaging::NowCast, 20.3), Some(41));
    assert_eq!(sub(Quantity::O3, Averaging::Hours8, 89.3), Some(45));
    assert_eq!(sub(Quantity::O3, Averaging::Hour, 114.6), Some(36));
    assert_eq!(sub(Quantity::No2, Averaging::Hour, 130.8), Some(65));
    assert_eq!(sub(Quantity::Pm25, Averaging::Hours24, 55.7), Some(110), "109.5 is rounded up");
}

#[test]
fn every_breakpoint_of_a_table_has_its_index_and_what_is_above_the_last() {
    for index in Standards::built_in().indices() {
        for column in index.tables.iter().flat_map(|table| &table.columns) {
            match &column.scale {
                Scale::Linear { bands, above } => {
                    for band in bands {
                        let ends = [(band.high, band.index_high), (band.low, band.index_low)];
                        for (concentration, expected) in ends {
                            assert_eq!(column.scale.place(concentration).map(IndexValue::rounded), Some(expected), "{column:?}");
                        }
                    }
                    let over = column.scale.place(Amount::of(1e6)).map(IndexValue::rounded);
                    let last = bands.last().map(|band| band.index_high).filter(|_| *above == scale::Above::Last);
                    assert_eq!(over, last, "{column:?}");
                }
                Scale::Levels(upper) => {
                    for (level, bound) in upper.iter().enumerate() {
                        assert_eq!(column.scale.place(*bound).map(IndexValue::rounded), u16::try_from(level + 1).ok());
                    }
                    assert_eq!(column.scale.place(Amount::of(1e6)).map(IndexValue::rounded), Some(6));
                }
            }
        }
    }
}

#[test]
fn a_us_concentration_is_cut_before_it_is_read() {
    let us = index("us_epa");
    for (quantity, averaging, concentration, aqi) in [
        (Quantity::Pm10, Averaging::Hours24, 54.9, Some(50)),
        (Quantity::Pm25, Averaging::Hours24, 9.05, Some(50)),
        (Quantity::Pm25, Averaging::Hours24, 35.49, Some(100)),
        (Quantity::Pm25, Averaging::Hours24, 325.5, Some(500)),
        (Quantity::Co, Averaging::Hours8, 4.45, Some(50)),
        (Quantity::O3, Averaging::Hours8, 0.0549, Some(50)),
        (Quantity::O3, Averaging::Hours8, 0.055, Some(51)),
        (Quantity::O3, Averaging::Hours8, 0.200, Some(300)),
        (Quantity::O3, Averaging::Hours8, 0.201, None),
        (Quantity::O3, Averaging::Hour, 0.1249, None),
        (Quantity::O3, Averaging::Hour, 0.125, Some(101)),
        (Quantity::So2, Averaging::Hour, 304.9, Some(200)),
        (Quantity::So2, Averaging::Hours24, 304.0, None),
        (Quantity::So2, Averaging::Hours24, 305.0, Some(201)),
        (Quantity::No2, Averaging::Hour, 53.99, Some(50)),
    ] {
        assert_eq!(sub_index(&us, "2024", quantity, averaging, concentration), aqi, "{} {concentration}", quantity.name());
    }
}

#[test]
fn a_european_bound_belongs_to_its_band() {
    let eu = index("eu_aqi");
    for (quantity, concentration, band) in [
        (Quantity::Pm25, 5.0, 1),
        (Quantity::Pm25, 5.4, 2),
        (Quantity::Pm25, 140.1, 6),
        (Quantity::Pm25, -2.0, 1),
        (Quantity::O3, 180.0, 5),
        (Quantity::So2, 125.0, 3),
    ] {
        assert_eq!(sub_index(&eu, "2024", quantity, Averaging::Hour, concentration), Some(band), "{concentration}");
    }
}

#[test]
fn the_table_of_a_day_is_the_one_in_force() {
    let us = index("us_epa");
    let of = |edition| us.table(edition).map(|table| table.id.clone());
    assert_eq!(of(Edition::On(day("2024-05-05"))).as_deref(), Ok("2012"));
    assert_eq!(of(Edition::On(day("2024-05-06"))).as_deref(), Ok("2024"));
    assert_eq!(of(Edition::Newest).as_deref(), Ok("2024"));
    assert_eq!(of(Edition::Named("1999")), Err(NoIndex::NotInForce));
    assert_eq!(index("vn_aqi").table(Edition::On(date(2016, 1, 1))).map(|table| table.id.as_str()), Ok("2019"));
}

#[test]
fn a_level_is_that_of_the_rounded_index_and_has_its_words_in_both_languages() {
    let vn = index("vn_aqi");
    for (aqi, label, colour) in [
        (0, "Tốt", "#00E400"),
        (50, "Tốt", "#00E400"),
        (51, "Trung bình", "#FFFF00"),
        (150, "Kém", "#FF7E00"),
        (200, "Xấu", "#FF0000"),
        (300, "Rất xấu", "#8F3F97"),
        (301, "Nguy hại", "#7E0023"),
        (500, "Nguy hại", "#7E0023"),
    ] {
        let category = vn.category(vn.level(aqi)).expect("a level");
        assert_eq!((category.label["vi"].as_str(), category.colour.as_str()), (label, colour), "{aqi}");
    }
    for index in Standards::built_in().indices() {
        for category in &index.categories {
            for texts in [&index.title, &category.label, &category.public, &category.sensitive] {
                assert!(texts.contains_key("vi") && texts.contains_key("en"), "{} {}", index.id, category.to);
            }
        }
    }
}

#[test]
fn a_limit_is_that_of_its_day_and_itself_no_excess() {
    let standards = Standards::built_in();
    let fine_day = |id: &str, date: Date| {
        let limits = standards.limits_on(id, date)?;
        Some((limits.id.as_str(), limits.limit(Quantity::Pm25, Averaging::Hours24, date)?.value))
    };
    for (date, expected) in [
        ("2013-12-31", None),
        ("2014-01-01", Some(("qcvn05_2013", 50.0))),
        ("2023-09-11", Some(("qcvn05_2013", 50.0))),
        ("2023-09-12", Some(("qcvn05_2023", 50.0))),
        ("2025-12-31", Some(("qcvn05_2023", 50.0))),
        ("2026-01-01", Some(("qcvn05_2023", 45.0))),
    ] {
        assert_eq!(fine_day("qcvn05", day(date)), expected, "{date}");
    }
    assert_eq!(fine_day("qcvn05_2023", day("2016-06-01")), Some(("qcvn05_2023", 50.0)), "asked for by name, on any day");
    assert_eq!(fine_day("who_2021", day("2016-06-01")), Some(("who_2021", 15.0)));
    assert!(standards.limits_on("qcvn05_2020", day("2020-01-01")).is_none() && !standards.is_limits("qcvn05_2020"));
    let limits = standards.limits_on("qcvn05", day("2026-11-24")).expect("in force");
    let limit = limits.limit(Quantity::Pm25, Averaging::Hours24, day("2026-11-24")).expect("a limit");
    let mean = [45.1, 44.9, 45.0].iter().sum::<f64>() / 3.0;
    assert!(!limits.judge(limit, mean, REFERENCE_TEMPERATURE_C).is_exceeded);
    assert!(limits.judge(limit, 45.001, REFERENCE_TEMPERATURE_C).is_exceeded);
}

#[test]
fn the_two_vietnamese_limits_differ_in_particles_only() {
    let standards = Standards::built_in();
    let (old, new) = (standards.limits_on("qcvn05_2013", Date::ZERO), standards.limits_on("qcvn05_2023", Date::ZERO));
    let (old, new) = (old.expect("2013"), new.expect("2023"));
    let differ = old.limits.iter().filter(|limit| !new.limits.contains(limit));
    let differ: Vec<_> = differ.map(|limit| (limit.quantity.name(), limit.averaging.name(), limit.value)).collect();
    assert_eq!(differ, [("pm10", "24h", 150.0), ("pm25", "24h", 50.0)], "the latter ends with 2025 in the newer one");
    let pm10 = new.limit(Quantity::Pm10, Averaging::Hours24, day("2024-01-01")).map(|limit| limit.value);
    assert_eq!(pm10, Some(100.0));
}

#[test]
fn a_limit_in_milligrams_is_compared_in_milligrams() {
    let standards = Standards::built_in();
    let who = standards.limits_on("who_2021", day("2026-01-01")).expect("WHO");
    let limit = who.limit(Quantity::Co, Averaging::Hours24, day("2026-01-01")).expect("a limit");
    let judged = who.judge(limit, 4_200.0, REFERENCE_TEMPERATURE_C);
    assert_eq!(judged, Judgment { compared: 4.2, is_exceeded: true });
    assert!(!who.judge(limit, 4_000.0, REFERENCE_TEMPERATURE_C).is_exceeded);
    assert_eq!(limit.interim, [7.0]);
}
