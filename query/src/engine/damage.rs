//! Which file an answer failed on: what decodes a page does not say whose page it is.

use domain::limits::DAMAGE_LOOK_BYTES_MAX;
use lake::snapshot::DataFile;
use lake::table::Table;
use object_store::ObjectStoreExt as _;

use super::{EngineError, LakeFiles};

/// A failure that names the first damaged file among those that were asked, where there is one. `verify` finds all.
pub async fn located(error: EngineError, lake: &LakeFiles, files: Vec<(Table, DataFile)>) -> EngineError {
    let EngineError::Failed(detail) = error else { return error };
    let mut looked = 0;
    for (table, file) in files {
        looked += file.bytes;
        if looked > DAMAGE_LOOK_BYTES_MAX {
            break;
        }
        let bytes = async { lake.store.get(&lake.location(table, &file)?).await?.bytes().await };
        // What cannot be read at all is named by the failure itself.
        if bytes.await.is_ok_and(|bytes| !file.is_whole(&bytes)) {
            let (table, path) = (table.name(), &file.path);
            return EngineError::Failed(format!(
                "{detail}; {table}/{path} is damaged: a bit of it is another than when it was written"
            ));
        }
    }
    EngineError::Failed(detail)
}
