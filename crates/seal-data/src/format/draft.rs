//! A row between the file and the data set.

use crate::fields::UnusableRow;
use crate::{Extras, Json, Row, RowContent, RowId, Turn};

/// A row as read, before it is decided whether it is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub line: usize,
    pub row: usize,
    pub history: Vec<Turn>,
    pub prompt: String,
    pub response: String,
    pub rejected: Option<String>,
    pub steps: Vec<Turn>,
    pub prompt_extras: Extras,
    pub response_extras: Extras,
    pub tools: Option<Json>,
    pub is_unsafe: Option<bool>,
    pub category: Option<String>,
    /// What of the row decides its split.
    pub keys: SplitKeys,
    /// Hash of the key that the source's split goes by.
    pub group: u64,
    /// The last human turn, in an HH transcript.
    pub last_turn: Option<String>,
    /// Why the row cannot be used, if so.
    pub problem: Option<UnusableRow>,
}

/// Texts that a split may go by, besides the prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SplitKeys {
    /// The instruction without its input, where the two are told apart.
    pub instruction: Option<String>,
    /// The first human turn, in a dialogue.
    pub first_turn: Option<String>,
}

impl Draft {
    /// Characters of all that is said, of the answers the longer one.
    pub fn chars(&self) -> usize {
        let count = |text: &str| text.chars().count();
        let rejected = self.rejected.as_deref().map_or(0, count);
        let turns = self.history.iter().chain(&self.steps);
        let said: usize = turns.map(|turn| count(&turn.content)).sum();
        said + count(&self.prompt) + count(&self.response).max(rejected)
    }

    /// The row, without an id of its own.
    pub fn into_row(self) -> Row {
        Row {
            id: RowId::default(),
            prompt: self.prompt,
            response: self.response,
            is_unsafe: self.is_unsafe,
            category: self.category,
            rejected: self.rejected,
            history: self.history,
            steps: self.steps,
            prompt_extras: self.prompt_extras,
            response_extras: self.response_extras,
            tools: self.tools,
        }
    }

    /// Id of the first row with this content.
    pub fn id(&self) -> RowId {
        RowId::of_content(
            &RowContent {
                history: &self.history,
                prompt: &self.prompt,
                response: &self.response,
                steps: &self.steps,
                prompt_extras: &self.prompt_extras,
                response_extras: &self.response_extras,
                tools: self.tools.as_ref(),
            },
            0,
        )
    }
}
