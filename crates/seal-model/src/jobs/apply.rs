//! A selector file onto other files of rows, by id.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use seal_data::{Row, RowId};
use seal_select::{SelectorFile, keep_top, rank};
use serde_json::json;

use super::select::SPEARMAN_TO_LOSS;
use crate::{ApplyError, ModelError};

/// A selector of given rows, made from a stored one.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Logits of the rows that the stored selector knows, ranked anew among themselves.
    pub selector: SelectorFile,
    /// Rows that it does not know; they are neither ranked nor kept.
    pub unknown: usize,
}

/// Ranks `rows` by the logits of the selector file `path` and keeps a share of them. A row
/// that stands there twice counts once.
///
/// # Errors
/// A file that is no selector, JSON lines, or that knows none of the rows; a share outside
/// (0, 1].
pub fn apply_selector(path: &Path, rows: &[Row], keep: f64) -> Result<Applied, ModelError> {
    let named = || path.to_owned();
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet")) {
        return Err(ApplyError::Parquet { path: named() }.into());
    }
    let bytes = fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => ApplyError::Missing { path: named() }.into(),
        _ => ModelError::io(path)(e),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| ApplyError::NotUtf8 { path: named() })?;
    let stored = SelectorFile::from_jsonl(&text)
        .map_err(|source| ApplyError::Damaged { path: named(), source })?;
    let known: BTreeMap<RowId, (f64, Option<f64>)> =
        stored.rows.iter().map(|row| (row.id, (row.omega, row.p))).collect();
    let mut seen = BTreeSet::new();
    let found: Vec<(RowId, f64, Option<f64>)> = rows
        .iter()
        .filter(|row| seen.insert(row.id))
        .filter_map(|row| known.get(&row.id).map(|(omega, p)| (row.id, *omega, *p)))
        .collect();
    if found.is_empty() {
        return Err(ApplyError::OtherRows { path: named(), rows: rows.len() }.into());
    }
    let unknown = rows.iter().filter(|row| !known.contains_key(&row.id)).count();
    let ids: Vec<RowId> = found.iter().map(|f| f.0).collect();
    let omega: Vec<f64> = found.iter().map(|f| f.1).collect();
    let weights: Option<Vec<f64>> = found.iter().map(|f| f.2).collect();
    let ranking = rank(&ids, &omega, 0)?;
    let kept = keep_top(&ranking, keep)?;
    let mut settings = stored.header.settings;
    settings.insert("keep".to_owned(), json!(keep));
    // It is of the rows that the selector was trained on, which these are a part of.
    settings.remove(SPEARMAN_TO_LOSS);
    let method = stored.header.method;
    let selector =
        SelectorFile::new(method, settings, &ids, &omega, weights.as_deref(), &ranking, kept)?;
    Ok(Applied { selector, unknown })
}
