//! A data set as it was read: its rows, and what was left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::dropped::reasons;
use crate::seed::hash64;
use crate::{Dropped, Format, Row, RowId, Rows, Unlisted, Unused, ids_hash};

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

/// Number of rows that were left out, listed or not.
pub(crate) fn count(listed: &[Dropped], unlisted: &[Unlisted]) -> usize {
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
