//! Warnings about the rows of a set.

use std::fmt;

use crate::RowId;

/// What the tokens of a set do not show of its rows: for whoever makes the tokens, and for
/// whoever reads stored ones.
pub struct RowWarnings<'a> {
    /// Number of all rows.
    pub rows: usize,
    /// Number of rows that cannot be trained on.
    pub left_out: usize,
    /// Why the first of these cannot.
    pub first_left_out: Option<&'a dyn fmt::Display>,
    /// Rows whose own text holds special tokens, each with how many.
    pub special_in_text: &'a [(RowId, usize)],
    /// Rows with turns that the template has no place for, each with how many.
    pub unplaced: &'a [(RowId, usize)],
    /// Parts of rows that the template does not write, each with the number of rows.
    pub unread: Vec<(&'a str, usize)>,
}

impl RowWarnings<'_> {
    /// Writes one warning of each kind into the log.
    pub fn warn(&self) {
        let of = self.rows;
        if let Some(first) = self.first_left_out {
            tracing::warn!(
                left_out = self.left_out,
                of,
                "rows are left out of training; first: {first}"
            );
        }
        for (part, rows) in &self.unread {
            tracing::warn!(rows, of, "the template does not read `{part}` of rows");
        }
        if let Some((first, n)) = self.special_in_text.first() {
            tracing::warn!(
                rows = self.special_in_text.len(),
                of,
                "rows hold special tokens in their own text, which the model takes for structure; \
                 first: row {first}, {n} of them"
            );
        }
        if let Some((first, _)) = self.unplaced.first() {
            tracing::warn!(
                rows = self.unplaced.len(),
                of,
                "rows have a system turn, and the form of a prompt has no place for it: it is not \
                 in their tokens; template = \"chat\" keeps it; first: row {first}"
            );
        }
    }
}
