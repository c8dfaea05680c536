//! Selectors published with the paper.

use std::fs;
use std::path::{Path, PathBuf};

use seal_data::{EmptyAnswers, Source, load_split};
use seal_select::{
    KEEP_FRACTIONS, MAX_CHECKPOINT_BYTES, PublishedSelector, RowMapping, RowSet, SelectorFile,
    Separation, keep_top, rank, separation,
};
use serde_json::json;

use crate::StudyError;

/// A published selector, and what is known of its rows.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The checkpoint, a `.pt` file.
    pub checkpoint: PathBuf,
    /// Positions of the unsafe rows in the file it was trained on.
    pub unsafe_rows: Option<RowSet>,
    /// File with the positions that the length filter dropped, one a line.
    pub dropped: Option<PathBuf>,
    /// The rows it was trained on, unfiltered; they give the logits row ids.
    pub data: Option<PathBuf>,
    /// Where to write it as a selector file; needs `data`.
    pub file: Option<PathBuf>,
    /// Share of the rows to keep in that file.
    pub keep: f64,
}

/// A selector that was imported.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Its name inside the checkpoint.
    pub name: String,
    /// Number of logits.
    pub logits: usize,
    /// Number of rows of the unfiltered file.
    pub rows: usize,
    /// How it tells unsafe rows, where these are given.
    pub separation: Option<Separation>,
}

/// Reads a published selector, puts its logits back to their rows, and says how
/// it tells unsafe ones.
///
/// # Errors
/// A checkpoint that is not one tensor of logits, a file of dropped positions
/// or of rows that does not fit it, positions beyond its rows.
pub fn import_selector(request: &ImportRequest) -> Result<Imported, StudyError> {
    let selector = PublishedSelector::from_pt(&read(&request.checkpoint)?)?;
    let logits = selector.logits.len();
    let mapping = match &request.dropped {
        None => RowMapping::identity(logits),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(StudyError::io(path))?;
            let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
            RowMapping::parse_dropped(logits + lines, &text)?
        }
    };
    let placed = mapping.place(&selector.logits)?;
    let separation = match &request.unsafe_rows {
        Some(rows) => Some(separation(&placed, rows, &KEEP_FRACTIONS, 0)?),
        None => None,
    };
    if let (Some(data), Some(file)) = (&request.data, &request.file) {
        write(&selector.name, &placed, data, file, request.keep)?;
    }
    Ok(Imported { name: selector.name, logits, rows: placed.len(), separation })
}

fn read(path: &Path) -> Result<Vec<u8>, StudyError> {
    let bytes = fs::metadata(path).map_err(StudyError::io(path))?.len();
    if bytes > MAX_CHECKPOINT_BYTES as u64 {
        return Err(StudyError::Rows(format!(
            "{}: {bytes} bytes; a selector's checkpoint has at most {MAX_CHECKPOINT_BYTES}",
            path.display()
        )));
    }
    fs::read(path).map_err(StudyError::io(path))
}

/// Names the logits by the ids of their rows.
fn write(
    name: &str,
    placed: &[Option<f64>],
    data: &Path,
    file: &Path,
    keep: f64,
) -> Result<(), StudyError> {
    // Every row counts for its position, also one without an answer.
    let source = Source { empty_answers: EmptyAnswers::Keep, ..Source::new(data) };
    let loaded = load_split(Path::new("."), &[source])?;
    let rows = loaded.rows.as_slice();
    if !loaded.dropped.is_empty() || rows.len() != placed.len() {
        return Err(StudyError::Rows(format!(
            "{}: {} rows, of which {} cannot be read; the selector is of {} rows: give the \
             unfiltered file it was trained on, and what was dropped of it with --dropped",
            data.display(),
            rows.len() + loaded.dropped.len(),
            loaded.dropped.len(),
            placed.len()
        )));
    }
    let (ids, omega): (Vec<_>, Vec<f64>) =
        rows.iter().zip(placed).filter_map(|(row, w)| Some((row.id, (*w)?))).unzip();
    let ranking = rank(&ids, &omega, 0)?;
    let kept = keep_top(&ranking, keep)?;
    let settings = [("name".to_owned(), json!(name)), ("keep".to_owned(), json!(keep))].into();
    let selector = SelectorFile::new("published", settings, &ids, &omega, None, &ranking, kept)?;
    fs::write(file, selector.to_jsonl()?).map_err(StudyError::io(file))
}
