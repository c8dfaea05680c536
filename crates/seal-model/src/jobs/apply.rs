//! A selector file onto other files of rows, by id.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use seal_data::{Row, RowId};
use seal_select::{SelectError, SelectorFile, keep_top, rank};
use serde_json::json;

use super::select::SPEARMAN_TO_LOSS;
use crate::ModelError;

/// A stored selector that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A selector in Parquet.
    #[error("{}: a selector is read from JSON lines; write it as .jsonl", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("{}: no such file", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is no text.
    #[error("{}: not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The file is no selector.
    #[error("{}: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SelectError,
    },
    /// The selector is of other rows.
    #[error(
        "{}: none of the {rows} rows stands in this selector; rows are found by id, which is a \
         hash of all that a row says",
        path.display()
    )]
    OtherRows {
        /// The file.
        path: PathBuf,
        /// Number of the rows to rank.
        rows: usize,
    },
}

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
