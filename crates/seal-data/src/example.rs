//! Tokenised rows with their loss masks.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::chat::ChatError;
use crate::{Row, RowId, Tokenizer};

/// Turns rows into tokens: a prompt template, or a chat template.
pub trait Dress: Send + Sync {
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

    /// Tokens that end an answer when the model writes one.
    ///
    /// # Errors
    /// A chat template that takes no conversation at all.
    fn stops(&self, tokenizer: &dyn Tokenizer) -> Result<Vec<u32>, ExampleError> {
        Ok(tokenizer.stops())
    }
}

/// How a prompt is dressed before the answer; `{}` stands for the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PromptTemplate {
    before: String,
    after: String,
}

impl PromptTemplate {
    /// The template of the published code: `"Human: {}\nAssistant: "`.
    pub fn published() -> Self {
        Self { before: "Human: ".into(), after: "\nAssistant: ".into() }
    }

    /// The prompt and nothing else.
    pub fn bare() -> Self {
        Self { before: String::new(), after: String::new() }
    }

    /// `prompt`, dressed.
    pub fn render(&self, prompt: &str) -> String {
        format!("{}{prompt}{}", self.before, self.after)
    }
}

impl TryFrom<String> for PromptTemplate {
    type Error = String;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        match s.split_once("{}") {
            Some((before, after)) if !after.contains("{}") => {
                Ok(Self { before: before.into(), after: after.into() })
            }
            _ => Err(format!("a template has exactly one `{{}}` for the prompt; got {s:?}")),
        }
    }
}

impl From<PromptTemplate> for String {
    fn from(t: PromptTemplate) -> Self {
        format!("{}{{}}{}", t.before, t.after)
    }
}

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
    #[error("row {id}: {reason}")]
    Unencodable {
        /// The row.
        id: RowId,
        /// What the tokenizer said.
        reason: String,
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
            | Self::EmptyAnswer { id }
            | Self::EmptyPrompt { id }
            | Self::Unencodable { id, .. }
            | Self::Chat { id, .. } => *id,
        }
    }
}

/// Tokens of a dressed prompt, with a leading begin-of-text where there is one.
///
/// # Errors
/// As [`Dress::encode_prompt`].
pub fn encode_prompt(
    row: &Row,
    template: &dyn Dress,
    tokenizer: &dyn Tokenizer,
) -> Result<Vec<u32>, ExampleError> {
    template.encode_prompt(row, tokenizer)
}

/// Tokenises `row` for training.
///
/// # Errors
/// As [`Dress::encode_row`].
pub fn encode_row(
    row: &Row,
    template: &dyn Dress,
    tokenizer: &dyn Tokenizer,
    context: usize,
) -> Result<Example, ExampleError> {
    template.encode_row(row, tokenizer, context)
}

/// Prompt and answer are encoded apart, so the border between them is a border
/// between tokens, in training as when the model answers.
impl Dress for PromptTemplate {
    fn encode_prompt(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
    ) -> Result<Vec<u32>, ExampleError> {
        let mut tokens: Vec<u32> = tokenizer.bos().into_iter().collect();
        let text = self.render(&row.prompt);
        tokens.extend(
            tokenizer
                .encode(&text)
                .map_err(|reason| ExampleError::Unencodable { id: row.id, reason })?,
        );
        if tokens.is_empty() {
            return Err(ExampleError::EmptyPrompt { id: row.id });
        }
        Ok(tokens)
    }

    fn encode_row(
        &self,
        row: &Row,
        tokenizer: &dyn Tokenizer,
        context: usize,
    ) -> Result<Example, ExampleError> {
        let mut tokens = self.encode_prompt(row, tokenizer)?;
        let answer = tokens.len();
        let reply = tokenizer
            .encode(&row.response)
            .map_err(|reason| ExampleError::Unencodable { id: row.id, reason })?;
        if reply.is_empty() {
            return Err(ExampleError::EmptyAnswer { id: row.id });
        }
        tokens.extend(reply);
        tokens.push(tokenizer.eos());
        if tokens.len() > context {
            return Err(ExampleError::TooLong { id: row.id, tokens: tokens.len(), context });
        }
        Ok(Example::new(row.id, tokens, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes;
    impl Tokenizer for Bytes {
        fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
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

    #[test]
    fn a_template_has_one_hole() {
        assert!(PromptTemplate::try_from("no hole".to_owned()).is_err());
        assert!(PromptTemplate::try_from("{} {}".to_owned()).is_err());
        let t = PromptTemplate::try_from("Q: {} A:".to_owned()).unwrap();
        assert_eq!(t.render("x"), "Q: x A:");
        assert_eq!(String::from(t), "Q: {} A:");
    }
}
