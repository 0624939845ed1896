//! A bay's history against its rules told instant by instant, and by hand.

use proptest::prelude::*;

use super::*;

const HEARTBEAT_S: u32 = 60;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// `v 10, o 20`: readings at seconds.
fn seen(text: &str) -> Vec<Seen> {
    let one = |part: &str| {
        let (word, seconds) = part.trim().split_once(' ').expect("a word and seconds");
        let state = BayState::ALL.into_iter().find(|state| state.name().starts_with(word)).expect("v, o or u");
        Seen { at: at(seconds.trim().parse().expect("seconds")), state }
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(one).collect()
}

fn rules(min_dwell_s: u32, closed: &[Closure]) -> Rules<'_> {
    Rules { heartbeat_s: HEARTBEAT_S, min_dwell_s, closed }
}

fn told(timeline: &Timeline, to: i64) -> String {
    let spans = timeline.spans(at(0), at(to));
    let span = |span: &Span| format!("{}{}", &span.state.name()[..1], span.micros() / 1_000_000);
    let event = |event: &Event| {
        let dwell = event.dwell_micros().map_or(String::new(), |dwell| format!("/{}", dwell / 1_000_000));
        format!("{}{}{dwell}", if event.kind == EventKind::Arrival { '+' } else { '-' }, event.at.as_micros() / 1_000_000)
    };
    let words: Vec<_> = spans.iter().map(span).chain(timeline.events().iter().map(event)).collect();
    words.join(" ")
}

#[track_caller]
fn check(min_dwell_s: u32, readings: &str, as_of: i64, expected: &str) {
    let timeline = Timeline::new(&seen(readings), &rules(min_dwell_s, &[]), at(as_of));
    assert_eq!(told(&timeline, as_of), expected, "{readings}");
}

#[test]
fn a_bay_without_min_dwell_follows_its_readings() {
    check(0, "", 100, "u100");
    check(0, "v 10, o 20, o 80, v 90", 100, "u10 v10 o70 v10 +20 -90/70");
    check(0, "o 10, v 20", 30, "u10 o10 v10 -20");
    check(0, "v 10, o 200", 30, "u10 v20");
}

#[test]
fn silence_and_unknown_readings_make_no_event_but_hide_none() {
    check(0, "v 0, u 10, v 20, u 30, o 40", 50, "v10 u10 v10 u10 o10 +40");
    check(0, "v 0, o 200", 210, "v150 u50 o10 +200");
    check(0, "v 0, o 10, u 20, o 30, v 40", 50, "v10 o10 u10 o10 v10 +10 -40/30");
    check(0, "v 0, v 150", 310, "v300 u10");
}

#[test]
fn a_new_state_must_stand_before_it_is_the_bays_and_then_holds_from_its_first_reading() {
    check(30, "v 0, o 10, o 40", 60, "v10 o50 +10");
    check(30, "v 0, o 10", 39, "v39");
    check(30, "v 0, o 10", 40, "v10 o30 +10");
    check(30, "v 0, o 10, v 39", 60, "v60");
    check(30, "v 0, o 10, v 40, v 70", 80, "v10 o30 v40 +10 -40/30");
    check(30, "v 0, o 10, v 20, o 30, o 60", 70, "v30 o40 +30");
}

#[test]
fn unknown_takes_effect_at_once_and_drops_the_candidate() {
    check(30, "v 0, o 10, u 20, o 30", 40, "v20 u10 o10 +30");
    check(30, "v 0, o 10, u 20, v 30", 40, "v20 u10 v10");
    check(200, "v 0, o 10", 170, "v160 u10");
    check(150, "v 0, o 10", 170, "v10 o150 u10 +10");
    check(30, "o 0", 10, "o10");
}

#[test]
fn a_closure_covers_the_state_and_no_event() {
    let closed = [
        Closure { from: Some(at(15)), to: Some(at(30)), reason: String::new() },
        Closure { from: Some(at(25)), to: Some(at(35)), reason: String::new() },
    ];
    let timeline = Timeline::new(&seen("v 10, o 20"), &rules(0, &closed), at(50));
    assert_eq!(told(&timeline, 50), "u10 v5 c20 o15 +20");
    assert_eq!(timeline.state_at(at(35)), State::Occupied);
    let always = [Closure { from: None, to: None, reason: String::new() }];
    assert_eq!(told(&Timeline::new(&seen("v 10"), &rules(0, &always), at(50)), 50), "c50");
}

#[test]
fn silence_and_dwell_are_judged_by_the_rules_of_their_instant() {
    let slower = Rules { heartbeat_s: 600, min_dwell_s: 0, closed: &[] };
    let quicker = Rules { heartbeat_s: 4, min_dwell_s: 20, closed: &[] };
    let through = |readings: &str, later: &[Era<'_>], as_of: i64| {
        told(&Timeline::through(&seen(readings), &rules(0, &[]), later, at(as_of)), as_of)
    };
    assert_eq!(through("v 0", &[Era { from: at(100), rules: slower }], 400), "v400");
    assert_eq!(through("v 0", &[Era { from: at(200), rules: slower }], 400), "v150 u250");
    assert_eq!(through("v 0", &[Era { from: at(100), rules: quicker }], 400), "v100 u300");
    assert_eq!(through("v 0, o 95, o 104", &[Era { from: at(100), rules: quicker }], 110), "v95 o15 +95");
    assert_eq!(through("v 98, o 101, o 108", &[Era { from: at(100), rules: quicker }], 110), "u98 v12");
    let closed = [Closure { from: Some(at(5)), to: Some(at(15)), reason: String::new() }];
    let later = [Era { from: at(10), rules: rules(0, &[]) }];
    assert_eq!(told(&Timeline::through(&seen("v 0"), &rules(0, &closed), &later, at(20)), 20), "v5 c5 v10");
}

/// The contract, instant by instant, for a bay without `min_dwell_s`.
fn state_by_definition(readings: &[Seen], t: Timestamp) -> State {
    let last = readings.iter().filter(|seen| seen.at <= t).max_by_key(|seen| seen.at);
    match last {
        Some(seen) if t.micros_since(seen.at) <= i64::from(HEARTBEAT_S) * 2_500_000 => seen.state.into(),
        _ => State::Unknown,
    }
}

fn history() -> impl Strategy<Value = Vec<Seen>> {
    let step = (1..200i64, prop::sample::select(BayState::ALL.to_vec()));
    prop::collection::vec(step, 0..30).prop_map(|steps| {
        let mut now = 0;
        let mut next = |(wait, state)| {
            now += wait;
            Seen { at: at(now), state }
        };
        steps.into_iter().map(&mut next).collect()
    })
}

fn end(readings: &[Seen]) -> Timestamp {
    let last = readings.last().map_or(0, |seen| seen.at.as_micros());
    Timestamp::from_micros(last + 100_000_000)
}

proptest! {
    #[test]
    fn spans_cover_the_time_without_gap_and_neighbours_differ(
        readings in history(), dwell in 0..300u32, from in -50..3_000i64, length in 0..3_000i64, closure in (0..3_000i64, 0..500i64),
    ) {
        let closed = [Closure { from: Some(at(closure.0)), to: Some(at(closure.0 + closure.1)), reason: String::new() }];
        let as_of = end(&readings);
        let timeline = Timeline::new(&readings, &rules(dwell, &closed), as_of);
        let (from, to) = (at(from), at(from + length).min(as_of));
        let spans = timeline.spans(from, to);
        let micros: i64 = spans.iter().map(Span::micros).sum();
        prop_assert_eq!(micros, to.micros_since(from).max(0));
        for pair in spans.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
            prop_assert_ne!(pair[0].state, pair[1].state);
        }
        for span in &spans {
            let middle = Timestamp::from_micros(span.from.as_micros() + span.micros() / 2 + 1);
            prop_assert_eq!(timeline.state_at(middle.min(span.to.minus(std::time::Duration::from_micros(1)))), span.state);
        }
    }

    #[test]
    fn without_min_dwell_the_state_is_the_contracts_at_every_instant(readings in history(), t in 0..5_000i64) {
        let timeline = Timeline::new(&readings, &rules(0, &[]), at(5_000));
        prop_assert_eq!(timeline.state_at(at(t)), state_by_definition(&readings, at(t)));
    }

    #[test]
    fn rules_that_do_not_change_are_one_rule(readings in history(), dwell in 0..300u32, edge in 0..5_000i64) {
        let as_of = end(&readings);
        let rules = rules(dwell, &[]);
        let (whole, cut) =
            (Timeline::new(&readings, &rules, as_of), Timeline::through(&readings, &rules, &[Era { from: at(edge), rules }], as_of));
        prop_assert_eq!(whole.spans(at(0), as_of), cut.spans(at(0), as_of));
        prop_assert_eq!(whole.events(), cut.events());
    }

    #[test]
    fn the_order_in_which_readings_came_changes_nothing(readings in history(), dwell in 0..300u32, seed: u64) {
        let as_of = end(&readings);
        let mut shuffled = readings.clone();
        let mut rng = crate::rng::Rng::from_seed(seed);
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let told = |readings: &[Seen]| {
            let timeline = Timeline::new(readings, &rules(dwell, &[]), as_of);
            (timeline.spans(at(0), as_of), timeline.events().to_vec())
        };
        prop_assert_eq!(told(&readings), told(&shuffled));
    }

    #[test]
    fn a_heartbeat_in_time_changes_no_event(readings in history(), which: prop::sample::Index, after in 1..150i64) {
        prop_assume!(!readings.is_empty());
        let index = which.index(readings.len());
        let Seen { at: from, state } = readings[index];
        let repeated = Seen { at: Timestamp::from_micros(from.as_micros() + after * 1_000_000), state };
        prop_assume!(readings.get(index + 1).is_none_or(|next| repeated.at < next.at));
        let as_of = end(&readings);
        let events = |readings: &[Seen]| Timeline::new(readings, &rules(0, &[]), as_of).events().to_vec();
        let mut more = readings.clone();
        more.insert(index + 1, repeated);
        prop_assert_eq!(events(&readings), events(&more));
    }

    #[test]
    fn arrivals_and_departures_take_turns_and_sessions_are_what_lies_between(readings in history(), dwell in 0..300u32) {
        let timeline = Timeline::new(&readings, &rules(dwell, &[]), end(&readings));
        for pair in timeline.events().windows(2) {
            prop_assert_ne!(pair[0].kind, pair[1].kind);
            prop_assert!(pair[0].at < pair[1].at);
            if pair[1].kind == EventKind::Departure {
                prop_assert_eq!(pair[1].arrived_at, Some(pair[0].at));
            }
        }
    }
}
