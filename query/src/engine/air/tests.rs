//! Functions of the air as a statement calls them.

use domain::Quantity;
use serde_json::{Value, json};

use crate::engine::{EngineError, StatementLimits, cell_json};
use crate::tests::fixture::{Fixture, at};

async fn column(fixture: &Fixture, sql: &str) -> Result<Vec<Value>, EngineError> {
    let rows = fixture.engine.select(&fixture.view(), sql, StatementLimits::default()).await?;
    let values = rows.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| cell_json(batch.column(0), row)));
    Ok(values.collect())
}

async fn one(fixture: &Fixture, expression: &str) -> Value {
    let values = column(fixture, &format!("SELECT {expression}")).await;
    values.unwrap_or_else(|error| panic!("{expression}: {error}")).remove(0)
}

#[tokio::test]
async fn a_concentration_has_its_sub_index() {
    let fixture = Fixture::new().await;
    for (expression, expected) in [
        ("vn_aqi('pm25', 55.7, '24h')", json!(110)),
        ("vn_aqi('o3', 401, '8h')", Value::Null),
        ("vn_aqi('o3', 136.1, '1h')", json!(43)),
        ("us_epa('pm25', 9.1, '24h')", json!(51)),
        ("us_epa('pm25', 9.1, '24h', '2012')", json!(38)),
        ("us_epa('pm10', 54.9, 'nowcast')", json!(50)),
        ("eu_aqi('pm25', 5.4, '1h')", json!(2)),
        ("vn_aqi('temp_c', 20, '1h')", Value::Null),
        ("vn_aqi('pm25', NULL, '24h')", Value::Null),
        ("vn_aqi('pm25', CAST('NaN' AS double precision), '24h')", Value::Null),
    ] {
        assert_eq!(one(&fixture, expression).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn a_nowcast_is_of_the_hours_named_one_by_one() {
    let fixture = Fixture::new().await;
    assert_eq!(one(&fixture, "round(nowcast(40, NULL, 30) * 10)").await, json!(364.0));
    assert_eq!(one(&fixture, "nowcast(40, NULL, NULL, 30)").await, Value::Null);
}

#[tokio::test]
async fn functions_of_the_air_take_columns() {
    let mut fixture = Fixture::new().await;
    for (position, (time, fine)) in [("08", 40.0), ("09", 35.0), ("10", 30.0)].into_iter().enumerate() {
        let time = at(&format!("2026-11-24T{time}:00:00Z"));
        fixture.air(1 + position as u64, "station-1", time, &[(Quantity::Pm25, fine)]);
    }
    let sub_indices = column(&fixture, "SELECT vn_aqi('pm25', pm25, '24h') FROM air_readings ORDER BY observed_at").await;
    assert_eq!(sub_indices.expect("rows"), [json!(80), json!(70), json!(60)]);
    let hours = "SELECT nowcast(pm25, lag(pm25, 1) OVER (ORDER BY observed_at), lag(pm25, 2) OVER (ORDER BY observed_at)) IS NULL \
                 FROM air_readings ORDER BY observed_at";
    assert_eq!(column(&fixture, hours).await.expect("rows"), [json!(true), json!(false), json!(false)]);
}

#[tokio::test]
async fn a_wrong_call_is_told_by_what_is_wrong() {
    let fixture = Fixture::new().await;
    for (expression, named) in [
        ("vn_aqi('pm2.5', 30, '24h')", "no pollutant pm2.5"),
        ("vn_aqi('pm25', 30, '1 hour')", "no averaging 1 hour"),
        ("vn_aqi('pm25', 30, '1h')", "pm25 is read as 24h or nowcast, not as 1h"),
        ("us_epa('pm25', 30, '24h', '1999')", "no such table"),
        ("vn_aqi('pm25', '24h')", "takes the words of a pollutant"),
        ("vn_aqi(30, 'pm25', '24h')", "takes the words of a pollutant"),
        ("nowcast()", "nowcast"),
        ("nowcast('a')", "takes up to 12 numbers"),
        ("nowcast(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)", "takes up to 12 numbers"),
    ] {
        match column(&fixture, &format!("SELECT {expression}")).await {
            Err(EngineError::Statement(detail)) => assert!(detail.contains(named), "{expression}: {detail}"),
            other => panic!("{expression}: {other:?}"),
        }
    }
}
