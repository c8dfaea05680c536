//! A batch in a form that does not depend on the order of its rows.

use std::ops::Range;

use crate::SelectError;

/// Scores of a batch, one entry a row, in row order.
#[derive(Debug)]
pub(crate) struct BatchScores {
    entries: Vec<(usize, f64)>,
}

impl BatchScores {
    /// Sorts the batch, takes its mean score off if `baseline`, and adds up
    /// the scores of a row that it names more than once.
    ///
    /// # Errors
    /// If lengths differ, the batch is empty, a row is not below `rows`, or a
    /// score is not finite.
    pub(crate) fn new(
        indices: &[usize],
        scores: &[f64],
        rows: usize,
        baseline: bool,
    ) -> Result<Self, SelectError> {
        SelectError::if_lengths_differ(
            ("batch indices", indices.len()),
            ("batch scores", scores.len()),
        )?;
        if indices.is_empty() {
            return Err(SelectError::NoRows { what: "a selector's batch" });
        }
        let mut pairs: Vec<(usize, f64)> =
            indices.iter().copied().zip(scores.iter().copied()).collect();
        for &(index, value) in &pairs {
            if index >= rows {
                return Err(SelectError::RowOutOfRange { index, rows });
            }
            if !value.is_finite() {
                return Err(SelectError::NotFinite { what: "the score", index, value });
            }
        }
        // The order of equal rows matters too: their scores are added up.
        pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mean = pairs.iter().map(|&(_, s)| s).sum::<f64>() / pairs.len() as f64;
        let offset = if baseline { mean } else { 0.0 };
        let mut entries: Vec<(usize, f64)> = Vec::with_capacity(pairs.len());
        for (row, score) in pairs {
            match entries.last_mut() {
                Some((last, total)) if *last == row => *total += score - offset,
                _ => entries.push((row, score - offset)),
            }
        }
        Ok(Self { entries })
    }

    /// (row, score), rows ascending and distinct.
    pub(crate) fn entries(&self) -> &[(usize, f64)] {
        &self.entries
    }

    /// Positions in [`entries`](Self::entries) of the rows in `rows`.
    pub(crate) fn within(&self, rows: Range<usize>) -> Range<usize> {
        let position = |row| self.entries.partition_point(|&(r, _)| r < row);
        position(rows.start)..position(rows.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_added_and_the_mean_counts_them() {
        let batch = BatchScores::new(&[7, 3, 7], &[1.0, 2.0, 6.0], 10, false).unwrap();
        assert_eq!(batch.entries(), [(3, 2.0), (7, 7.0)]);
        let centred = BatchScores::new(&[7, 3, 7], &[1.0, 2.0, 6.0], 10, true).unwrap();
        assert_eq!(centred.entries(), [(3, -1.0), (7, 1.0)]);
    }

    #[test]
    fn entries_are_found_by_row() {
        let batch = BatchScores::new(&[9, 0, 4], &[0.0; 3], 10, false).unwrap();
        assert_eq!(
            (batch.within(0..4), batch.within(4..8), batch.within(8..10)),
            (0..1, 1..2, 2..3)
        );
    }

    #[test]
    fn bad_batches_are_named() {
        let error =
            |i: &[usize], s: &[f64]| BatchScores::new(i, s, 5, false).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                error(&[1, 2], &[0.0]),
                error(&[], &[]),
                error(&[5], &[0.0]),
                error(&[4], &[f64::NAN]),
            ]
            .join("\n"),
            @r"
        batch indices: 2 entries, batch scores: 1; pass one per row in both
        a selector's batch needs at least one row
        batch names row 5, the selector has 5 rows: build the selector from the rows that are trained on
        the score of row 4 is NaN: check the loss and the learning rates before it
        "
        );
    }
}
