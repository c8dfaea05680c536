//! Rows of a data set from its sources.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::format::Draft;
use crate::record::read_records;
use crate::{DataError, EmptyAnswers, Format, RowId, Rows, Source, Turns, ids_hash};

/// Why a row of a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// The prompt is empty or white space.
    EmptyPrompt,
    /// The answer is empty or white space.
    EmptyAnswer,
    /// Prompt and answer are longer than the source allows.
    TooLong,
    /// HH: the transcripts differ before their last reply.
    Unpaired,
    /// HH: a text that does not start with a human turn and end in a reply.
    NoTranscript,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyPrompt => "the prompt is empty",
            Self::EmptyAnswer => "the answer is empty",
            Self::TooLong => "prompt and answer are longer than max_chars",
            Self::Unpaired => "chosen and rejected differ before the last reply",
            Self::NoTranscript => "not a transcript from a human turn to a reply",
        })
    }
}

/// A row of a file that is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dropped {
    /// Path of the file, as the source gives it.
    pub source: PathBuf,
    /// Line on which the row starts, from 1.
    pub line: usize,
    /// Number of the row in the file, from 1.
    pub row: usize,
    /// Why.
    pub reason: DropReason,
}

/// A data set as read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The rows, source after source, each in file order.
    pub rows: Rows,
    /// What was left out, in the same order.
    pub dropped: Vec<Dropped>,
    /// Prompts of a test that were left out since training data hold them.
    pub overlapping: BTreeSet<RowId>,
}

/// A data set in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSummary {
    /// Number of rows.
    pub rows: usize,
    /// Number of unsafe ones; `None` where no row is labelled.
    #[serde(rename = "unsafe")]
    pub unsafe_rows: Option<usize>,
    /// Number of rows that were dropped or left out.
    pub dropped: usize,
    /// See [`ids_hash`].
    pub ids_hash: String,
}

impl Loaded {
    /// Counts, and a hash that tells this data set from any other.
    pub fn summary(&self) -> SetSummary {
        let rows = self.rows.as_slice();
        let labelled = rows.iter().any(|r| r.is_unsafe.is_some());
        SetSummary {
            rows: rows.len(),
            unsafe_rows: labelled
                .then(|| rows.iter().filter(|r| r.is_unsafe == Some(true)).count()),
            dropped: self.dropped.len() + self.overlapping.len(),
            ids_hash: ids_hash(rows),
        }
    }

    /// Leaves the rows of `ids` out.
    pub(crate) fn leave_out(&mut self, ids: &BTreeSet<RowId>) {
        self.rows.retain(|row| !ids.contains(&row.id));
        self.overlapping.extend(ids);
    }
}

/// Reads the `sources` of one data set; relative paths start at `root`.
///
/// # Errors
/// A file that is missing, unreadable, or of another layout than it should be;
/// a source without a usable row, or with fewer than it is asked for.
pub fn load_split(root: &Path, sources: &[Source]) -> Result<Loaded, DataError> {
    let mut loaded = Loaded::default();
    if sources.is_empty() {
        return Err(DataError::NoSource);
    }
    for source in sources {
        let (before, dropped) = (loaded.rows.len(), loaded.dropped.len());
        load_source(root, source, &mut loaded)?;
        let (rows, dropped) = (loaded.rows.len() - before, loaded.dropped.len() - dropped);
        tracing::debug!(file = %source.path.display(), rows, dropped, "read");
        if rows == 0 {
            return Err(DataError::EmptySource { path: source.path.clone(), dropped });
        }
    }
    Ok(loaded)
}

fn load_source(root: &Path, source: &Source, loaded: &mut Loaded) -> Result<(), DataError> {
    let path = root.join(&source.path);
    let split = source.split.clone().unwrap_or_default();
    if !split.is_valid() {
        return Err(DataError::BadSplit { path, from: split.from, to: split.to });
    }
    let drafts = read_drafts(&path, source)?;
    let chosen = split.select(&drafts, source.skip, source.take).map_err(|usable| {
        let take = source.take.unwrap_or_default();
        DataError::TooFew { path: path.clone(), skip: source.skip, take, usable }
    })?;
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    for draft in chosen.into_iter().filter_map(|i| drafts[i].take()) {
        match draft.problem {
            Some(reason) => loaded.dropped.push(Dropped {
                source: source.path.clone(),
                line: draft.line,
                row: draft.row,
                reason,
            }),
            None => {
                let row = loaded.rows.push(draft.prompt, draft.response);
                row.is_unsafe = draft.is_unsafe;
                row.category = draft.category;
                row.rejected = draft.rejected;
            }
        }
    }
    Ok(())
}

/// All rows of the file, with the source's labels, and marked where they
/// cannot be used.
fn read_drafts(path: &Path, source: &Source) -> Result<Vec<Draft>, DataError> {
    let records = read_records(path)?;
    let Some(first) = records.first() else {
        return Err(DataError::EmptySource { path: path.to_owned(), dropped: 0 });
    };
    let format = match source.format {
        Some(format) => format,
        None => Format::detect(path, first)?,
    };
    let keep_empty = source.empty_answers == EmptyAnswers::Keep || !format.has_answers();
    let mut drafts = Vec::with_capacity(records.len());
    for record in &records {
        let mut draft = format.parse(path, record, source.unsafe_field.as_deref(), keep_empty)?;
        if let (Turns::Last, Some(turn)) = (source.turns, draft.last_turn.take()) {
            draft.prompt = turn;
        }
        let (line, row) = (draft.line, draft.row);
        if draft.problem.is_none() && draft.prompt.trim().is_empty() {
            draft.problem = Some(DropReason::EmptyPrompt);
        }
        if draft.problem.is_none() && !keep_empty && draft.response.trim().is_empty() {
            if source.empty_answers == EmptyAnswers::Refuse {
                return Err(DataError::EmptyAnswer { path: path.to_owned(), line, row });
            }
            draft.problem = Some(DropReason::EmptyAnswer);
        }
        if draft.problem.is_none() && source.max_chars.is_some_and(|max| draft.chars() > max) {
            draft.problem = Some(DropReason::TooLong);
        }
        if let Some(given) = source.is_unsafe {
            if let Some(own) = draft.is_unsafe.filter(|own| *own != given) {
                return Err(DataError::LabelConflict {
                    path: path.to_owned(),
                    line,
                    row,
                    own,
                    given,
                });
            }
            draft.is_unsafe = Some(given);
        }
        draft.category = draft.category.or_else(|| source.category.clone());
        drafts.push(draft);
    }
    Ok(drafts)
}
