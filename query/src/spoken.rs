//! Rows of a sensor, and of a span, as the engine is asked for them.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, col, lit};
use domain::registry::Span;
use domain::{SensorId, Timestamp};

pub fn spoken_by(sensor: &SensorId, span: Span) -> Expr {
    let spoken = col("sensor").eq(lit(sensor.as_str()));
    if span == Span::ALWAYS { spoken } else { spoken.and(within(span)) }
}

/// Of any of these sensors.
pub fn by_any(sensors: &[&str], span: Span) -> Expr {
    let spoken = col("sensor").in_list(sensors.iter().map(|sensor| lit(*sensor)).collect(), false);
    spoken.and(within(span))
}

/// Observed in the span.
fn within(span: Span) -> Expr {
    let from = span.from.map(|from| col("observed_at").gt_eq(lit(instant(from))));
    let to = span.to.map(|to| col("observed_at").lt(lit(instant(to))));
    from.into_iter().chain(to).reduce(Expr::and).unwrap_or_else(|| lit(true))
}

fn instant(at: Timestamp) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(at.as_micros()), Some("UTC".into()))
}
