//! Which file an answer failed on: what decodes a page does not say whose page it is.

use domain::limits::DAMAGE_LOOK_BYTES_MAX;
use lake::snapshot::DataFile;
use lake::table::Table;
use tokio::sync::Mutex;

use super::{EngineError, LakeFiles};

/// Reads files once more, for one failed answer at a time: many that fail on one file need not all do it at once.
pub struct Looks {
    lake: LakeFiles,
    turn: Mutex<()>,
}

impl Looks {
    pub fn new(lake: LakeFiles) -> Self {
        Self { lake, turn: Mutex::new(()) }
    }

    /// A failure that names the first damaged file among those that were asked, where there is one that is not behind too many bytes.
    /// `verify` finds all.
    pub async fn located(&self, error: EngineError, asked: &[(Table, &[DataFile])]) -> EngineError {
        let EngineError::Failed(detail) = error else { return error };
        let _turn = self.turn.lock().await;
        let mut looked = 0;
        for &(table, files) in asked {
            for file in files {
                looked += file.bytes;
                if looked > DAMAGE_LOOK_BYTES_MAX {
                    return EngineError::Failed(detail);
                }
                // What cannot be read at all is named by the failure itself.
                if self.is_damaged(table, file).await.unwrap_or(false) {
                    let (table, path) = (table.name(), &file.path);
                    return EngineError::Failed(format!(
                        "{detail}; {table}/{path} is damaged: a bit of it is another than when it was written"
                    ));
                }
            }
        }
        EngineError::Failed(detail)
    }

    async fn is_damaged(&self, table: Table, file: &DataFile) -> Result<bool, object_store::Error> {
        Ok(!file.is_whole(&*self.lake.store, &self.lake.location(table, file)?).await?)
    }
}
