//! A data set, tokenised for training.

use crate::{Example, ExampleError, PromptTemplate, Row, RowId, Tokenizer, encode_row};

/// The rows that can be trained on, and the others with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// In the order of the rows.
    pub examples: Vec<Example>,
    /// Rows that no step will see: too long, empty, not expressible. In the
    /// order of the rows; a row is in exactly one of the two lists.
    pub left_out: Vec<ExampleError>,
}

impl Prepared {
    /// Ids of the rows to train on, in order: what a selector is a table over.
    pub fn ids(&self) -> Vec<RowId> {
        self.examples.iter().map(|e| e.id).collect()
    }
}

/// Tokenises `rows`. A row that does not fit `context` tokens is left out
/// whole, never cut: a cut answer would lose its end of text.
pub fn prepare(
    rows: &[Row],
    template: &PromptTemplate,
    tokenizer: &dyn Tokenizer,
    context: usize,
) -> Prepared {
    let mut prepared = Prepared::default();
    for row in rows {
        match encode_row(row, template, tokenizer, context) {
            Ok(example) => prepared.examples.push(example),
            Err(reason) => prepared.left_out.push(reason),
        }
    }
    if !prepared.left_out.is_empty() {
        tracing::warn!(
            left_out = prepared.left_out.len(),
            of = rows.len(),
            "rows are left out of training; first: {}",
            prepared.left_out[0]
        );
    }
    prepared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rows, TextTokenizer};

    #[test]
    fn every_row_is_prepared_or_listed() {
        let mut rows = Rows::new();
        rows.push("a", "b");
        rows.push("a", "");
        rows.push("a", "far too long for it");
        rows.push("c", "d");
        let rows = rows.into_vec();
        let tokenizer = TextTokenizer::train_bpe(&rows, 257).unwrap();
        let prepared = prepare(&rows, &PromptTemplate::bare(), &tokenizer, 8);
        assert_eq!(prepared.ids(), [rows[0].id, rows[3].id]);
        let left_out: Vec<RowId> = prepared.left_out.iter().map(ExampleError::id).collect();
        assert_eq!(left_out, [rows[1].id, rows[2].id]);
    }
}
