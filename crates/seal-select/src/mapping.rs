//! From the logits of a published selector back to the rows of its file.
//!
//! The authors' program drops rows before it numbers them, so logit i belongs
//! to the i-th row that was *not* dropped. Their fine-tuning then takes i for
//! a position in the whole file: from the first dropped row on, every row
//! gets the logit of a later one, and the last rows of the file get none. The
//! mapping here undoes the filter instead.

mod error;

pub use error::DroppedRowsError;

use crate::SelectError;

/// Prompts of so many tokens and more were dropped: the longest sequence of
/// 2,048 tokens less two for the response.
pub const PUBLISHED_PROMPT_LIMIT: usize = 2046;

/// Whether the authors' filter lets a row through. `prompt_tokens` are counted
/// with the tokenizer of the model that the selector was trained with.
pub fn survives_published_filter(prompt_tokens: usize, prompt: &str, response: &str) -> bool {
    prompt_tokens < PUBLISHED_PROMPT_LIMIT && !prompt.is_empty() && !response.is_empty()
}

/// Which rows of a file have a logit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMapping {
    /// Rows of the unfiltered file.
    rows: usize,
    /// Positions without a logit, rising.
    dropped: Vec<usize>,
}

impl RowMapping {
    /// A logit for each of `rows` rows.
    pub fn identity(rows: usize) -> Self {
        Self { rows, dropped: Vec::new() }
    }

    /// From the positions, from 0, of the dropped rows in a file of `rows`.
    ///
    /// # Errors
    /// [`SelectError::DroppedRows`] if they do not rise, or if one is not
    /// below `rows`.
    pub fn from_dropped(rows: usize, dropped: Vec<usize>) -> Result<Self, SelectError> {
        for (i, &row) in dropped.iter().enumerate() {
            let before = i.checked_sub(1).map(|i| dropped[i]);
            check_next(rows, before, row)
                .map_err(|source| SelectError::DroppedRows { line: i + 1, source })?;
        }
        Ok(Self { rows, dropped })
    }

    /// From the text of a list of dropped rows: a position a line, from 0 and
    /// rising. No line means that none was dropped.
    ///
    /// # Errors
    /// [`SelectError::DroppedRows`] with the line, as
    /// [`from_dropped`](Self::from_dropped), or for a line that is no number.
    pub fn parse_dropped(rows: usize, text: &str) -> Result<Self, SelectError> {
        let number = |(i, line): (usize, &str)| {
            line.trim().parse().map_err(|_| SelectError::DroppedRows {
                line: i + 1,
                source: DroppedRowsError::NoNumber { found: line.to_owned() },
            })
        };
        let dropped = text.lines().enumerate().map(number).collect::<Result<_, _>>()?;
        Self::from_dropped(rows, dropped)
    }

    /// From a flag a row of the unfiltered file: whether the row was kept. See
    /// [`survives_published_filter`].
    pub fn from_kept(kept: impl IntoIterator<Item = bool>) -> Self {
        let mut mapping = Self::identity(0);
        for kept in kept {
            if !kept {
                mapping.dropped.push(mapping.rows);
            }
            mapping.rows += 1;
        }
        mapping
    }

    /// Rows of the unfiltered file.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Positions of the dropped rows, rising.
    pub fn dropped(&self) -> &[usize] {
        &self.dropped
    }

    /// Number of rows with a logit.
    pub fn logits(&self) -> usize {
        self.rows - self.dropped.len()
    }

    /// Positions of the rows with a logit, rising: the i-th is that of logit i.
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        let mut dropped = self.dropped.iter().peekable();
        (0..self.rows).filter(move |row| dropped.next_if_eq(&row).is_none())
    }

    /// Puts each logit at its row: one entry a row of the unfiltered file,
    /// `None` for a dropped one.
    ///
    /// # Errors
    /// [`SelectError::UnmappedLogits`] if there are more or fewer logits than
    /// rows that were kept.
    pub fn place(&self, logits: &[f64]) -> Result<Vec<Option<f64>>, SelectError> {
        if logits.len() != self.logits() {
            return Err(SelectError::UnmappedLogits {
                logits: logits.len(),
                rows: self.rows,
                dropped: self.dropped.len(),
            });
        }
        let mut placed = vec![None; self.rows];
        for (row, &logit) in self.positions().zip(logits) {
            placed[row] = Some(logit);
        }
        Ok(placed)
    }
}

fn check_next(rows: usize, before: Option<usize>, row: usize) -> Result<(), DroppedRowsError> {
    match before {
        Some(before) if row == before => Err(DroppedRowsError::Twice { row }),
        Some(before) if row < before => Err(DroppedRowsError::Falls { row, before }),
        _ if row >= rows => Err(DroppedRowsError::Outside { row, rows }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{keep_top, rank_positions};

    #[test]
    fn each_row_gets_its_own_logit_back() {
        // A row's logit tells which row it is.
        let rows = 1000;
        let kept = |row: usize| row < 400 || !row.is_multiple_of(37);
        let filtered: Vec<f64> = (0..rows).filter(|&r| kept(r)).map(|r| r as f64).collect();
        let mapping = RowMapping::from_kept((0..rows).map(kept));
        assert_eq!((mapping.rows(), mapping.logits()), (rows, filtered.len()));
        for (row, logit) in mapping.place(&filtered).unwrap().into_iter().enumerate() {
            assert_eq!(logit, kept(row).then_some(row as f64));
        }
        let text: String = mapping.dropped().iter().map(|row| format!("{row}\n")).collect();
        assert_eq!(RowMapping::parse_dropped(rows, &text), Ok(mapping));
    }

    /// What fine-tuning on positions of the filtered list does instead.
    #[test]
    fn taking_logits_by_position_drifts() {
        // 100 rows, good and bad in turn after an unsafe block; five dropped.
        let bad = |row: usize| row < 20 || row.is_multiple_of(2);
        let dropped = vec![30, 41, 50, 60, 71];
        let mapping = RowMapping::from_dropped(100, dropped.clone()).unwrap();
        let logits: Vec<f64> =
            mapping.positions().map(|row| if bad(row) { -1.0 } else { 1.0 }).collect();

        // Mapped: the 38 good rows that have a logit are the best 38.
        let order = rank_positions(&logits, 0).unwrap();
        let best = keep_top(&order, 0.4).unwrap();
        assert_eq!(best.len(), 38);
        let positions: Vec<usize> = mapping.positions().collect();
        assert!(best.iter().all(|&i| !bad(positions[i])));

        // By position: right before the first dropped row.
        assert!(best.iter().all(|&i| i >= 30 || !bad(i)));
        // Behind it a logit lands 1 to 5 rows too early, on a bad row where
        // that number is odd.
        let wrong: Vec<usize> = best.iter().copied().filter(|&i| bad(i)).collect();
        assert_eq!(wrong.len(), 24, "{wrong:?}");
        // A dropped row can be chosen, and the last five rows never.
        assert!(dropped.iter().any(|row| best.contains(row)));
        assert!(best.iter().all(|&i| i < 95));
    }

    #[test]
    fn the_published_filter() {
        assert!(survives_published_filter(2045, "p", "r"));
        assert!(!survives_published_filter(2046, "p", "r"));
        assert!(!survives_published_filter(0, "", "r"));
        assert!(!survives_published_filter(1, "p", ""));
    }

    #[test]
    fn bad_lists_are_refused_by_line() {
        let errors = ["3\n7\n5\n", "3\n3\n", "3\n\n4\n", "-1", "1e3", "9\n10", "1,2,3"]
            .map(|text| RowMapping::parse_dropped(10, text).unwrap_err().to_string());
        insta::assert_snapshot!(errors.join("\n"), @"
        dropped rows, line 3: row 5 comes after row 7; expected is one row number a line, from 0, rising
        dropped rows, line 2: row 3 is there twice; expected is one row number a line, from 0, rising
        dropped rows, line 2: `` is no row number; expected is one row number a line, from 0, rising
        dropped rows, line 1: `-1` is no row number; expected is one row number a line, from 0, rising
        dropped rows, line 1: `1e3` is no row number; expected is one row number a line, from 0, rising
        dropped rows, line 2: row 10 is not in the file, which has 10 rows numbered from 0; expected is one row number a line, from 0, rising
        dropped rows, line 1: `1,2,3` is no row number; expected is one row number a line, from 0, rising
        ");
        assert_eq!(RowMapping::parse_dropped(10, ""), Ok(RowMapping::identity(10)));
        let windows = RowMapping::parse_dropped(10, "3\r\n9\r\n").unwrap();
        assert_eq!(windows.dropped(), [3, 9]);
        insta::assert_snapshot!(windows.place(&[0.0; 10]).unwrap_err(), @"10 logits, but 2 of 10 rows dropped leave 8: check that the rows are those of the published file, and that they were filtered with the tokenizer of the selector's model");
    }

    proptest! {
        #[test]
        fn flags_lists_and_positions_agree(kept in prop::collection::vec(any::<bool>(), 0..200)) {
            let mapping = RowMapping::from_kept(kept.iter().copied());
            let from_list = RowMapping::from_dropped(kept.len(), mapping.dropped().to_vec());
            prop_assert_eq!(Ok(&mapping), from_list.as_ref());
            let logits: Vec<f64> = mapping.positions().map(|row| row as f64).collect();
            let placed = mapping.place(&logits).unwrap();
            prop_assert_eq!(placed.iter().map(Option::is_some).collect::<Vec<_>>(), kept);
            prop_assert_eq!(placed.into_iter().flatten().collect::<Vec<_>>(), logits);
        }
    }
}
