//! From rows to tokens.

use crate::chat::ChatError;
use crate::{EncodeError, Example, Row, RowId, Tokenizer};

/// Turns rows into tokens: a prompt template, or a chat template.
pub trait Template: Send + Sync {
    /// Tokens of the prompt, for an answer to follow.
    ///
    /// # Errors
    /// [`ExampleError`], but for [`ExampleError::TooLong`].
    fn encode_prompt(&self, row: &Row, tokenizer: &dyn Tokenizer)
    -> Result<Vec<u32>, ExampleError>;

    /// Prompt and answer, for training, in at most `context` tokens.
    ///
    /// # Errors
    /// [`ExampleError`].
    fn encode_row(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
        context: usize,
    ) -> Result<Example, ExampleError>;

    /// Turns of the row that the template has no place for: they are not in its tokens.
    fn unplaced(&self, _row: &Row) -> usize {
        0
    }

    /// Parts of `row` that the template does not write, by name: `tools`, `reasoning`,
    /// `tool_calls`. The model does not see them, and callers say so.
    fn unread(&self, _row: &Row) -> Vec<&'static str> {
        Vec::new()
    }

    /// Tokens that end an answer when the model writes one.
    ///
    /// # Errors
    /// A chat template that takes no conversation at all.
    fn stops(&self, tokenizer: &dyn Tokenizer) -> Result<Vec<u32>, ExampleError> {
        Ok(tokenizer.stops())
    }
}

/// Why a row cannot be trained on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExampleError {
    /// Prompt and answer do not fit.
    #[error("row {id}: {tokens} tokens, the context holds {context}")]
    TooLong {
        /// The row.
        id: RowId,
        /// Its length.
        tokens: usize,
        /// The longest that fits.
        context: usize,
    },
    /// A row so long that its tokens were not counted.
    #[error(
        "row {id}: a text of {bytes} bytes, far more than the {context} tokens that the context holds"
    )]
    FarTooLong {
        /// The row.
        id: RowId,
        /// Its length in bytes.
        bytes: usize,
        /// The most tokens that fit.
        context: usize,
    },
    /// The answer has no token to take a loss on.
    #[error("row {id}: the answer has no tokens")]
    EmptyAnswer {
        /// The row.
        id: RowId,
    },
    /// The prompt has no token to condition on.
    #[error("row {id}: the prompt has no tokens")]
    EmptyPrompt {
        /// The row.
        id: RowId,
    },
    /// The tokenizer cannot express the row.
    #[error("row {id}: {source}")]
    Unencodable {
        /// The row.
        id: RowId,
        /// Why.
        source: EncodeError,
    },
    /// The template has no place for a part of the row.
    #[error("row {id}: the template has no place for {part}; use a chat template that has one")]
    NoPlace {
        /// The row.
        id: RowId,
        /// What it has no place for.
        part: &'static str,
    },
    /// The chat template does not take the row.
    #[error("row {id}: {source}")]
    Chat {
        /// The row.
        id: RowId,
        /// What the template said.
        source: ChatError,
    },
}

impl ExampleError {
    /// The row that cannot be trained on.
    pub fn id(&self) -> RowId {
        match self {
            Self::TooLong { id, .. }
            | Self::FarTooLong { id, .. }
            | Self::EmptyAnswer { id }
            | Self::EmptyPrompt { id }
            | Self::Unencodable { id, .. }
            | Self::NoPlace { id, .. }
            | Self::Chat { id, .. } => *id,
        }
    }
}

/// Tokens of a prompt in its template, with a leading begin-of-text where there is one.
///
/// # Errors
/// As [`Template::encode_prompt`].
pub fn encode_prompt(
    row: &Row,
    template: &dyn Template,
    tokenizer: &dyn Tokenizer,
) -> Result<Vec<u32>, ExampleError> {
    template.encode_prompt(row, tokenizer)
}

/// Tokenises `row` for training.
///
/// # Errors
/// As [`Template::encode_row`].
pub fn encode_row(
    row: &Row,
    template: &dyn Template,
    tokenizer: &dyn Tokenizer,
    context: usize,
) -> Result<Example, ExampleError> {
    template.encode_row(row, tokenizer, context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PromptTemplate;

    struct Bytes;
    impl Tokenizer for Bytes {
        fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
            Ok(text.bytes().map(u32::from).collect())
        }
        fn decode(&self, tokens: &[u32]) -> String {
            tokens.iter().filter(|t| **t < 256).map(|t| *t as u8 as char).collect()
        }
        fn vocab_size(&self) -> usize {
            257
        }
        fn bos(&self) -> Option<u32> {
            None
        }
        fn eos(&self) -> u32 {
            256
        }
    }

    fn row(prompt: &str, response: &str) -> Row {
        let mut rows = crate::Rows::new();
        rows.push(prompt, response);
        rows.into_vec().remove(0)
    }

    #[test]
    fn the_loss_covers_the_answer_and_its_end() {
        let e = encode_row(&row("hi", "yo"), &PromptTemplate::published(), &Bytes, 64).unwrap();
        assert_eq!(Bytes.decode(&e.tokens[..e.answer]), "Human: hi\nAssistant: ");
        assert_eq!(Bytes.decode(&e.tokens[e.answer..]), "yo");
        assert_eq!(*e.tokens.last().unwrap(), 256);
        assert_eq!(e.answer_len(), 3);
    }

    #[test]
    fn what_cannot_be_trained_on_is_named() {
        let t = PromptTemplate::published();
        let long = encode_row(&row("hi", "yo"), &t, &Bytes, 10).unwrap_err();
        assert!(matches!(long, ExampleError::TooLong { tokens: 24, context: 10, .. }), "{long}");
        let empty = encode_row(&row("hi", ""), &t, &Bytes, 64).unwrap_err();
        assert!(matches!(empty, ExampleError::EmptyAnswer { .. }));
        let none = encode_row(&row("", "yo"), &PromptTemplate::bare(), &Bytes, 64).unwrap_err();
        assert!(matches!(none, ExampleError::EmptyPrompt { .. }));
    }
}
