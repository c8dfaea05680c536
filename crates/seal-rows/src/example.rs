//! Tokenised rows with their loss masks.

use std::ops::Range;

use crate::RowId;

/// A tokenised row. The loss is taken on `tokens[answer..]` without `skip`: on
/// the answer and its end-of-text token, never on the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The row it came from.
    pub id: RowId,
    /// Prompt, answer and end of text, in one sequence.
    pub tokens: Vec<u32>,
    /// Where the answer starts; at least 1, below `tokens.len()`.
    pub answer: usize,
    /// Stretches of tokens after `answer` that no loss is taken on: what lies
    /// between the answers of a conversation. In order, apart from each other,
    /// before the last token. Empty where one answer is trained on.
    pub skip: Vec<Range<usize>>,
}

impl Example {
    /// An example with one answer, from `answer` to the end of `tokens`.
    pub fn new(id: RowId, tokens: Vec<u32>, answer: usize) -> Self {
        Self { id, tokens, answer, skip: Vec::new() }
    }

    /// Number of tokens the loss is taken on.
    pub fn answer_len(&self) -> usize {
        self.tokens.len()
            - self.answer
            - self.skip.iter().map(ExactSizeIterator::len).sum::<usize>()
    }

    /// Indices of the tokens the loss is taken on, in order.
    pub fn supervised(&self) -> impl Iterator<Item = usize> {
        (self.answer..self.tokens.len()).filter(|at| !self.skip.iter().any(|s| s.contains(at)))
    }
}
