//! Rows of a data set from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dropped::reasons;
use crate::format::{Draft, Layout};
use crate::record::{Record, open_records};
use crate::{
    DataError, DropReason, Dropped, EmptyAnswers, Format, RowId, Rows, Source, Split, Turns,
    ids_hash,
};

/// A data set as read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The rows, source after source, each in file order.
    pub rows: Rows,
    /// What was left out, in the same order.
    pub dropped: Vec<Dropped>,
    /// Prompts of a test that were left out since training data hold them.
    pub overlapping: BTreeSet<RowId>,
    /// Where each row stands in its file.
    pub places: BTreeMap<RowId, Place>,
    /// Layout of each source, given or told from its first row.
    pub formats: Vec<Format>,
}

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of its source among those of the data set, from 0.
    pub source: usize,
    /// Line on which it starts, from 1; in Parquet its number.
    pub line: usize,
    /// Its number in the file, from 1.
    pub row: usize,
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
        self.places.retain(|id, _| !ids.contains(id));
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
    for (number, source) in sources.iter().enumerate() {
        let (before, dropped) = (loaded.rows.len(), loaded.dropped.len());
        load_source(root, source, number, &mut loaded)?;
        let (rows, dropped) = (loaded.rows.len() - before, &loaded.dropped[dropped..]);
        let why = reasons(dropped);
        let dropped = dropped.len();
        tracing::debug!(file = %source.path.display(), rows, dropped, why, "read");
        if rows == 0 {
            return Err(DataError::EmptySource { path: source.path.clone(), dropped, why });
        }
    }
    let repeated = loaded.rows.repeated();
    if repeated > 0 {
        let of = loaded.rows.len();
        tracing::info!(repeated, of, "rows repeat an earlier one; each copy has an id of its own");
    }
    Ok(loaded)
}

fn load_source(
    root: &Path,
    source: &Source,
    number: usize,
    loaded: &mut Loaded,
) -> Result<(), DataError> {
    let path = root.join(&source.path);
    let split = source.split.clone().unwrap_or_default();
    if !split.is_valid() {
        return Err(DataError::BadSplit { path, from: split.from, to: split.to });
    }
    let (format, drafts) = read_drafts(&path, source, &split)?;
    loaded.formats.push(format);
    let chosen = split.select(&drafts, source.skip, source.take).map_err(|usable| {
        let take = source.take.unwrap_or_default();
        DataError::TooFew { path: path.clone(), skip: source.skip, take, usable }
    })?;
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    for draft in chosen.into_iter().filter_map(|i| drafts[i].take()) {
        let Draft { line, row, .. } = draft;
        match draft.problem {
            Some(reason) => {
                let source = source.path.clone();
                loaded.dropped.push(Dropped { source, line, row, reason });
            }
            None => {
                let new = loaded.rows.push_dialogue(draft.history, draft.prompt, draft.response);
                new.is_unsafe = draft.is_unsafe;
                new.category = draft.category;
                new.rejected = draft.rejected;
                loaded.places.insert(new.id, Place { source: number, line, row });
            }
        }
    }
    Ok(())
}

/// The rows of the file in this share, with the source's labels, and marked
/// where they cannot be used. Every row is read and checked.
fn read_drafts(
    path: &Path,
    source: &Source,
    split: &Split,
) -> Result<(Format, Vec<Draft>), DataError> {
    let mut records = open_records(path)?;
    let Some(first) = records.next().transpose()? else {
        let path = path.to_owned();
        return Err(DataError::EmptySource { path, dropped: 0, why: String::new() });
    };
    let format = match source.columns.format(path, source.format, &first)? {
        Some(format) => format,
        None => Format::detect(path, &first)?,
    };
    let keep_empty = source.empty_answers == EmptyAnswers::Keep || !format.has_answers();
    let layout = Layout {
        format,
        columns: &source.columns,
        unsafe_field: source.unsafe_field.as_deref(),
        answers_optional: keep_empty,
    };
    tracing::debug!(file = %source.path.display(), ?format, "layout");
    let mut drafts = Vec::new();
    for record in std::iter::once(Ok(first)).chain(records) {
        let mut draft = draft(path, source, layout, &record?)?;
        if split.place(&mut draft) {
            drafts.push(draft);
        }
    }
    Ok((format, drafts))
}

/// One row as the source wants it.
fn draft(
    path: &Path,
    source: &Source,
    layout: Layout<'_>,
    record: &Record,
) -> Result<Draft, DataError> {
    let mut draft = layout.parse(path, record)?;
    let (line, row) = (draft.line, draft.row);
    let last_turn = draft.last_turn.take();
    if source.turns == Turns::Last {
        draft.history = Vec::new();
        draft.prompt = last_turn.unwrap_or(draft.prompt);
    }
    if draft.problem.is_none() && draft.prompt.trim().is_empty() {
        draft.problem = Some(DropReason::EmptyPrompt);
    }
    if draft.problem.is_none() && !layout.answers_optional && draft.response.trim().is_empty() {
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
            return Err(DataError::LabelConflict { path: path.to_owned(), line, row, own, given });
        }
        draft.is_unsafe = Some(given);
    }
    draft.category = draft.category.or_else(|| source.category.clone());
    Ok(draft)
}
