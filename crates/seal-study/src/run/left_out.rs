//! The list of rows that are not trained on.

use std::path::Path;

use seal_data::RowId;
use serde::Serialize;

use crate::error::{Defect, StudyError};

/// A row that is not trained on, and why.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) set: String,
    pub(crate) id: RowId,
    pub(crate) reason: String,
}

/// Lists the rows that are not trained on in `left-out.jsonl`, by id, with the
/// reason; no file where there are none.
///
/// # Errors
/// A link in its place; a file that cannot be written.
pub(crate) fn list_left_out(out: &Path, rows: &[LeftOut]) -> Result<(), StudyError> {
    let path = out.join("left-out.jsonl");
    if rows.is_empty() {
        seal_files::refuse_link(&path).map_err(StudyError::at_file(&path))?;
        return match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StudyError::io(&path)(e)),
            _ => Ok(()),
        };
    }
    tracing::warn!(rows = rows.len(), list = %path.display(), "rows left out of training");
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(row).map_err(Defect::Json)?;
        text.push('\n');
    }
    seal_files::write(&path, text.as_bytes()).map_err(StudyError::at_file(&path))
}
