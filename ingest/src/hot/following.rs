//! What a follower in another process has not got yet: it asks again and again for the rows after the last position it was told.

use domain::Position;
use lake::contract::HotChunk;
use lake::table::Table;

use super::Hot;

impl Hot {
    /// The chunks with rows after `position`; the first may begin before it. The error is the position up to which rows are only
    /// in the lake any more: who has less has to read them there.
    pub fn chunks_after(&self, table: Table, position: Position) -> Result<Vec<HotChunk>, Position> {
        let rows = &self.tables[table as usize];
        if position < rows.forgotten {
            return Err(rows.forgotten);
        }
        let later = rows.chunks.iter().map(|chunk| &chunk.rows).filter(|chunk| chunk.last > position);
        Ok(later.cloned().collect())
    }
}
