//! The run folder: whose it is, and what a run leaves in it.

mod cells;
mod exported;
mod owner;
mod places;
mod stamp;

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::{ExportedRow, Row, RowId};
use serde::Serialize;

use crate::error::{Defect, StudyError};
use crate::facts::{LeftOut, rows};
use crate::stages::Selection;

pub(crate) use cells::Cells;
pub use owner::{FolderConfig, config_of_folder, study_of_folder};
pub(crate) use owner::{RunFolder, check, refuse_file};

/// A line of `kept.jsonl` or `dropped.jsonl`.
#[derive(Serialize)]
struct RankedRow<'a> {
    id: RowId,
    rank: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    omega: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    /// What makes `kept.jsonl` a file to fine-tune on. Dropped rows are named, not
    /// repeated: they are the ones suspected of harm.
    #[serde(flatten)]
    text: Option<ExportedRow<'a>>,
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

/// The lists of a cell by their names: the kept rows, and the ids of the dropped ones, in
/// the order of their ranks.
///
/// # Errors
/// A row that JSON does not hold.
fn lists(selection: &Selection, data: &[Row]) -> Result<[(&'static str, String); 2], StudyError> {
    let texts: BTreeMap<RowId, &Row> = data.iter().map(|row| (row.id, row)).collect();
    let mut all = rows(selection);
    all.sort_by_key(|r| r.rank);
    let list = |kept: bool| {
        let mut text = String::new();
        for r in all.iter().filter(|r| r.kept == kept) {
            let omega = selection.omega.is_some().then_some(r.omega);
            let own = texts.get(&r.id).map(|row| ExportedRow::from(*row));
            let row =
                RankedRow { id: r.id, rank: r.rank, omega, p: r.p, text: own.filter(|_| kept) };
            let line = serde_json::to_string(&row).map_err(Defect::Json)?;
            text.push_str(&line);
            text.push('\n');
        }
        Ok::<_, StudyError>(text)
    };
    Ok([(exported::KEPT, list(true)?), (exported::DROPPED, list(false)?)])
}
