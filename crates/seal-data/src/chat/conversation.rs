//! Conversations: who says what, as text and as tokens.

use std::ops::Range;

use crate::Row;
use crate::tokenize::TokenSpan;

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks: `system`, `user` or `assistant`; templates decide what they take.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// The role of whom the loss is taken on.
    pub const ASSISTANT: &'static str = "assistant";

    /// A turn of `role`.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }

    /// A turn of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// A turn of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Self::ASSISTANT, content)
    }

    pub(super) fn is_answer(&self) -> bool {
        self.role == Self::ASSISTANT
    }

    /// The turns of a row up to its answer.
    pub(super) fn prompt_of(row: &Row) -> Vec<Self> {
        row.messages().into_iter().map(|turn| Self::new(turn.role.name(), turn.content)).collect()
    }
}

/// A rendered and encoded conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The text, special tokens included.
    pub text: String,
    /// Its tokens, each with its bytes of `text`.
    pub tokens: Vec<TokenSpan>,
    /// Stretches of `tokens` that a loss is taken on: in order, apart from
    /// each other, none empty.
    pub trained: Vec<Range<usize>>,
    /// Whether the first trained token also holds characters from before the
    /// answer: the model then meets other tokens there when it answers.
    pub border_inside_token: bool,
}

impl Conversation {
    /// Whether a loss is taken on token `at`.
    pub fn is_trained(&self, at: usize) -> bool {
        self.trained.iter().any(|r| r.contains(&at))
    }
}
