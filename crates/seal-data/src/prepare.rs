//! A data set, tokenised for training.

use crate::{Dress, Example, ExampleError, Row, RowId, Tokenizer};

/// The rows that can be trained on, and the others with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// In the order of the rows.
    pub examples: Vec<Example>,
    /// Rows that no step will see: too long, empty, not expressible. In the
    /// order of the rows; a row is in exactly one of the two lists.
    pub left_out: Vec<ExampleError>,
    /// Rows to train on whose own text holds special tokens, with how many:
    /// whoever wrote it can end a turn and begin another.
    pub special_in_text: Vec<(RowId, usize)>,
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
    template: &dyn Dress,
    tokenizer: &dyn Tokenizer,
    context: usize,
) -> Prepared {
    let mut prepared = Prepared::default();
    for row in rows {
        match template.encode_row(row, tokenizer, context) {
            Ok(example) => {
                let said = row.messages();
                let special =
                    said.iter().map(|turn| tokenizer.special_in(&turn.content)).sum::<usize>()
                        + tokenizer.special_in(&row.response);
                if special > 0 {
                    prepared.special_in_text.push((row.id, special));
                }
                prepared.examples.push(example);
            }
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
    if let Some((first, n)) = prepared.special_in_text.first() {
        tracing::warn!(
            rows = prepared.special_in_text.len(),
            of = rows.len(),
            "rows hold special tokens in their own text, which the model takes for structure; \
             first: row {first}, {n} of them"
        );
    }
    prepared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PromptTemplate, Rows, TextTokenizer};

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
        assert_eq!(prepared.special_in_text, []);
    }

    #[test]
    fn special_tokens_in_a_text_are_counted() {
        let mut rows = Rows::new();
        rows.push("a", "b");
        rows.push("a<|endoftext|>b<|endoftext|>", "<|endoftext|>");
        let rows = rows.into_vec();
        let tokenizer = TextTokenizer::train_bpe(&rows, 257).unwrap();
        let prepared = prepare(&rows, &PromptTemplate::bare(), &tokenizer, 8);
        assert_eq!(prepared.special_in_text, [(rows[1].id, 3)]);
    }
}
