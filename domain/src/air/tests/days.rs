//! The index of a day.

use super::*;

/// Hours from 18:00 of the day before, as the decree prints them.
const OZONE: [f64; 31] = [
    15.7, 14.2, 17.7, 18.9, 19.3, 15.7, 19.7, 22.6, 27.1, 29.0, 31.9, 25.3, 34.7, 35.2, 41.6, 45.7, 49.2, 55.8, 69.6, 78.3, 91.5,
    97.7, 81.2, 71.8, 43.5, 34.3, 21.5, 20.5, 19.4, 20.4, 21.3,
];

fn vn(of: &[(Quantity, &[Option<f64>])], day_hours: usize) -> Outcome {
    let index = index("vn_aqi");
    index.day(index.table(Edition::Newest).expect("a table"), &means(of), day_hours, REFERENCE_TEMPERATURE_C)
}

fn us(of: &[(Quantity, &[Option<f64>])]) -> Outcome {
    let index = index("us_epa");
    index.day(index.table(Edition::Newest).expect("a table"), &means(of), 24, REFERENCE_TEMPERATURE_C)
}

#[test]
fn the_largest_eight_hours_of_the_decree_s_day_end_at_17() {
    let ozone = hours(&OZONE);
    let fine = hours(&[10.0; 24]);
    let outcome = vn(&[(Quantity::O3, &ozone), (Quantity::Pm25, &fine)], 24);
    let part = part(&outcome, Quantity::O3).expect("a part");
    // 74.3875 is 37.2 by the 8-hour column, the largest hour of 97.7 is 30.5 by the other.
    assert_eq!((part.averaging, part.aqi), (Averaging::Hours8, 37));
    assert!((part.value - 74.3875).abs() < 1e-9, "{}", part.value);
    assert_eq!((part.valid_hours, part.hours), (24, 24));
}

#[test]
fn an_eight_hour_mean_over_400_leaves_ozone_to_its_largest_hour() {
    let ozone = hours(&[401.0; 31]);
    let fine = hours(&[10.0; 24]);
    let outcome = vn(&[(Quantity::O3, &ozone), (Quantity::Pm25, &fine)], 24);
    assert_eq!(part(&outcome, Quantity::O3).map(|of| (of.averaging, of.aqi)), Some((Averaging::Hour, 200)));
    let at_the_end = hours(&[400.0; 31]);
    let outcome = vn(&[(Quantity::O3, &at_the_end), (Quantity::Pm25, &fine)], 24);
    assert_eq!(part(&outcome, Quantity::O3).map(|of| (of.averaging, of.aqi)), Some((Averaging::Hours8, 300)));
}

#[test]
fn a_day_s_mean_needs_three_quarters_of_its_hours() {
    for (day_hours, valid, expected) in [
        (24, 18, Ok(100)),
        (24, 17, Err(NoIndex::TooFewHours)),
        (23, 18, Ok(100)),
        (23, 17, Err(NoIndex::TooFewHours)),
        (25, 19, Ok(100)),
        (25, 18, Err(NoIndex::TooFewHours)),
    ] {
        let mut fine = vec![None; day_hours - valid];
        fine.extend(vec![Some(50.0); valid]);
        assert_eq!(aqi_of(&vn(&[(Quantity::Pm25, &fine)], day_hours)), expected, "{valid} of {day_hours}");
    }
}

#[test]
fn hours_before_the_day_enter_no_mean_of_it() {
    let mut fine = hours(&[500.0; 7]);
    fine.extend(hours(&[25.0; 24]));
    assert_eq!(aqi_of(&vn(&[(Quantity::Pm25, &fine)], 24)), Ok(50));
}

#[test]
fn one_hour_makes_a_vietnamese_day_s_largest_and_eighteen_a_us_one() {
    let mut nitrogen = vec![None; 24];
    nitrogen[5] = Some(300.0);
    let fine = hours(&[5.0; 24]);
    assert_eq!(part(&vn(&[(Quantity::No2, &nitrogen), (Quantity::Pm25, &fine)], 24), Quantity::No2).map(|of| of.aqi), Some(110));
    let outcome = us(&[(Quantity::No2, &nitrogen)]);
    assert_eq!(aqi_of(&outcome), Err(NoIndex::TooFewHours));
    let enough: Vec<_> = (0..24).map(|hour| Some(100.0).filter(|_| hour >= 6)).collect();
    assert!(part(&us(&[(Quantity::No2, &enough)]), Quantity::No2).is_some_and(|of| of.valid_hours == 18));
}

#[test]
fn there_is_no_european_day() {
    let index = index("eu_aqi");
    assert!(index.is_hourly() && !index.is_daily());
    let fine = hours(&[25.0; 24]);
    let outcome = index.day(index.table(Edition::Newest).expect("a table"), &means(&[(Quantity::Pm25, &fine)]), 24, 25.0);
    assert_eq!(aqi_of(&outcome), Err(NoIndex::NotDefined));
}

#[test]
fn a_day_of_9_1_is_not_one_of_9_0() {
    let fine = hours(&[9.1; 24]);
    let outcome = us(&[(Quantity::Pm25, &fine)]);
    assert_eq!(part(&outcome, Quantity::Pm25).map(|of| (of.read, of.aqi)), Some((9.1, 51)));
}
