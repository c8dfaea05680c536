//! Rows of a data set from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dropped::{UnusedFields, reasons, say_unused};
use crate::format::{Draft, Layout};
use crate::reader::Reader;
use crate::record::Record;
use crate::seed::hash64;
use crate::{
    DataError, DropReason, Dropped, EmptyAnswers, Format, Row, RowId, Rows, Source, Turns,
    Unlisted, Unused, ids_hash,
};

/// A data set as read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The rows, source after source, each in file order.
    pub rows: Rows,
    /// What was left out, in the same order: of each source and reason the first
    /// [`MAX_LISTED`](crate::MAX_LISTED) rows.
    pub dropped: Vec<Dropped>,
    /// How many more were left out.
    pub unlisted: Vec<Unlisted>,
    /// Prompts of a test that were left out since training data hold them.
    pub overlapping: BTreeSet<RowId>,
    /// Where each row stands in its file.
    pub places: BTreeMap<RowId, RowLocation>,
    /// Layout of each source, given or told from its first rows.
    pub formats: Vec<Format>,
    /// Fields of each source that are not used although there is text in them.
    pub unused: Vec<Unused>,
}

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowLocation {
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
            dropped: self.dropped_rows() + self.overlapping.len(),
            ids_hash: ids_hash(rows),
        }
    }

    /// Number of rows of the files that were left out, listed or not.
    pub fn dropped_rows(&self) -> usize {
        count(&self.dropped, &self.unlisted)
    }

    /// Where rows were left out for damage of their file, in words: how many of a file,
    /// why, and where the first of them stands.
    pub fn damage(&self) -> Vec<String> {
        let damaged = self.dropped.iter().filter(|row| row.reason.is_damage()).cloned();
        let damaged: Vec<Dropped> = damaged.collect();
        let of_file = |rows: &[Dropped]| {
            let (source, line) = (&rows[0].source, rows[0].line);
            let more = self.unlisted.iter().filter(|u| u.source == *source && u.reason.is_damage());
            let more: Vec<Unlisted> = more.cloned().collect();
            let (n, why) = (count(rows, &more), reasons(rows, &more));
            format!("{}: {n} rows left out ({why}), the first on line {line}", source.display())
        };
        damaged.chunk_by(|a, b| a.source == b.source).map(of_file).collect()
    }

    /// Leaves the rows of `ids` out.
    pub(crate) fn leave_out(&mut self, ids: &BTreeSet<RowId>) {
        self.keep(|row| !ids.contains(&row.id));
        self.overlapping.extend(ids);
    }

    /// Leaves out what is over the limit.
    pub(crate) fn cut(&mut self, limit: Option<usize>) {
        let rows = self.rows.as_slice();
        let Some(highest) = limit.and_then(|limit| limit_rank(rows, limit)) else { return };
        self.keep(|row| rank(row) <= highest);
    }

    fn keep(&mut self, is_kept: impl Fn(&Row) -> bool) {
        let places = &mut self.places;
        self.rows.retain(|row| {
            let kept = is_kept(row);
            if !kept {
                places.remove(&row.id);
            }
            kept
        });
    }
}

fn count(listed: &[Dropped], unlisted: &[Unlisted]) -> usize {
    listed.len() + unlisted.iter().map(|more| more.rows).sum::<usize>()
}

/// What decides which rows a limit keeps.
fn rank(row: &Row) -> u64 {
    hash64(&["limit".into(), (&row.id).into()])
}

/// The highest rank among the `limit` lowest; `None` where no row is over the limit.
fn limit_rank(rows: &[Row], limit: usize) -> Option<u64> {
    let mut ranks: Vec<u64> =
        if rows.len() > limit { rows.iter().map(rank).collect() } else { return None };
    Some(*ranks.select_nth_unstable(limit.saturating_sub(1)).1)
}

/// Leaves at most `limit` of `rows`, at least 1: those with the lowest hash of their
/// ids, in their order. A sample that does not depend on where rows stand.
pub fn limit_rows(rows: &mut Vec<Row>, limit: usize) {
    if let Some(highest) = limit_rank(rows, limit) {
        rows.retain(|row| rank(row) <= highest);
    }
}

/// Reads the `sources` of one data set; relative paths start at `root`.
///
/// # Errors
/// A file that is missing, unreadable, or of another layout than it should be;
/// a source without a usable row, or with fewer than it is asked for.
pub fn load_split(root: &Path, sources: &[Source]) -> Result<Loaded, DataError> {
    load_part(root, sources, None)
}

/// As [`load_split`], with no more than `limit` of the rows, those of
/// [`limit_rows`]. Few others are held at any time.
pub(crate) fn load_part(
    root: &Path,
    sources: &[Source],
    limit: Option<usize>,
) -> Result<Loaded, DataError> {
    let loaded = load_quietly(root, sources, limit)?;
    say_unused(&loaded.unused);
    Ok(loaded)
}

/// As [`load_part`], for rows that were read before: fields that are not used were
/// named then.
pub(crate) fn load_quietly(
    root: &Path,
    sources: &[Source],
    limit: Option<usize>,
) -> Result<Loaded, DataError> {
    let mut loaded = Loaded::default();
    if sources.is_empty() {
        return Err(DataError::NoSource);
    }
    for (number, source) in sources.iter().enumerate() {
        let (listed, unlisted) = (loaded.dropped.len(), loaded.unlisted.len());
        let mut reader = Reader::new(source, number, limit, &mut loaded);
        reader.read(&root.join(&source.path))?;
        let Reader { rows, odd, first_odd, .. } = reader;
        let (listed, unlisted) = (&loaded.dropped[listed..], &loaded.unlisted[unlisted..]);
        let (dropped, why) = (count(listed, unlisted), reasons(listed, unlisted));
        tracing::debug!(file = %source.path.display(), rows, dropped, why, "read");
        if odd > 0 && rows > 0 {
            let of = rows + dropped;
            tracing::warn!(file = %source.path.display(), odd, of, why, "what is no row is left out");
        }
        if rows == 0 {
            return Err(match first_odd {
                // Nothing in it is a row: what is wrong with the first says more.
                Some(error) if odd == dropped => error,
                _ => DataError::EmptySource { path: root.join(&source.path), dropped, why },
            });
        }
    }
    loaded.cut(limit);
    let repeated = loaded.rows.repeated();
    if repeated > 0 {
        let of = loaded.rows.len();
        tracing::info!(repeated, of, "rows repeat an earlier one; each copy has an id of its own");
    }
    Ok(loaded)
}

/// One reading of a row as the source wants it.
pub(crate) fn draft(
    path: &Path,
    source: &Source,
    layout: Layout<'_>,
    record: &Record,
    unused: &mut UnusedFields,
) -> Result<Draft, DataError> {
    let mut draft = layout.parse(record, unused);
    let (line, row) = (draft.line, draft.row);
    let last_turn = draft.last_turn.take();
    if source.turns == Turns::Last {
        draft.history = Vec::new();
        draft.prompt = last_turn.unwrap_or(draft.prompt);
    }
    if draft.problem.is_none() && draft.prompt.trim().is_empty() {
        draft.problem = Some(DropReason::EmptyPrompt.into());
    }
    if draft.problem.is_none() && !layout.answers_optional && draft.response.trim().is_empty() {
        if source.empty_answers == EmptyAnswers::Refuse {
            return Err(DataError::EmptyAnswer { path: path.to_owned(), line, row });
        }
        draft.problem = Some(DropReason::EmptyAnswer.into());
    }
    if draft.problem.is_none() && source.max_chars.is_some_and(|max| draft.chars() > max) {
        draft.problem = Some(DropReason::TooLong.into());
    }
    if let Some(given) = source.is_unsafe {
        if let Some(in_row) = draft.is_unsafe.filter(|label| *label != given) {
            let (path, in_source) = (path.to_owned(), given);
            return Err(DataError::LabelConflict { path, line, row, in_row, in_source });
        }
        draft.is_unsafe = Some(given);
    }
    draft.category = draft.category.or_else(|| source.category.clone());
    Ok(draft)
}
