//! How much one step of a statement may hold: the rows that go through it together, and the longest text that is made.
//!
//! Each expression makes one column of each step's rows, and a column is at most as large as rows times the longest value. So a
//! long statement, or one with a long text in it, goes on in smaller steps, and all its columns together stay within one limit.

use domain::limits::{SQL_STEP_BYTES_MAX, SQL_STEP_ROWS_MAX, SQL_STEP_ROWS_MIN, SQL_VALUE_BYTES_MAX};

/// What is in a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Expressions, those behind a name as often as the name is used; a table counts as its columns.
    pub expressions: usize,
    /// Bytes of the longest value that the statement itself or one of its tables brings.
    pub longest: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub rows: usize,
    /// Of a text that a function makes.
    pub value_bytes: usize,
}

impl Step {
    /// For a statement that runs in so many `lanes` at once.
    pub fn of(extent: Extent, lanes: usize) -> Self {
        let value_bytes = extent.longest.max(SQL_VALUE_BYTES_MAX);
        let columns = extent.expressions.max(1).saturating_mul(lanes.max(1));
        let rows = SQL_STEP_BYTES_MAX / columns / value_bytes;
        Self { rows: rows.clamp(SQL_STEP_ROWS_MIN, SQL_STEP_ROWS_MAX), value_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_a_statement_and_its_texts_the_fewer_rows_go_through_it_together() {
        let step = |expressions, longest| Step::of(Extent { expressions, longest }, 2);
        assert_eq!(step(3, 20), Step { rows: SQL_STEP_ROWS_MAX, value_bytes: SQL_VALUE_BYTES_MAX });
        assert!(step(50, 20).rows > 2_000 && step(500, 20).rows < 300);
        assert_eq!(step(40, 60_000), Step { rows: 111, value_bytes: 60_000 });
        assert_eq!(step(30_000, 60_000).rows, SQL_STEP_ROWS_MIN);
        assert_eq!(step(0, 0).rows, SQL_STEP_ROWS_MAX);
    }
}
