//! NowCast: a mean of twelve hours in which the newer count the more, the faster the air changes.
//!
//! EPA's formula (Technical Assistance Document, EPA-454/B-24-002), and that of Decision 1459/QĐ-TCMT with one departure: where
//! the weight is a half the decree prints a sum that is not divided by its weights, which comes out too low as soon as an hour
//! is missing. Here the sum is divided always.

/// Hours that it looks at.
pub const NOWCAST_HOURS: usize = 12;

/// Of these newest hours two must be there.
const NEWEST: usize = 3;
const NEWEST_MIN: usize = 2;

const WEIGHT_MIN: f64 = 0.5;

/// The newest hour first; hours after the twelfth are not looked at. `None` where fewer than two of the newest three are valid.
pub fn nowcast(newest_first: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let mut hours = [None; NOWCAST_HOURS];
    for (place, hour) in hours.iter_mut().zip(newest_first) {
        *place = hour.filter(|value: &f64| value.is_finite());
    }
    if hours[..NEWEST].iter().flatten().count() < NEWEST_MIN {
        return None;
    }
    let valid = || hours.iter().flatten().copied();
    let weight = weight(valid().fold(f64::INFINITY, f64::min), valid().fold(f64::NEG_INFINITY, f64::max));
    let (mut sum, mut weights, mut of_hour) = (0.0, 0.0, 1.0);
    for hour in hours {
        if let Some(value) = hour {
            sum += of_hour * value;
            weights += of_hour;
        }
        of_hour *= weight;
    }
    Some(sum / weights)
}

/// Of an hour against the one after it: the ratio of the smallest to the largest, a half at least. Where nothing is above zero
/// all count the same.
fn weight(smallest: f64, largest: f64) -> f64 {
    if largest > 0.0 { (smallest / largest).max(WEIGHT_MIN) } else { 1.0 }
}
