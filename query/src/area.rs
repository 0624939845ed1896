//! The `area` parameter: an area of the registry as it is now.

use domain::registry::Layout;

use crate::language::Text;
use crate::parameter::{AREA, Arguments, FaultKind};
use crate::problem::Problem;

/// The area's place in the layout. One that does not exist is a fault: an empty answer would hide a misspelt id.
pub fn asked(arguments: &Arguments, layout: &Layout) -> Result<Option<usize>, Problem> {
    let Some(id) = arguments.object(AREA.name) else {
        return Ok(None);
    };
    match layout.area_by_id.get(&id) {
        Some(place) => Ok(Some(*place)),
        None => Err(Problem::parameter(AREA.name, FaultKind::Other(UNKNOWN))),
    }
}

const UNKNOWN: Text = Text { en: "there is no such area now", vi: "hiện không có khu vực này" };
