//! What an erasure has counted off and not yet taken away: rows that stand in the lake though their period is erased.

use hashbrown::{HashMap, HashSet};
use lake::Lake;

use crate::pipeline::State;

/// Of one sensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftover {
    /// Rows of the reading tables.
    pub readings: u64,
    /// Standing dead letters.
    pub letters: u64,
}

/// By sensor; those that left nothing are not in it.
pub type Leftovers = HashMap<String, Leftover>;

/// Nothing is read where nothing was ever erased.
pub async fn leftovers(lake: &Lake, state: &State) -> Result<Leftovers, lake::Error> {
    let mut all = HashMap::new();
    for (number, of) in state.erasures.iter() {
        let sensor = &state.sensors.get(number).id;
        let (mut left, mut letters) = (Leftover::default(), HashSet::new());
        for (before, period) in of.periods.iter().enumerate() {
            let survey = lake.survey(&period.of(sensor)).await?;
            let is_counted = |at| of.periods[..before].iter().any(|earlier| earlier.covers(at));
            left.readings += survey.readings.iter().filter(|at| !is_counted(**at)).count() as u64;
            letters.extend(survey.standing().filter(|letter| letter.of <= period.position));
        }
        left.letters = letters.len() as u64;
        if left != Leftover::default() {
            all.insert(sensor.as_str().to_owned(), left);
        }
    }
    Ok(all)
}
