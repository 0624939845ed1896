//! Windows by hand: what each rule of the contract does to a few samples.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::air::{Layer, Sample};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("an instant")
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

fn hanoi() -> TimeZone {
    zone("Asia/Ho_Chi_Minh")
}

fn sample(when: Timestamp, avg_s: u32, value: f64) -> Sample {
    Sample { at: when, avg_s, interval_s: 60, value, received_at: when, remarks: Remarks::NONE }
}

fn later(when: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(when.as_micros() + seconds * MICROS_PER_SECOND)
}

const LONG_AFTER: &str = "2027-01-01T00:00:00Z";

struct Bench {
    base: Base,
    zone: TimeZone,
    basis: Basis,
    as_of: Timestamp,
    min_coverage: f64,
}

impl Bench {
    fn new(zone: TimeZone, samples: impl IntoIterator<Item = Sample>) -> Self {
        let mut base = Base::new(Grid::hours(zone.clone()));
        samples.into_iter().for_each(|sample| base.take(&sample));
        Self { base, zone, basis: Basis::Days, as_of: at(LONG_AFTER), min_coverage: MIN_COVERAGE }
    }

    fn window(&self, bucket: Bucket, within: Timestamp) -> Window {
        let spans = bucket.spans(&self.base.grid, &self.zone, within, later(within, 1), 1).expect("one");
        let Self { base, zone, basis, as_of, min_coverage } = self;
        let series = Series { base, zone, basis: *basis, min_coverage: *min_coverage, as_of: *as_of };
        series.window(bucket, spans[0].0, spans[0].1)
    }
}

/// So many samples of an hour's minutes, a minute each.
fn minutes(hour: Timestamp, count: i64, value: f64) -> impl Iterator<Item = Sample> {
    (1..=count).map(move |minute| sample(later(hour, minute * 60), 60, value))
}

/// Hours in a row, one sample each.
fn hours(first: Timestamp, values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = Sample> {
    (1..).zip(values).map(move |(hour, value)| sample(later(first, hour * 3_600), 3_600, value))
}

#[test]
fn an_hour_is_valid_from_three_quarters_on() {
    let hour = at("2026-11-24T08:00:00+07:00");
    for (count, coverage, valid) in [(60, 1.0, true), (45, 0.75, true), (44, 44.0 / 60.0, false)] {
        let window = Bench::new(hanoi(), minutes(hour, count, 10.0)).window(Bucket::Hour, hour);
        assert_eq!((window.coverage, window.valid, window.n), (coverage, valid, count as u64));
        assert_eq!(window.value, valid.then_some(10.0));
        assert_eq!((window.from, window.to), (hour, later(hour, 3_600)));
    }
}

#[test]
fn a_reading_belongs_to_the_hour_that_holds_its_middle() {
    let hour = at("2026-11-24T08:00:00+07:00");
    let bench = Bench::new(hanoi(), [sample(hour, 3_600, 5.0), sample(hour, 0, 7.0)]);
    assert_eq!(bench.window(Bucket::Hour, later(hour, -1)).value, Some(5.0), "the hour that ended");
    let begun = bench.window(Bucket::Hour, hour);
    assert_eq!((begun.n, begun.coverage), (1, 60.0 / 3_600.0), "a moment weighs what its station's interval is");
}

#[test]
fn of_several_averaging_times_the_shortest_counts() {
    let hour = at("2026-11-24T08:00:00+07:00");
    let mut samples: Vec<_> = minutes(hour, 50, 10.0).collect();
    samples.push(sample(later(hour, 3_600), 3_600, 99.0));
    let window = Bench::new(hanoi(), samples).window(Bucket::Hour, hour);
    assert_eq!((window.value, window.n, window.max), (Some(10.0), 50, Some(10.0)));
}

#[test]
fn weights_are_seconds() {
    let hour = at("2026-11-24T08:00:00+07:00");
    // Both of one averaging time: 1,800 s; and then a mean of what they cover.
    let samples = [sample(later(hour, 1_800), 1_800, 10.0), sample(later(hour, 3_600), 1_800, 20.0)];
    assert_eq!(Bench::new(hanoi(), samples).window(Bucket::Hour, hour).value, Some(15.0));
}

#[test]
fn a_running_hour_tells_its_value_and_is_never_valid() {
    let hour = at("2026-11-24T08:00:00+07:00");
    let mut bench = Bench::new(hanoi(), minutes(hour, 10, 10.0));
    bench.as_of = later(hour, 1_200);
    let window = bench.window(Bucket::Hour, hour);
    assert_eq!((window.value, window.coverage, window.valid), (Some(10.0), 0.5, false));
    bench.as_of = later(hour, -1);
    assert_eq!(bench.window(Bucket::Hour, hour).coverage, 0.0, "it has not begun");
}

#[test]
fn eight_hours_need_six_of_them() {
    let first = at("2026-11-24T00:00:00+07:00");
    for (valid, value) in [(8, Some(4.5)), (6, Some(3.5)), (5, None)] {
        let bench = Bench::new(hanoi(), hours(first, (1..=valid).map(f64::from)));
        let window = bench.window(Bucket::Hours8, later(first, 7 * 3_600));
        assert_eq!((window.from, window.to), (first, later(first, 8 * 3_600)));
        assert_eq!((window.value, window.valid, window.n), (value, value.is_some(), valid as u64));
        assert_eq!(window.coverage, f64::from(valid) / 8.0);
    }
}

#[test]
fn an_hour_of_too_few_minutes_is_no_part_of_a_day() {
    let day = at("2026-11-24T00:00:00+07:00");
    let mut samples: Vec<_> = hours(day, [10.0; 18]).collect();
    samples.extend(minutes(later(day, 20 * 3_600), 44, 1_000.0));
    let window = Bench::new(hanoi(), samples).window(Bucket::Day, day);
    assert_eq!((window.value, window.n, window.coverage), (Some(10.0), 18, 0.75));
    let window = Bench::new(hanoi(), hours(day, [10.0; 17])).window(Bucket::Day, day);
    assert_eq!((window.value, window.n, window.valid), (None, 17, false));
}

#[test]
fn days_of_23_and_25_hours_count_by_their_length() {
    let tallinn = zone("Europe/Tallinn");
    for (day, length, least) in [("2026-03-29T00:00:00+02:00", 23, 18), ("2026-10-25T00:00:00+03:00", 25, 19)] {
        let day = at(day);
        for (count, valid) in [(length, true), (least, true), (least - 1, false)] {
            let window = Bench::new(tallinn.clone(), hours(day, vec![1.0; count])).window(Bucket::Day, day);
            assert_eq!(window.to, later(day, length as i64 * 3_600));
            assert_eq!((window.valid, window.n), (valid, count as u64), "{length} hours");
        }
    }
}

#[test]
fn hours_begin_with_those_of_the_citys_clocks() {
    let kathmandu = zone("Asia/Kathmandu");
    let hour = at("2026-11-24T08:00:00+05:45");
    let window = Bench::new(kathmandu.clone(), minutes(hour, 60, 3.0)).window(Bucket::Hour, later(hour, 1_000));
    assert_eq!((window.from, window.value), (hour, Some(3.0)));
    let year = |one: &str, other: &str| span::share_hours(&zone(one), &zone(other), hour, later(hour, 366 * 86_400));
    assert!(!year("Asia/Kathmandu", "Asia/Ho_Chi_Minh") && year("Europe/Tallinn", "Asia/Ho_Chi_Minh"));
    assert!(!year("Australia/Sydney", "Australia/Lord_Howe"), "in winter");
    assert!(span::share_hours(&zone("Australia/Sydney"), &zone("Australia/Lord_Howe"), hour, later(hour, 86_400)));
}

/// Days of a month, each of so many hours.
fn days(first: Timestamp, count: i64, hours_a_day: usize, value: impl Fn(i64) -> f64) -> Vec<Sample> {
    (0..count).flat_map(|day| hours(later(first, day * 86_400), vec![value(day); hours_a_day])).collect()
}

#[test]
fn a_month_is_the_mean_of_its_valid_days_or_of_its_valid_hours() {
    let november = at("2026-11-01T00:00:00+07:00");
    // Two days, one whole and one with three quarters of its hours, and later a day that is not valid.
    let mut samples: Vec<_> = days(november, 23, 24, |day| if day == 0 { 100.0 } else { 10.0 });
    samples.extend(hours(later(november, 23 * 86_400), [1_000.0; 17]));
    let mut bench = Bench::new(hanoi(), samples);
    let window = bench.window(Bucket::Month, november);
    assert_eq!((window.value, window.n, window.coverage), (Some((100.0 + 22.0 * 10.0) / 23.0), 23, 23.0 / 30.0));
    bench.basis = Basis::Hours;
    let window = bench.window(Bucket::Month, november);
    assert_eq!((window.n, window.coverage), (23 * 24 + 17, (23.0 * 24.0 + 17.0) / 720.0));
    assert_eq!(window.value, Some((24.0 * 100.0 + 22.0 * 24.0 * 10.0 + 17.0 * 1_000.0) / (23.0 * 24.0 + 17.0)));
    let few = Bench::new(hanoi(), days(november, 22, 24, |_| 10.0)).window(Bucket::Month, november);
    assert_eq!((few.value, few.coverage, few.valid), (None, 22.0 / 30.0, false), "22.5 days would do");
}

#[test]
fn a_running_month_tells_what_is_over_of_it() {
    let november = at("2026-11-01T00:00:00+07:00");
    let mut bench = Bench::new(hanoi(), days(november, 3, 24, |day| day as f64));
    bench.as_of = later(november, 6 * 86_400);
    let window = bench.window(Bucket::Month, november);
    assert_eq!((window.value, window.coverage, window.valid), (Some(1.0), 0.5, false));
}

#[test]
fn a_year_needs_three_quarters_of_its_days() {
    let year = at("2026-01-01T00:00:00+07:00");
    for (count, valid) in [(274, true), (273, false)] {
        let window = Bench::new(hanoi(), days(year, count, 18, |_| 12.0)).window(Bucket::Year, year);
        assert_eq!((window.value, window.valid, window.n), (valid.then_some(12.0), valid, count as u64));
    }
}

#[test]
fn longer_readings_count_only_where_there_are_no_shorter_ones() {
    let day = at("2026-11-24T00:00:00+07:00");
    let whole = sample(later(day, 86_400), 86_400, 50.0);
    let window = Bench::new(hanoi(), [whole]).window(Bucket::Day, day);
    assert_eq!((window.value, window.coverage, window.n), (Some(50.0), 1.0, 1));
    assert_eq!(Bench::new(hanoi(), [whole]).window(Bucket::Hour, later(day, 12 * 3_600)).value, None, "too long for an hour");
    assert_eq!(Bench::new(hanoi(), [whole]).window(Bucket::Hours8, later(day, 12 * 3_600)).value, None, "and for eight");
    let mut beside: Vec<_> = hours(day, [10.0; 3]).collect();
    beside.push(whole);
    let window = Bench::new(hanoi(), beside).window(Bucket::Day, day);
    assert_eq!((window.value, window.n, window.coverage), (None, 3, 0.125), "hours are there, and too few");
    let month =
        Bench::new(hanoi(), (1..=23).map(|day_number| sample(later(day, day_number * 86_400 - 23 * 86_400), 86_400, 5.0)));
    let window = month.window(Bucket::Month, at("2026-11-10T00:00:00+07:00"));
    assert_eq!((window.value, window.coverage), (Some(5.0), 23.0 / 30.0));
}

#[test]
fn another_least_coverage_holds_at_every_level_and_nothing_stays_nothing() {
    let day = at("2026-11-24T00:00:00+07:00");
    let mut bench = Bench::new(hanoi(), minutes(day, 1, 8.0));
    bench.min_coverage = 0.0;
    assert_eq!(bench.window(Bucket::Hour, day).value, Some(8.0));
    assert_eq!(bench.window(Bucket::Hours8, day).value, Some(8.0));
    assert_eq!(bench.window(Bucket::Day, day).value, Some(8.0));
    assert_eq!(bench.window(Bucket::Month, day).value, Some(8.0));
    assert_eq!(bench.window(Bucket::Hour, later(day, 3_600)).value, None);
    assert_eq!(bench.window(Bucket::Year, at("2025-06-01T00:00:00Z")).value, None);
    bench.min_coverage = 1.0;
    assert_eq!(bench.window(Bucket::Hour, day).value, None);
}

#[test]
fn a_share_that_no_product_meets_is_met_all_the_same() {
    let hour = at("2026-11-24T08:00:00+07:00");
    for (minutes_there, share) in [(33, 0.55), (34, 0.56), (16, 0.27)] {
        let mut bench = Bench::new(hanoi(), minutes(hour, minutes_there, 1.0));
        bench.min_coverage = share;
        assert_eq!(bench.window(Bucket::Hour, hour).valid, f64::from(minutes_there as i32) / 60.0 >= share, "{share}");
    }
}

#[test]
fn the_calendars_end_ends_the_buckets() {
    let end = at("9999-12-30T19:00:00Z");
    for bucket in [Bucket::Day, Bucket::Month, Bucket::Year] {
        let spans = bucket.spans(&Grid::hours(hanoi()), &hanoi(), end, later(end, 3_600), 1_000).expect("few");
        assert!(spans.len() <= 1, "{bucket:?} {}", spans.len());
    }
}

#[test]
fn what_was_remarked_and_when_the_last_came_is_told_at_every_level() {
    let day = at("2026-11-24T00:00:00+07:00");
    let flags = crate::Flags::NONE.with(crate::Flag::Converted);
    let remarks = Remarks::of(crate::Quantity::No2, 1.0, None, Some(crate::kind::air::Qc::Suspect), flags);
    assert!(Layer::Checked.takes(remarks));
    let mut samples: Vec<_> = hours(day, [1.0; 24]).collect();
    (samples[3].remarks, samples[3].received_at) = (remarks, later(day, 90_000));
    let bench = Bench::new(hanoi(), samples);
    for bucket in [Bucket::Hour, Bucket::Hours8, Bucket::Day, Bucket::Month, Bucket::Year] {
        let window = bench.window(bucket, later(day, 3 * 3_600));
        assert_eq!(window.remarks.names().collect::<Vec<_>>(), ["suspect", "converted"], "{bucket:?}");
        assert_eq!(window.received_at, Some(later(day, 90_000)), "{bucket:?}");
    }
}

#[test]
fn every_bucket_of_a_span_is_there_half_open_and_without_gaps() {
    let (from, to) = (at("2026-03-28T22:30:00Z"), at("2026-03-30T01:00:00Z"));
    let tallinn = zone("Europe/Tallinn");
    for (bucket, count) in [(Bucket::Hour, 27), (Bucket::Hours8, 27), (Bucket::Day, 2), (Bucket::Month, 1), (Bucket::Year, 1)] {
        let spans = bucket.spans(&Grid::hours(tallinn.clone()), &tallinn, from, to, 1_000).expect("few");
        assert_eq!(spans.len(), count, "{bucket:?}");
        let gaps = spans.windows(2).filter(|pair| pair[0].1 != pair[1].0 && bucket != Bucket::Hours8).count();
        assert_eq!(gaps, 0, "{bucket:?}");
        assert!(spans[spans.len() - 1].1 >= to && (bucket == Bucket::Hours8 || spans[0].0 <= from), "{bucket:?}");
    }
    assert_eq!(Bucket::Hour.spans(&Grid::hours(tallinn.clone()), &tallinn, from, to, 26), None);
    assert_eq!(
        Bucket::Minute.spans(&Grid::minutes(tallinn.clone()), &tallinn, from, later(from, 61), 9).map(|all| all.len()),
        Some(2)
    );
    assert_eq!(Bucket::Day.spans(&Grid::hours(tallinn.clone()), &tallinn, from, from, 9), Some(Vec::new()));
}

proptest! {
    /// The sums of the definition, written down without any of the code above.
    #[test]
    fn an_hour_is_what_its_definition_says(
        readings in proptest::collection::vec((0_i64..7_200, prop_oneof![Just(0_u32), Just(60), Just(300), Just(3_600), Just(7_200)], 0_u32..1_000), 0..80),
        min_coverage in prop_oneof![Just(0.0), Just(0.5), Just(0.75), Just(1.0)],
    ) {
        let hour = at("2026-11-24T08:00:00+07:00");
        let mut samples: Vec<_> = readings.iter().map(|&(second, avg_s, value)| sample(later(hour, second), avg_s, f64::from(value))).collect();
        samples.sort_by_key(|sample| (sample.at, sample.avg_s));
        let weight = |sample: &Sample| if sample.avg_s == 0 { 60 } else { sample.avg_s };
        let inside: Vec<&Sample> = samples.iter().filter(|sample| {
            let middle = sample.at.as_micros() - i64::from(sample.avg_s) * 500_000;
            sample.avg_s <= 3_600 && (hour.as_micros()..hour.as_micros() + 3_600_000_000).contains(&middle)
        }).collect();
        let shortest = inside.iter().map(|sample| weight(sample)).min();
        let counted: Vec<&&Sample> = inside.iter().filter(|sample| Some(weight(sample)) == shortest).collect();
        let w: u32 = counted.iter().map(|sample| weight(sample)).sum();
        let wv: f64 = counted.iter().map(|sample| f64::from(weight(sample)) * sample.value).sum();
        let mut bench = Bench::new(hanoi(), samples.clone());
        bench.min_coverage = min_coverage;
        let window = bench.window(Bucket::Hour, hour);
        let valid = w > 0 && f64::from(w) / 3_600.0 >= min_coverage;
        prop_assert_eq!(window.valid, valid);
        prop_assert_eq!(window.n, counted.len() as u64);
        prop_assert!((window.coverage - (f64::from(w) / 3_600.0).min(1.0)).abs() < 1e-12);
        match window.value {
            Some(value) => prop_assert!(valid && (value - wv / f64::from(w)).abs() < 1e-9),
            None => prop_assert!(!valid),
        }
    }
}
