//! A selector or a selection as text.
//!
//! One JSON object a line: a header with the format's version and the
//! settings, then a line a row,
//! `{"id","omega","p","rank","kept"}`. Rows are named by id, so that a file
//! can be applied to a set that was filtered or reordered since. Reading and
//! writing files is the caller's.

use std::collections::{BTreeMap, BTreeSet};

use seal_rows::RowId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::SelectError;

mod error;

pub use error::SelectorFormatError;

/// Version of the format that this crate writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// First line of a selector file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectorHeader {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Number of rows that follow.
    pub rows: usize,
    /// Where the logits come from: the name of a selector function, or of a
    /// baseline.
    pub method: String,
    /// Every setting that the result depends on, as its producer names them.
    pub settings: BTreeMap<String, Value>,
}

/// A row of a selector file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectorRow {
    /// The row's id.
    pub id: RowId,
    /// Logit, finite.
    pub omega: f64,
    /// Weight, where the method has weights.
    pub p: Option<f64>,
    /// Place in the ranking, from 1, the best.
    pub rank: usize,
    /// Whether the row is kept for fine-tuning.
    pub kept: bool,
}

/// A selector or a selection with its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectorFile {
    /// The settings.
    pub header: SelectorHeader,
    /// The rows, in the order of the fine-tuning set.
    pub rows: Vec<SelectorRow>,
}

impl SelectorFile {
    /// Puts a selection together. `weights` are the rows' p, where the method
    /// has any; `ranking` is from [`crate::rank`]; `kept` are positions.
    ///
    /// # Errors
    /// If lists differ in length, a number is not finite, an id occurs twice,
    /// `ranking` does not name each row once, or `kept` names a row that is
    /// not there.
    pub fn new(
        method: impl Into<String>,
        settings: BTreeMap<String, Value>,
        ids: &[RowId],
        omega: &[f64],
        weights: Option<&[f64]>,
        ranking: &[usize],
        kept: &[usize],
    ) -> Result<Self, SelectError> {
        let lists = [
            ("omega", omega.len()),
            ("weights", weights.map_or(ids.len(), <[f64]>::len)),
            ("ranking", ranking.len()),
        ];
        for list in lists {
            SelectError::if_lengths_differ(("row ids", ids.len()), list)?;
        }
        let out_of_range = |&&i: &&usize| i >= ids.len();
        if let Some(&index) = ranking.iter().chain(kept).find(out_of_range) {
            return Err(SelectError::RowOutOfRange { index, rows: ids.len() });
        }
        let mut rows: Vec<SelectorRow> = (0..ids.len())
            .map(|i| SelectorRow {
                id: ids[i],
                omega: omega[i],
                p: weights.map(|p| p[i]),
                rank: 0,
                kept: false,
            })
            .collect();
        for (place, &i) in ranking.iter().enumerate() {
            rows[i].rank = place + 1;
        }
        for &i in kept {
            rows[i].kept = true;
        }
        let header = SelectorHeader {
            format_version: FORMAT_VERSION,
            rows: rows.len(),
            method: method.into(),
            settings,
        };
        let file = Self { header, rows };
        file.check()?;
        Ok(file)
    }

    /// The file's text, with a newline after each line.
    ///
    /// # Errors
    /// If the contents would be refused by [`from_jsonl`](Self::from_jsonl).
    pub fn to_jsonl(&self) -> Result<String, SelectError> {
        self.check()?;
        let mut text = to_line(1, &self.header)?;
        for (i, row) in self.rows.iter().enumerate() {
            text.push_str(&to_line(i + 2, row)?);
        }
        Ok(text)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`SelectError::Format`] with the line, if the text is not a selector
    /// file of this version, breaks off, or names a row or a rank twice.
    pub fn from_jsonl(text: &str) -> Result<Self, SelectError> {
        /// The only field that files of every version have.
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }

        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let Version { format_version } = parse(1, "a header", first)?;
        check_version(format_version)?;
        let header: SelectorHeader = parse(1, "a header", first)?;
        let rows = lines
            .enumerate()
            .map(|(i, line)| parse(i + 2, "a row", line))
            .collect::<Result<_, _>>()?;
        let file = Self { header, rows };
        file.check()?;
        Ok(file)
    }

    /// Logits of the rows `ids`, in that order. The file may have more rows.
    ///
    /// # Errors
    /// [`SelectError::MissingRow`] for the first row that the file lacks.
    pub fn omega_of(&self, ids: &[RowId]) -> Result<Vec<f64>, SelectError> {
        let by_id: BTreeMap<RowId, f64> = self.rows.iter().map(|r| (r.id, r.omega)).collect();
        ids.iter()
            .map(|&id| by_id.get(&id).copied().ok_or(SelectError::MissingRow { id }))
            .collect()
    }

    pub(crate) fn check(&self) -> Result<(), SelectError> {
        check_version(self.header.format_version)?;
        let n = self.rows.len();
        if self.header.rows != n {
            let source = SelectorFormatError::RowCount { announced: self.header.rows, found: n };
            return Err(SelectError::Format { line: 1, source });
        }
        let mut seen = BTreeSet::new();
        let mut taken = vec![false; n];
        for (i, row) in self.rows.iter().enumerate() {
            row.check(&mut seen, &mut taken)
                .map_err(|source| SelectError::Format { line: i + 2, source })?;
        }
        Ok(())
    }
}

impl SelectorRow {
    fn check(
        &self,
        seen: &mut BTreeSet<RowId>,
        taken: &mut [bool],
    ) -> Result<(), SelectorFormatError> {
        for (name, value) in [("omega", Some(self.omega)), ("p", self.p)] {
            if let Some(value) = value.filter(|v| !v.is_finite()) {
                return Err(SelectorFormatError::NotFinite { name, value });
            }
        }
        if !seen.insert(self.id) {
            return Err(SelectorFormatError::RowTwice { id: self.id });
        }
        match taken.get_mut(self.rank.wrapping_sub(1)) {
            None => Err(SelectorFormatError::Rank { rank: self.rank }),
            Some(true) => Err(SelectorFormatError::RankTwice { rank: self.rank }),
            Some(free) => {
                *free = true;
                Ok(())
            }
        }
    }
}

fn check_version(format_version: u32) -> Result<(), SelectError> {
    if format_version == FORMAT_VERSION {
        return Ok(());
    }
    let source = SelectorFormatError::Version { found: format_version };
    Err(SelectError::Format { line: 1, source })
}

fn to_line(line: usize, value: &impl Serialize) -> Result<String, SelectError> {
    let json = serde_json::to_string(value).map_err(|e| not_json(line, "a line", e))?;
    Ok(json + "\n")
}

fn parse<T: DeserializeOwned>(
    line: usize,
    expected: &'static str,
    text: &str,
) -> Result<T, SelectError> {
    serde_json::from_str(text).map_err(|e| not_json(line, expected, e))
}

pub(crate) fn not_json(line: usize, expected: &'static str, e: serde_json::Error) -> SelectError {
    SelectError::Format {
        line,
        source: SelectorFormatError::Json { expected, reason: e.to_string() },
    }
}
