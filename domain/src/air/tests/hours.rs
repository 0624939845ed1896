//! The index of an hour.

use super::*;

fn vn(of: &[(Quantity, &[Option<f64>])]) -> Outcome {
    let index = index("vn_aqi");
    index.hour(index.table(Edition::Newest).expect("a table"), &means(of), REFERENCE_TEMPERATURE_C)
}

fn us(of: &[(Quantity, &[Option<f64>])]) -> Outcome {
    let index = index("us_epa");
    index.hour(index.table(Edition::Newest).expect("a table"), &means(of), REFERENCE_TEMPERATURE_C)
}

/// µg/m³ of a mixing ratio.
fn ppb(quantity: Quantity, value: f64) -> f64 {
    quantity.canonical(value, crate::unit::Unit::PartsPerBillion, REFERENCE_TEMPERATURE_C).expect("a gas")
}

#[test]
fn the_decree_s_hour_is_59_by_nitrogen_dioxide() {
    let pm25 = hours(&[26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6]);
    let outcome = vn(&[(Quantity::Pm25, &pm25), (Quantity::O3, &[Some(136.1)]), (Quantity::No2, &[Some(118.7)])]);
    let aqi = outcome.aqi.expect("an index");
    assert_eq!((aqi.aqi, aqi.level, aqi.dominant), (59, 2, Quantity::No2));
    let pm25 = part(&outcome, Quantity::Pm25).expect("a part");
    assert_eq!((pm25.aqi, pm25.averaging, pm25.valid_hours, pm25.hours), (41, Averaging::NowCast, 12, 12));
}

#[test]
fn gases_without_particles_make_parts_and_no_vietnamese_index() {
    let outcome = vn(&[(Quantity::O3, &[Some(136.1)]), (Quantity::Pm25, &[None, None, Some(30.0)])]);
    assert_eq!(aqi_of(&outcome), Err(NoIndex::RequiredMissing));
    assert_eq!(part(&outcome, Quantity::O3).map(|of| of.aqi), Some(43));
    let coarse = hours(&[30.0, 30.0]);
    let with_pm10 = vn(&[(Quantity::O3, &[Some(136.1)]), (Quantity::Pm10, &coarse)]);
    assert_eq!(aqi_of(&with_pm10), Ok(43));
}

#[test]
fn what_is_missing_is_told() {
    assert_eq!(aqi_of(&vn(&[])), Err(NoIndex::NoData));
    assert_eq!(aqi_of(&vn(&[(Quantity::No2, &[None]), (Quantity::TempC, &[Some(20.0)])])), Err(NoIndex::NoData));
    assert_eq!(aqi_of(&vn(&[(Quantity::Pm25, &[None, None, Some(30.0)])])), Err(NoIndex::TooFewHours));
    let words: Vec<&str> = NoIndex::ALL.iter().map(|why| why.name()).collect();
    assert_eq!(words, ["no_data", "too_few_hours", "outside_table", "required_missing", "not_defined", "not_in_force"]);
}

#[test]
fn an_hour_of_ozone_below_its_column_has_no_part_of_its_own() {
    let seven_missing = [None, None, None, None, None, None, None, Some(ppb(Quantity::O3, 124.9))];
    assert_eq!(aqi_of(&us(&[(Quantity::O3, &seven_missing)])), Err(NoIndex::OutsideTable));
    let high = [Some(ppb(Quantity::O3, 162.0))];
    let outcome = us(&[(Quantity::O3, &high)]);
    assert_eq!(part(&outcome, Quantity::O3).map(|of| (of.aqi, of.averaging, of.read)), Some((147, Averaging::Hour, 0.162)));
}

#[test]
fn a_mean_of_eight_hours_needs_six_of_them() {
    let clean = Some(ppb(Quantity::O3, 54.9));
    let six = [None, clean, clean, clean, None, clean, clean, clean];
    let outcome = us(&[(Quantity::O3, &six)]);
    let part = part(&outcome, Quantity::O3).expect("a part");
    assert_eq!((part.aqi, part.averaging, part.read, part.valid_hours, part.hours), (50, Averaging::Hours8, 0.054, 6, 8));
    let five = [None, clean, clean, None, None, clean, clean, clean];
    assert_eq!(aqi_of(&us(&[(Quantity::O3, &five)])), Err(NoIndex::OutsideTable), "the hour alone says nothing below 0.125");
    assert_eq!(aqi_of(&us(&[(Quantity::Co, &five)])), Err(NoIndex::TooFewHours));
}

#[test]
fn strong_sulphur_dioxide_goes_by_the_mean_of_24_hours() {
    let hour_only = [Some(ppb(Quantity::So2, 400.0))];
    assert_eq!(aqi_of(&us(&[(Quantity::So2, &hour_only)])), Ok(200));
    let all_day = vec![Some(ppb(Quantity::So2, 604.0)); 24];
    let outcome = us(&[(Quantity::So2, &all_day)]);
    assert_eq!(part(&outcome, Quantity::So2).map(|of| (of.aqi, of.averaging)), Some((300, Averaging::Hours24)));
}

#[test]
fn the_european_hour_takes_particles_of_that_hour_alone() {
    let index = index("eu_aqi");
    let table = index.table(Edition::Newest).expect("a table");
    let outcome =
        index.hour(table, &means(&[(Quantity::Pm25, &[Some(200.0), Some(14.0)]), (Quantity::O3, &[Some(101.0)])]), 25.0);
    let aqi = outcome.aqi.expect("an index");
    assert_eq!((aqi.aqi, aqi.level, aqi.dominant), (3, 3, Quantity::O3));
}

#[test]
fn of_two_alike_the_one_that_is_larger_before_rounding_dominates() {
    let pm25 = hours(&[20.3; 12]);
    let outcome = vn(&[(Quantity::Pm25, &pm25), (Quantity::No2, &[Some(82.0)])]);
    assert_eq!(outcome.aqi.map(|aqi| (aqi.aqi, aqi.dominant)), Ok((41, Quantity::No2)), "40.6 and 41");
}

#[test]
fn noise_under_zero_is_clean_air() {
    let below = hours(&[-3.0; 12]);
    assert_eq!(aqi_of(&vn(&[(Quantity::Pm25, &below)])), Ok(0));
    assert_eq!(aqi_of(&us(&[(Quantity::Pm25, &below)])), Ok(0));
}

#[test]
fn a_warmer_reference_makes_more_of_the_same_mass() {
    let index = index("us_epa");
    let table = index.table(Edition::Newest).expect("a table");
    let means = means(&[(Quantity::No2, &[Some(101.5)])]);
    // 101.5 µg/m³ are 53.98 ppb at 25 °C and 53.07 ppb at 20 °C; 54.89 at 30 °C.
    for (celsius, read) in [(20.0, 53.0), (25.0, 53.0), (30.0, 54.0)] {
        let outcome = index.hour(table, &means, celsius);
        assert_eq!(part(&outcome, Quantity::No2).map(|of| of.read), Some(read), "{celsius}");
    }
}
