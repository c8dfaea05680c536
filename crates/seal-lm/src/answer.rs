//! Prompts, answers, and why there may be none.

use seal_data::RowId;

use crate::setting::SettingError;

/// A prompt to be continued.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Keys the draws of sampling.
    pub id: RowId,
    /// At least one token.
    pub tokens: Vec<u32>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// A stop token came.
    Stop,
    /// It has `max_new_tokens` tokens.
    Length,
    /// Prompt and answer fill the context of the model.
    Context,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The prompt it belongs to.
    pub id: RowId,
    /// Tokens up to, and without, the stop token.
    pub tokens: Vec<u32>,
    /// What ended it.
    pub finish: Finish,
}

/// Prompts that cannot be continued, or a model that cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// Settings outside their range.
    #[error(transparent)]
    Settings(#[from] SettingError),
    /// A prompt without a token.
    #[error("row {id}: the prompt is empty: there is no position to predict from")]
    Empty {
        /// The prompt.
        id: RowId,
    },
    /// A prompt that alone is longer than the context.
    #[error(
        "row {id}: the prompt has {tokens} tokens, the model's context \
         (max_position_embeddings) only {context}; shorten it or leave it out"
    )]
    TooLong {
        /// The prompt.
        id: RowId,
        /// Its length.
        tokens: usize,
        /// The model's `max_position_embeddings`.
        context: usize,
    },
    /// A token that the model has no embedding for.
    #[error(
        "row {id}: the prompt holds token {token}, the model knows {vocab_size}; is this its \
         tokenizer?"
    )]
    UnknownToken {
        /// The prompt.
        id: RowId,
        /// The token.
        token: u32,
        /// The model's vocabulary.
        vocab_size: usize,
    },
    /// Logits that no token can be chosen from.
    #[error(
        "row {id}: after {new_tokens} new tokens a logit is {value}; the model has diverged or \
         its weights are damaged"
    )]
    Logits {
        /// The prompt.
        id: RowId,
        /// Length of the answer so far.
        new_tokens: usize,
        /// NaN or an infinity.
        value: f32,
    },
}
