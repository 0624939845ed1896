//! An edit rebuilds what it touches, and nothing else would be another if everything were rebuilt.

use domain::rng::Rng;
use domain::{Kind, ObjectId, SensorId};

use super::bench::{Bench, air, bay, counter};
use crate::options::UnknownSensors;
use crate::pipeline::rebuilt::Rebuilt;
use crate::pipeline::touched::Touched;

const TARGETS: [&str; 9] = ["s0", "s1", "s2", "b0", "b1", "b2", "a0", "a1", "d3"];
const SENSORS: [&str; 13] = ["s0", "s1", "s2", "b0", "b1", "b2", "a0", "a1", "d0", "d1", "d2", "d3", "x"];

fn one<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.below(of.len() as u64) as usize]
}

fn feature(rng: &mut Rng) -> String {
    let point = r#""geometry":{"type":"Point","coordinates":[105.8,21.0]}"#;
    let from = match rng.below(3) {
        0 => format!(r#","valid_from":"1970-01-01T00:00:{:02}Z""#, rng.below(60)),
        _ => String::new(),
    };
    let (geometry, properties) = match rng.below(4) {
        0 => {
            let places = if rng.chance(0.5) { r#","capacity":10"# } else { "" };
            (point, format!(r#""kind":"site","id":"{}","site_kind":"lot"{places}"#, one(rng, &TARGETS[..3])))
        }
        1 => (point, format!(r#""kind":"bay","id":"{}","site":"{}""#, one(rng, &TARGETS[3..6]), one(rng, &TARGETS[..3]))),
        2 => (point, format!(r#""kind":"station","id":"{}","class":"indicative""#, one(rng, &TARGETS[6..8]))),
        _ => {
            let status = if rng.chance(0.2) { "commissioning" } else { "active" };
            let bindings = (0..rng.below(3)).map(|_| {
                let quantity = if rng.chance(0.2) { r#","quantity":"no2""# } else { "" };
                format!(r#"{{"target":"{}"{quantity}}}"#, one(rng, &TARGETS))
            });
            let bindings = bindings.collect::<Vec<_>>().join(",");
            let id = one(rng, &SENSORS[8..12]);
            (r#""geometry":null"#, format!(r#""kind":"device","id":"{id}","status":"{status}","bindings":[{bindings}]"#))
        }
    };
    format!(r#"{{"type":"Feature",{geometry},"properties":{{{properties}{from}}}}}"#)
}

fn reading(bench: &mut Bench, rng: &mut Rng) {
    let (sensor, seconds) = (one(rng, &SENSORS), rng.below(60) as i64);
    match rng.below(3) {
        0 => bench.message(Kind::Parking, sensor, vec![bay(seconds, rng.below(2) as u8)]),
        1 => {
            let capacity = rng.chance(0.5).then(|| rng.below(20) as i32);
            bench.message(Kind::Parking, sensor, vec![counter(seconds, rng.below(20) as i32, capacity)]);
        }
        _ => bench.message(Kind::Air, sensor, vec![air(seconds, 0, &[("no2", rng.below(9) as f64), ("o3", 1.0)])]),
    }
}

#[test]
fn what_an_edit_leaves_alone_would_come_to_the_same() {
    let everything = Touched {
        sensors: SENSORS.into_iter().map(|id| SensorId::new(id).expect("valid")).collect(),
        targets: SENSORS.into_iter().map(|id| ObjectId::new(id).expect("valid")).collect(),
    };
    let mut changed = 0;
    for seed in 0..300 {
        let mut rng = Rng::from_seed(seed);
        let mut bench = Bench::default();
        bench.judges_aside = rng.chance(0.5);
        if rng.chance(0.3) {
            bench.rules.unknown_sensors = UnknownSensors::Hold;
            bench.restart();
        }
        for _ in 0..40 {
            if rng.chance(0.6) {
                reading(&mut bench, &mut rng);
                continue;
            }
            let features: Vec<_> = (0..1 + rng.below(2)).map(|_| feature(&mut rng)).collect();
            bench.edit(&format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",")));
            if bench.edits.last().is_none_or(|edit| edit.changes.is_empty()) {
                continue;
            }
            changed += 1;
            let (state, registry) = (bench.pipeline.state(), bench.pipeline.registry());
            let missed = Rebuilt::of(state, registry, &everything, state.now, u64::MAX);
            assert_eq!(missed, Rebuilt::default(), "seed {seed}, after {features:?}");
        }
    }
    assert!(changed > 1_000, "{changed} edits");
}
