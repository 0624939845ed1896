//! Publish to visible: a reading of a sensor of its own is published and asked for until the API answers it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::{Clock, Kind, SensorId, Timestamp};
use sensors_sim::publisher::Message;
use sensors_sim::{Publisher, PublisherOptions};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::quantiles::Quantiles;

/// Between two questions: the resolution of the figure.
const POLL: Duration = Duration::from_millis(2);
/// Between two markers.
const PAUSE: Duration = Duration::from_millis(50);
/// A marker that is not visible by then is lost to the figure and counted.
const VISIBLE_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Serialize)]
pub struct Visibility {
    /// From the publish to the first answer that holds the reading.
    pub publish_to_visible: Quantiles,
    pub never_visible: usize,
}

/// Publishes up to `count` markers one after the other, until `shutdown`.
pub async fn watch(
    mqtt: String,
    api: Api,
    count: usize,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<Visibility> {
    let options = PublisherOptions { broker: mqtt, client_id: "bench-marker".to_owned(), ..PublisherOptions::default() };
    let (publisher, handle) = Publisher::new(options, Arc::clone(&clock));
    let publishing = tokio::spawn(publisher.run(CancellationToken::new()));
    let sensor = SensorId::new("bench-marker").context("a sensor id")?;
    let (mut waits, mut never_visible) = (Vec::new(), 0);
    while waits.len() + never_visible < count && !shutdown.is_cancelled() {
        let at = whole_millisecond(clock.now());
        let payload = format!("{{\"ts\":{},\"state\":\"occupied\"}}", at.as_micros() / 1_000);
        let topic = domain::topic::native(Kind::Parking, &sensor).to_string();
        let published = clock.elapsed();
        handle.publish(Message { topic, payload: payload.into() }).await.context("publishing a marker")?;
        match seen(&api, &sensor, at, published, &clock).await? {
            Some(waited) => waits.push(waited),
            None => never_visible += 1,
        }
        clock.sleep(PAUSE).await;
    }
    drop(handle);
    publishing.await.context("the marker's publisher")?.context("the marker's publisher")?;
    Ok(Visibility { publish_to_visible: Quantiles::of(waits), never_visible })
}

async fn seen(
    api: &Api,
    sensor: &SensorId,
    at: Timestamp,
    published: Duration,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Duration>> {
    loop {
        let (asked, sensor) = (api.clone(), sensor.clone());
        let visible =
            tokio::task::spawn_blocking(move || asked.is_visible(&sensor, at)).await.context("asking for a marker")??;
        let waited = clock.elapsed().saturating_sub(published);
        if visible {
            return Ok(Some(waited));
        }
        if waited >= VISIBLE_MAX {
            return Ok(None);
        }
        clock.sleep(POLL).await;
    }
}

fn whole_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().div_euclid(1_000) * 1_000)
}
