//! A row between the file and the data set.

use crate::{DropReason, Turn};

/// A row as read, before it is decided whether it is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub line: usize,
    pub row: usize,
    pub history: Vec<Turn>,
    pub prompt: String,
    pub response: String,
    pub rejected: Option<String>,
    pub is_unsafe: Option<bool>,
    pub category: Option<String>,
    /// What of the row decides its split.
    pub keys: Keys,
    /// Hash of the key that the source's split goes by.
    pub group: u64,
    /// The last human turn, in an HH transcript.
    pub last_turn: Option<String>,
    /// Why the row cannot be used, if so.
    pub problem: Option<DropReason>,
}

/// Texts that a split may go by, besides the prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keys {
    /// The instruction without its input, where the two are told apart.
    pub instruction: Option<String>,
    /// The first human turn, in a dialogue.
    pub first_turn: Option<String>,
}

impl Draft {
    /// Characters of the earlier turns, the prompt and the longer of the answers.
    pub fn chars(&self) -> usize {
        let count = |text: &str| text.chars().count();
        let rejected = self.rejected.as_deref().map_or(0, count);
        let history: usize = self.history.iter().map(|turn| count(&turn.content)).sum();
        history + count(&self.prompt) + count(&self.response).max(rejected)
    }
}
