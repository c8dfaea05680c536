//! The rows of a user's file.

use std::path::Path;

use seal_data::{DataError, Dropped, EmptyAnswers, Row, Source, Undesirable, load_split};
use serde::Deserialize;

use crate::ModelError;
use crate::overrides::TableError;
use crate::remote::local_file;

/// The rows of a file, and those of it that cannot be used.
#[derive(Clone, Debug)]
pub struct FileRows {
    /// In file order.
    pub rows: Vec<Row>,
    /// Rows that are left out, with line and reason: the first ones of each reason.
    pub dropped: Vec<Dropped>,
    /// Number of all rows that are left out.
    pub left_out: usize,
}

/// A file of rows as a command line names it: its path, or the table that a config
/// has for it, such as `{ path = "rows.csv", columns = { prompt = "q", response = "a" } }`.
///
/// # Errors
/// [`ModelError::SourceTable`] for a table that is none of a source.
pub fn source_named(text: &str) -> Result<Source, ModelError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        source: Source,
    }
    if !text.trim_start().starts_with('{') {
        return Ok(Source::new(text));
    }
    let named: Named = toml::from_str(&format!("source = {text}"))
        .map_err(|e| ModelError::SourceTable { source: TableError::of(e.message()) })?;
    Ok(named.source)
}

/// The rows of a file, which have answers; its path may be an `hf://` address.
///
/// # Errors
/// As [`seal_data::load_split`]; a file of prompts.
pub fn read_rows(source: &Source) -> Result<FileRows, ModelError> {
    let read = read(Source { empty_answers: EmptyAnswers::Drop, ..source.clone() })?;
    if read.rows.iter().all(|row| row.response.trim().is_empty()) {
        return Err(ModelError::NoAnswers { path: source.path.clone() });
    }
    Ok(read)
}

/// As [`read_rows`], for the prompts alone: rows need no answer, and one that is labelled
/// as bad, as in KTO, leaves no prompt out.
///
/// # Errors
/// As [`seal_data::load_split`].
pub fn read_prompts(source: &Source) -> Result<FileRows, ModelError> {
    let (empty_answers, undesirable) = (EmptyAnswers::Keep, Undesirable::Keep);
    read(Source { empty_answers, undesirable, ..source.clone() })
}

fn read(mut source: Source) -> Result<FileRows, ModelError> {
    source.path = local_file(&source.path)?;
    let loaded = load_split(Path::new(""), std::slice::from_ref(&source)).map_err(|e| match e {
        DataError::UnknownFormat { .. } => {
            ModelError::Layout { path: source.path.clone(), source: Box::new(e) }
        }
        other => other.into(),
    })?;
    let left_out = loaded.dropped_rows();
    Ok(FileRows { rows: loaded.rows.into_vec(), dropped: loaded.dropped, left_out })
}
