//! A table's files day by day, no further than the asker needs: twice as many days each time, from either end.
//!
//! So the first page of ten years costs as much as that of one day. What the Delta log says of files keeps those out in which
//! nothing can be that is looked for.

use arrow::record_batch::RecordBatch;
use domain::Timestamp;
use lake::contract::View;
use lake::snapshot::DataFile;

use super::{Direction, Engine, EngineError, Question};

/// What a file may hold to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sought<'a> {
    /// Of the table's first sort column, one of these; `None`: any.
    pub keys: Option<&'a [&'a str]>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

impl Sought<'_> {
    fn may_be_in(&self, file: &DataFile) -> bool {
        let within = |key: &&str| {
            file.key_min.as_deref().is_none_or(|min| min <= *key) && file.key_max.as_deref().is_none_or(|max| *key <= max)
        };
        self.keys.is_none_or(|keys| keys.iter().any(within))
            && file.time_max.zip(self.from).is_none_or(|(max, from)| from.as_micros() <= max)
            && file.time_min.zip(self.to).is_none_or(|(min, to)| min < to.as_micros())
    }
}

pub struct DayWalk<'a> {
    question: &'a Question,
    /// In the walk's order, those that are not read yet.
    files: Vec<&'a DataFile>,
    /// The next ones to be read.
    days: usize,
    days_max: usize,
}

impl<'a> DayWalk<'a> {
    /// In the question's direction.
    pub fn new(view: &'a View, question: &'a Question, sought: Sought<'_>) -> Self {
        let files = view.table(question.table).map(|view| view.lake.files.as_slice()).unwrap_or_default();
        let mut files: Vec<_> = files.iter().filter(|file| sought.may_be_in(file)).collect();
        match question.direction {
            Direction::Ascending => files.sort_by_key(|file| file.day),
            Direction::Descending => files.sort_by_key(|file| std::cmp::Reverse(file.day)),
        }
        Self { question, files, days: 1, days_max: usize::MAX }
    }

    /// Begins with so many days, of those that have files.
    pub fn beginning_with(mut self, days: usize) -> Self {
        self.days = days.max(1);
        self
    }

    /// Reads no more days at once from here on.
    pub fn limit(&mut self, days: usize) {
        self.days_max = days.max(1);
        self.days = self.days.min(self.days_max);
    }

    /// Rows of the next days; `None` behind the last.
    pub async fn next(&mut self, engine: &Engine) -> Result<Option<Vec<RecordBatch>>, EngineError> {
        if self.files.is_empty() {
            return Ok(None);
        }
        let count = self.files.chunk_by(|a, b| a.day == b.day).take(self.days).map(<[_]>::len).sum::<usize>();
        self.days = (self.days * 2).min(self.days_max);
        let files = self.files.drain(..count).cloned().collect();
        engine.file_rows(self.question, files).await.map(Some)
    }

    /// Days that were not read, of those that have files.
    pub fn days_left(&self) -> usize {
        self.files.chunk_by(|a, b| a.day == b.day).count()
    }

    /// The first day that was not read.
    pub fn unread(&self) -> Option<i32> {
        self.files.first().map(|file| file.day)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use domain::kind::parking::BayState;
    use lake::table::Table;

    use super::*;
    use crate::tests::fixture::{Fixture, at};

    #[tokio::test]
    async fn a_walk_reads_one_day_then_two_then_four_from_either_end() {
        let mut fixture = Fixture::new().await;
        for day in 1..=9 {
            fixture.parking(day, "bay-1", at(&format!("2026-11-{day:02}T08:00:00Z")), BayState::Vacant);
        }
        fixture.commit(9).await;
        let view = fixture.view();
        for (direction, unread) in [(Direction::Ascending, [2, 4, 8]), (Direction::Descending, [8, 6, 2])] {
            let filter = col("sensor").eq(lit("bay-1"));
            let table = Table::ParkingReadings;
            let question = Question { table, columns: None, filter, order: &["observed_at"], direction, fetch: None };
            let from = Some(at("2026-11-01T00:00:00Z"));
            let mut walk = DayWalk::new(&view, &question, Sought { keys: Some(&["bay-1"]), from, to: None });
            for (rows, unread) in [1, 2, 4].into_iter().zip(unread) {
                let read = walk.next(&fixture.engine).await.expect("rows").expect("more days");
                assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), rows);
                let expected = at(&format!("2026-11-{unread:02}T00:00:00Z")).utc_day();
                assert_eq!(walk.unread(), Some(expected));
            }
            assert!(walk.next(&fixture.engine).await.expect("rows").is_some());
            assert!(walk.next(&fixture.engine).await.expect("nothing").is_none() && walk.unread().is_none());
        }
    }

    #[tokio::test]
    async fn files_without_the_key_or_the_time_are_not_read() {
        let mut fixture = Fixture::new().await;
        fixture.parking(1, "bay-2", at("2026-11-02T08:00:00Z"), BayState::Vacant);
        fixture.commit(1).await;
        let view = fixture.view();
        let (table, filter) = (Table::ParkingReadings, col("sensor").is_not_null());
        let question = Question { table, columns: None, filter, order: &[], direction: Direction::Ascending, fetch: None };
        let has = |sought| DayWalk::new(&view, &question, sought).unread().is_some();
        assert!(has(Sought::default()) && has(Sought { keys: Some(&["a", "bay-2"]), ..Sought::default() }));
        assert!(!has(Sought { keys: Some(&["a", "bay-3"]), ..Sought::default() }));
        assert!(!has(Sought { from: Some(at("2026-11-02T08:00:00.000001Z")), ..Sought::default() }));
        assert!(!has(Sought { to: Some(at("2026-11-02T08:00:00Z")), ..Sought::default() }));
    }
}
