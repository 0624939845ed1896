//! The index of the last whole hour, of a page of stations at once.
//!
//! It costs a day of the page's readings, so what was found is given again for half a second, counted from before it was looked for: a late
//! reading is to be seen within one (LIVE-1). Whoever asks for the same page meanwhile waits for the one who looks.

use std::sync::Arc;
use std::time::Duration;

use domain::air::window::{Bucket, Grid};
use domain::air::{Index, Layer};
use domain::{ObjectId, Timestamp};
use hashbrown::HashMap;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tracing::warn;

use crate::air_index::{self, HOUR_MICROS, HOURS_BEFORE_HOUR, Wanted};
use crate::app::App;
use crate::engine::EngineError;
use crate::language::Language;
use crate::problem::Problem;
use crate::samples::{self, Wish};

/// What of an hour's index stands beside a station's values.
pub const SHOWN: [(&str, &str); 8] = [
    ("aqi", "aqi"),
    ("level", "level"),
    ("label", "label"),
    ("colour", "colour"),
    ("dominant", "dominant"),
    ("aqi_from", "from"),
    ("aqi_to", "to"),
    ("reason", "reason"),
];
/// Why there is no index: the readings could not be had.
const UNAVAILABLE: &str = "unavailable";

const KEPT_FOR: Duration = Duration::from_millis(500);
/// Pages that are remembered.
const PAGES: usize = 64;
/// Stations whose readings of a day are in memory at once.
const AT_ONCE: usize = 64;

type Key = (String, Language, Vec<ObjectId>);
/// One page's items, and since when they may be old.
type Page = Arc<tokio::sync::Mutex<Option<(Duration, Arc<Vec<Value>>)>>>;

#[derive(Default)]
pub struct LastHours(Mutex<HashMap<Key, Page>>);

impl LastHours {
    /// Of each station, in order. Where they cannot be had the values of the stations are told all the same.
    pub async fn of(&self, app: &App, stations: &[ObjectId], index: &'static Index, language: Language) -> Arc<Vec<Value>> {
        let page = self.page((index.id.clone(), language, stations.to_vec()));
        let asked_at = app.clock.elapsed();
        let mut page = page.lock().await;
        if let Some((begun_at, items)) = &*page
            && asked_at.saturating_sub(*begun_at) < KEPT_FOR
        {
            return Arc::clone(items);
        }
        let begun_at = app.clock.elapsed();
        let items = match found(app, stations, index, language).await {
            Ok(items) => items,
            Err(problem) => {
                warn!(?problem, "the index of the last hour");
                vec![json!({"reason": UNAVAILABLE}); stations.len()]
            }
        };
        let items = Arc::new(items);
        *page = Some((begun_at, Arc::clone(&items)));
        items
    }

    fn page(&self, key: Key) -> Page {
        let mut pages = self.0.lock();
        if pages.len() >= PAGES && !pages.contains_key(&key) {
            pages.clear();
        }
        Arc::clone(pages.entry(key).or_default())
    }
}

async fn found(app: &App, stations: &[ObjectId], index: &'static Index, language: Language) -> Result<Vec<Value>, Problem> {
    let (view, registry) = app.live.history().await?;
    let grid = Grid::hours(app.city.zone.clone());
    let to = grid.start_of(view.as_of);
    let hours_before = |hours: i64| Timestamp::from_micros(to.as_micros() - hours * HOUR_MICROS);
    let (first, span) = (hours_before(HOURS_BEFORE_HOUR + 1), [(hours_before(1), to)]);
    // A reading belongs where the middle of its span is: half an hour after the end the last one is told.
    let reach = Timestamp::from_micros(to.as_micros() + HOUR_MICROS / 2 + 1);
    let wanted = Arc::new(Wanted {
        index,
        table: None,
        quantities: air_index::quantities(index),
        bucket: Bucket::Hour,
        zone: app.city.zone.clone(),
        as_of: view.as_of,
        reference_temperature_c: app.reference_temperature_c,
        language,
    });
    let wish = |stations: &[ObjectId]| {
        let wish = Wish::of(&registry, stations, &wanted.quantities, first, reach);
        wish.ok_or_else(|| EngineError::Failed("a station that stands is none of the registry's".to_owned()))
    };
    let finding = async {
        let mut items = Vec::with_capacity(stations.len());
        for stations in stations.chunks(AT_ONCE) {
            let each = wanted.quantities.len();
            let bases = samples::bases(&app.engine, &view, wish(stations)?, grid.clone(), Layer::Checked).await?;
            let of = Arc::clone(&wanted);
            let telling = move || Ok(bases.chunks(each).flat_map(|bases| of.items(bases, &span)).collect::<Vec<_>>());
            items.extend(app.engine.carry_out(telling).await?);
        }
        Ok(items)
    };
    Ok(app.engine.bounded(finding).await?)
}
