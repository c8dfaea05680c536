//! Selectors published with the paper.

use std::fs;
use std::path::{Path, PathBuf};

use seal_data::{DropReason, EmptyAnswers, PromptTemplate, Row, Source, TokenCounter, load_split};
use seal_select::{
    KEEP_FRACTIONS, MAX_CHECKPOINT_BYTES, PublishedSelector, RowMapping, RowSet, SelectorFile,
    Separation, keep_top, rank, separation, survives_published_filter,
};
use serde_json::json;

use super::kept::write_kept;
use super::selector_file::write_selector_file;
use crate::remote::local_file;
use crate::{Defect, ImportError, ImportOutput, ModelError};

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
    pub data: Option<Source>,
    /// `tokenizer.json` of the model it was trained with: the length filter is
    /// then applied to `data` anew, instead of reading `dropped`.
    pub tokenizer: Option<PathBuf>,
    /// Where to write it as a selector file; needs `data`.
    pub file: Option<PathBuf>,
    /// Where to write the kept rows, each as it stands in `data`; needs `data`.
    pub kept: Option<PathBuf>,
    /// Share of the rows to keep in these files.
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
/// or of rows that does not fit it, positions beyond its rows, a file to write without rows
/// whose ids it would hold.
pub fn import_selector(request: &ImportRequest) -> Result<Imported, ModelError> {
    for (file, output) in
        [(&request.file, ImportOutput::Selector), (&request.kept, ImportOutput::KeptRows)]
    {
        if let (Some(_), None) = (file, &request.data) {
            return Err(ImportError::NoIds { output }.into());
        }
    }
    let path = || request.checkpoint.clone();
    let selector = PublishedSelector::from_pt(&read(&request.checkpoint)?)
        .map_err(|source| ImportError::Checkpoint { path: path(), source })?;
    let logits = selector.logits.len();
    let rows = request.data.as_ref().map(Unfiltered::read).transpose()?;
    let mapping = match (&request.dropped, &request.tokenizer, &rows) {
        (None, None, _) => RowMapping::identity(logits),
        (None, Some(tokenizer), Some(rows)) => rows.published_filter(tokenizer)?,
        (_, Some(_), _) => {
            return Err(ImportError::Tokenizer.into());
        }
        (Some(path), None, _) => {
            let bytes = read(path)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| ImportError::NotUtf8 { path: path.clone() })?;
            let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
            RowMapping::parse_dropped(logits + lines, &text)?
        }
    };
    let placed = mapping.place(&selector.logits)?;
    if let Some(rows) = &rows {
        rows.fits(placed.len())?;
    }
    let separation = match &request.unsafe_rows {
        Some(rows) => Some(separation(&placed, rows, &KEEP_FRACTIONS, 0)?),
        None => None,
    };
    if let (Some(rows), Some(data)) = (&rows, &request.data)
        && (request.file.is_some() || request.kept.is_some())
    {
        let named = rows.named(&selector.name, &placed, request.keep)?;
        if let Some(file) = &request.file {
            write_selector_file(&named, file)?;
        }
        if let Some(kept) = &request.kept {
            write_kept(data, &named, kept)?;
        }
    }
    Ok(Imported { name: selector.name, logits, rows: placed.len(), separation })
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let named = || path.to_owned();
    let found = fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => ImportError::Missing { path: named() }.into(),
        _ => ModelError::io(path)(e),
    })?;
    let bytes = found.len();
    if bytes > MAX_CHECKPOINT_BYTES as u64 {
        return Err(ImportError::TooLarge { path: named(), bytes }.into());
    }
    fs::read(path).map_err(ModelError::io(path))
}

/// The rows of a selector before its length filter, each at its position.
struct Unfiltered<'a> {
    path: &'a Path,
    /// `None` where the prompt is empty: such a row has no id.
    rows: Vec<Option<Row>>,
}

impl<'a> Unfiltered<'a> {
    fn read(source: &'a Source) -> Result<Self, ModelError> {
        let path = &source.path;
        let whole = Source::new(path);
        let part = (&source.split, source.skip, source.take, source.max_chars);
        if part != (&whole.split, whole.skip, whole.take, whole.max_chars) {
            return Err(ImportError::Part { path: path.clone() }.into());
        }
        // Every row counts for its position, also one without an answer.
        let (local, empty_answers) = (local_file(path)?, EmptyAnswers::Keep);
        let source = Source { path: local, empty_answers, ..source.clone() };
        let loaded = load_split(Path::new(""), &[source])?;
        let mut rows = vec![None; loaded.rows.len() + loaded.dropped_rows()];
        if let Some(other) = loaded.dropped.iter().find(|d| d.reason != DropReason::EmptyPrompt) {
            let (row, reason) = (other.row, other.reason.to_string());
            return Err(ImportError::Dropped { path: path.clone(), row, reason }.into());
        }
        for row in loaded.rows.into_vec() {
            let place = loaded.places.get(&row.id).map(|place| place.row - 1);
            let place = place.filter(|place| *place < rows.len());
            let Some(place) = place else {
                return Err(Defect::NoPlace { id: row.id }.into());
            };
            rows[place] = Some(row);
        }
        Ok(Self { path, rows })
    }

    /// The filter of the published code, with this tokenizer.
    fn published_filter(&self, tokenizer: &Path) -> Result<RowMapping, ModelError> {
        let counter = TokenCounter::from_file(tokenizer)?;
        let template = PromptTemplate::published();
        let mut kept = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            kept.push(match row {
                None => false,
                Some(row) => {
                    let tokens = counter.count(&template.render(&row.prompt)).map_err(|e| {
                        let (path, reason) = (self.path.to_owned(), e.to_string());
                        ImportError::Tokens { path, row: row.id, reason }
                    })?;
                    survives_published_filter(tokens, &row.prompt, &row.response)
                }
            });
        }
        Ok(RowMapping::from_kept(kept))
    }

    /// Refuses rows that are not as many as the selector is of.
    fn fits(&self, selector: usize) -> Result<(), ModelError> {
        if self.rows.len() == selector {
            return Ok(());
        }
        let path = self.path.to_owned();
        Err(ImportError::Rows { path, rows: self.rows.len(), selector }.into())
    }

    /// The logits under the ids of their rows.
    fn named(
        &self,
        name: &str,
        placed: &[Option<f64>],
        keep: f64,
    ) -> Result<SelectorFile, ModelError> {
        let named = self.rows.iter().zip(placed);
        let (ids, omega): (Vec<_>, Vec<f64>) =
            named.filter_map(|(row, w)| Some((row.as_ref()?.id, (*w)?))).unzip();
        let ranking = rank(&ids, &omega, 0)?;
        let kept = keep_top(&ranking, keep)?;
        let settings = [("name".to_owned(), json!(name)), ("keep".to_owned(), json!(keep))].into();
        Ok(SelectorFile::new("published", settings, &ids, &omega, None, &ranking, kept)?)
    }
}
