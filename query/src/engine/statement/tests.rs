//! What a statement may say, and that its answer is of files and memory together.

use domain::kind::air::{Air, Qc};
use domain::kind::parking::BayState;
use domain::reading::Transport;
use domain::{Flags, Position, Quantity};
use lake::rows::AirRows;
use lake::table::Table;

use super::*;
use crate::engine::cell_json;
use crate::tests::fixture::{Fixture, at, sensor};

async fn filled() -> Fixture {
    let mut fixture = Fixture::new().await;
    for (n, time) in ["2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"].into_iter().enumerate() {
        fixture.parking(1 + n as u64, "bay-1", at(time), BayState::ALL[n]);
    }
    fixture.commit(2).await;
    fixture
}

async fn ask(fixture: &Fixture, sql: &str) -> Result<Rows, EngineError> {
    fixture.engine.select(&fixture.view(), sql, StatementLimits::default()).await
}

#[tokio::test]
async fn an_answer_counts_files_and_memory_together() {
    let fixture = filled().await;
    let count = |rows: Rows| cell_json(rows.batches[0].column(0), 0).as_i64();
    assert_eq!(count(ask(&fixture, "SELECT count(*) FROM parking_readings").await.expect("rows")), Some(3));
    let since = "SELECT count(*) FROM parking_readings WHERE sensor = 'bay-1' AND observed_at >= '2026-11-23T00:00:00Z'";
    assert_eq!(count(ask(&fixture, since).await.expect("rows")), Some(2));
    let by_day = "SELECT count(*) FROM parking_readings WHERE day = '2026-11-22'";
    assert_eq!(count(ask(&fixture, by_day).await.expect("rows")), Some(1));
}

#[tokio::test]
async fn only_one_reading_select_is_taken() {
    let fixture = filled().await;
    let refused = [
        "",
        "SELECT 1; SELECT 2",
        "INSERT INTO parking_readings SELECT * FROM parking_readings",
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "DROP TABLE parking_readings",
        "SELECT * INTO x FROM parking_readings",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM nothing",
        "SELECT * FROM parking_readings FOR UPDATE",
        "WITH x AS (DELETE FROM parking_readings) SELECT 1",
        "DELETE FROM parking_readings",
        "UPDATE parking_readings SET state = 'vacant'",
        "TRUNCATE parking_readings",
        "SELECT read_csv('/etc/passwd')",
    ];
    for sql in refused {
        assert!(matches!(ask(&fixture, sql).await, Err(EngineError::Statement(_))), "{sql}");
    }
}

#[tokio::test]
async fn a_fault_is_told_without_the_engine_s_own_names_and_steps() {
    let fixture = filled().await;
    for (sql, named) in [
        ("SELECT nope FROM parking_readings", "nope"),
        ("SELECT sensor + 1 FROM parking_readings WHERE nope.x = 1", "nope"),
        ("SELECT no_such(sensor) FROM parking_readings", "no_such"),
        ("SELECT (1", "Expected: )"),
    ] {
        let Err(EngineError::Statement(told)) = ask(&fixture, sql).await else { panic!("{sql} was taken") };
        assert!(told.contains(named), "{told}");
        assert!(
            !["datafusion", "caused by", "Error during planning", "type_coercion"].iter().any(|own| told.contains(own)),
            "{told}"
        );
    }
}

#[tokio::test]
async fn more_rows_than_allowed_are_refused_not_cut() {
    let fixture = filled().await;
    let limits = StatementLimits { rows: 2, ..StatementLimits::default() };
    let all = "SELECT * FROM parking_readings";
    assert!(matches!(fixture.engine.select(&fixture.view(), all, limits).await, Err(EngineError::TooCostly(_))));
    let some = "SELECT * FROM parking_readings LIMIT 2";
    assert!(fixture.engine.select(&fixture.view(), some, limits).await.is_ok());
}

#[tokio::test]
async fn an_answer_over_the_limit_of_bytes_is_refused() {
    let fixture = filled().await;
    let limits = StatementLimits { answer_bytes: 100, ..StatementLimits::default() };
    let wide = "SELECT repeat('x', 1000) AS text";
    assert!(matches!(fixture.engine.select(&fixture.view(), wide, limits).await, Err(EngineError::TooCostly(_))));
    assert!(fixture.engine.select(&fixture.view(), "SELECT 1 AS n", limits).await.is_ok());
}

/// Of a table of three rows with itself, so many times.
fn product(times: usize) -> String {
    (0..times).map(|n| format!("parking_readings t{n}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_product_of_tables_ends_when_its_time_is_over() {
    let fixture = filled().await;
    let limits = StatementLimits { time: Duration::from_millis(20), ..StatementLimits::default() };
    let endless = format!("SELECT count(*) FROM {}", product(20));
    let answer = fixture.engine.select(&fixture.view(), &endless, limits).await;
    assert!(matches!(answer, Err(EngineError::TooCostly(reason)) if reason.contains("more than 0 s")));
}

#[tokio::test]
async fn what_would_take_more_memory_than_there_is_is_refused_with_its_reason() {
    let fixture = filled().await;
    let doubled = (0..12)
        .fold("SELECT sensor AS x FROM parking_readings".to_owned(), |inner, _| format!("SELECT x || x AS x FROM ({inner})"));
    let long = format!("SELECT '{}' || sensor || sensor FROM parking_readings", "x".repeat(3_000));
    for (sql, reason) in [
        ("SELECT repeat('x', 1000000000)".to_owned(), "repeat would make a text of more than 2048 bytes"),
        ("SELECT length(repeat(sensor, 1000000)) FROM parking_readings".to_owned(), "repeat would make"),
        ("SELECT lpad('x', 1000000000)".to_owned(), "lpad would make"),
        ("SELECT rpad(sensor, 2000000000, 'x') FROM parking_readings".to_owned(), "rpad would make"),
        ("SELECT replace(sensor, '', repeat('y', 2000)) FROM parking_readings".to_owned(), "replace would make"),
        (
            r"SELECT regexp_replace(sensor, '.', repeat('\0', 900), 'g') FROM parking_readings".to_owned(),
            "regexp_replace would make",
        ),
        ("SELECT to_char(observed_at, repeat('%A', 1000)) FROM parking_readings".to_owned(), "to_char would make"),
        ("SELECT concat(repeat('x', 2000), repeat('y', 2000))".to_owned(), "concat would make"),
        (doubled, "|| would make"),
        (long, "|| would make"),
        (format!("SELECT * FROM {} ORDER BY t0.sensor", product(13)), "more memory than there is for questions"),
        (format!("SELECT DISTINCT concat(t0.sensor, row_number() OVER ()) FROM {}", product(14)), "more memory"),
        (format!("SELECT max(t0.sensor) OVER () FROM {}", product(14)), "more memory than there is for questions"),
    ] {
        match ask(&fixture, &sql).await {
            Err(EngineError::TooCostly(detail)) => assert!(detail.contains(reason), "{sql}: {detail}"),
            Err(other) => panic!("{sql}: {other:?}"),
            Ok(_) => panic!("{sql} was answered"),
        }
    }
}

#[tokio::test]
async fn what_gathers_or_makes_values_without_end_is_refused_with_its_reason() {
    let fixture = filled().await;
    for (sql, reason) in [
        ("SELECT array_agg(sensor) FROM parking_readings", "array_agg"),
        ("SELECT string_agg(sensor, ',') FROM parking_readings", "string_agg"),
        ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t", "WITH RECURSIVE"),
        ("SELECT count(*) FROM generate_series(1, 3000000000)", "generate_series"),
        ("SELECT CAST(NULL AS bigint[1000000000])", "cast"),
    ] {
        match ask(&fixture, sql).await {
            Err(EngineError::Statement(detail)) => assert!(detail.contains(reason), "{sql}: {detail}"),
            Err(other) => panic!("{sql}: {other:?}"),
            Ok(_) => panic!("{sql} was answered"),
        }
    }
}

#[tokio::test]
async fn texts_of_an_ordinary_length_are_made() {
    let fixture = filled().await;
    let text = "SELECT lpad(sensor, 8, '0') || '-' || repeat('x', 3) AS name, concat_ws('/', sensor, state), \
                replace(sensor, '-', '--'), regexp_replace(sensor, '-([0-9])', '#\\1'), to_char(observed_at, '%Y-%m') \
                FROM parking_readings ORDER BY observed_at LIMIT 1";
    let rows = ask(&fixture, text).await.expect("rows");
    let row: Vec<_> = rows.batches[0].columns().iter().map(|column| cell_json(column, 0)).collect();
    assert_eq!(row, ["000bay-1-xxx", "bay-1/vacant", "bay--1", "bay#1", "2026-11"].map(serde_json::Value::from));
    let named = ask(&fixture, "SELECT sensor || '!' FROM parking_readings").await.expect("rows");
    assert!(named.schema.field(0).name().contains(" || "), "{:?}", named.schema);
    let nulls =
        "SELECT NULL || 'x', sensor || NULL, sensor || free::text || 'x', concat(NULL, 'x') FROM parking_readings LIMIT 1";
    let nulls = ask(&fixture, nulls).await.expect("rows");
    let row: Vec<_> = nulls.batches[0].columns().iter().map(|column| cell_json(column, 0)).collect();
    assert_eq!(row, [serde_json::Value::Null, serde_json::Value::Null, serde_json::Value::Null, "x".into()]);
}

#[tokio::test]
async fn each_of_several_queries_within_each_other_does_its_work() {
    let fixture = filled().await;
    let thrice = (0..3).fold("SELECT sensor AS x, 1 AS n FROM parking_readings LIMIT 1".to_owned(), |inner, _| {
        format!("SELECT x || '!' AS x, n + n AS n FROM ({inner})")
    });
    let rows = ask(&fixture, &thrice).await.expect("rows");
    let row: Vec<_> = rows.batches[0].columns().iter().map(|column| cell_json(column, 0)).collect();
    assert_eq!(row, [serde_json::json!("bay-1!!!"), serde_json::json!(8)]);
}

#[tokio::test]
async fn a_value_of_a_map_is_read_by_its_key() {
    let mut fixture = Fixture::new().await;
    let instant = at("2026-11-24T08:00:00Z");
    let mut air = Air { avg_s: 60, ..Air::default() };
    air.values.set(Quantity::Pm25, 12.5);
    air.qc.set(Quantity::Pm25, Qc::Suspect);
    let mut rows = AirRows::default();
    rows.push(&sensor("air-1"), instant, instant, &air, &Transport::default(), Flags::NONE, Position(1));
    fixture.hot.push((Table::AirReadings, 1, rows.finish()));
    for committed in [0, 1] {
        fixture.commit(committed).await;
        let sql = "SELECT qc['pm25'] AS pm25, qc['no2'] AS no2, as_sent['no2']['unit'] AS unit FROM air_readings WHERE qc['pm25'] = 'suspect'";
        let rows = ask(&fixture, sql).await.expect("rows");
        let row: Vec<_> = rows.batches[0].columns().iter().map(|column| cell_json(column, 0)).collect();
        assert_eq!(row, [serde_json::json!("suspect"), serde_json::Value::Null, serde_json::Value::Null], "{committed}");
    }
}

/// The links of the longest chain whose words are within the limit.
fn longest(chain: impl Fn(usize) -> String) -> usize {
    let fits = |links: &usize| extent::judge_text(&chain(*links)).is_ok();
    (1..SQL_BYTES_MAX).take_while(fits).last().expect("one link fits")
}

#[tokio::test]
async fn the_deepest_expression_that_is_taken_is_answered_and_a_deeper_one_is_refused() {
    let fixture = filled().await;
    let chains: [fn(usize) -> String; 5] = [
        |links| format!("SELECT 1{}", "+1".repeat(links)),
        |links| format!("SELECT sensor FROM parking_readings WHERE sensor = 'x'{}", " OR sensor <> 'y'".repeat(links)),
        |links| format!("SELECT sensor{} FROM parking_readings", "||''".repeat(links)),
        |links| format!("SELECT true{}", " IS NOT NULL".repeat(links)),
        |links| format!("SELECT free{} FROM parking_readings", "::bigint::int".repeat(links)),
    ];
    for chain in chains {
        let links = longest(chain);
        let answer = ask(&fixture, &chain(links)).await;
        assert!(answer.is_ok(), "{links} links of {}: {:?}", chain(1), answer.err());
        assert!(matches!(ask(&fixture, &chain(links + 1)).await, Err(EngineError::TooCostly(_))), "{}", chain(1));
    }
}

#[tokio::test]
async fn a_statement_that_names_or_multiplies_too_many_tables_is_refused() {
    let fixture = filled().await;
    let union = |times: usize| vec!["SELECT sensor, day FROM parking_readings"; times].join(" UNION ALL ");
    assert_eq!(ask(&fixture, &union(50)).await.expect("rows").batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 150);
    let joined = (0..70).map(|n| format!("parking_readings t{n}")).collect::<Vec<_>>().join(", ");
    let doubled = (1..30).map(|n| format!("t{n} AS (SELECT * FROM t{0} UNION ALL SELECT * FROM t{0})", n - 1));
    let doubled = format!("WITH t0 AS (SELECT 1 AS n), {} SELECT count(*) FROM t29", doubled.collect::<Vec<_>>().join(", "));
    for sql in [union(200), format!("SELECT count(*) FROM {joined}"), doubled] {
        assert!(matches!(ask(&fixture, &sql).await, Err(EngineError::TooCostly(_))), "{sql}");
    }
}
