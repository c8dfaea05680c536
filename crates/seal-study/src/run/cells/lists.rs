//! The lists of a cell: its kept rows, and the ids of the dropped ones.

use std::collections::BTreeMap;

use seal_data::{ExportedRow, Row, RowId};
use serde::Serialize;

use super::exported::{DROPPED, KEPT};
use crate::error::{Defect, StudyError};
use crate::run::facts::rows;
use crate::stages::RowSelection;

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

/// The lists of a cell by their names: the kept rows, and the ids of the dropped ones, in
/// the order of their ranks.
///
/// # Errors
/// A row that JSON does not hold.
pub(super) fn lists(
    selection: &RowSelection,
    data: &[Row],
) -> Result<[(&'static str, String); 2], StudyError> {
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
    Ok([(KEPT, list(true)?), (DROPPED, list(false)?)])
}
