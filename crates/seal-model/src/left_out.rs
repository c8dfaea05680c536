//! Rows that cannot be trained on, with their reasons.

use std::fmt;

use seal_data::{ExampleError, RowId};
use serde::{Deserialize, Serialize};

/// A row that cannot be trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutRow {
    /// The row.
    pub id: RowId,
    /// Why, as a kind to count by.
    pub kind: LeftOutKind,
    /// Why, in words that name the row and show none of its text.
    pub reason: String,
}

/// Why a row cannot be trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOutKind {
    /// The context does not hold it.
    TooLong,
    /// The answer has no tokens.
    EmptyAnswer,
    /// The prompt has no tokens.
    EmptyPrompt,
    /// The tokenizer cannot express it.
    Unencodable,
    /// The template has no place for a part of it.
    NoPlace,
    /// The chat template does not take it.
    ChatTemplate,
}

impl LeftOutRow {
    /// The row.
    pub fn id(&self) -> RowId {
        self.id
    }
}

impl From<&ExampleError> for LeftOutRow {
    fn from(error: &ExampleError) -> Self {
        let kind = match error {
            ExampleError::TooLong { .. } | ExampleError::FarTooLong { .. } => LeftOutKind::TooLong,
            ExampleError::EmptyAnswer { .. } => LeftOutKind::EmptyAnswer,
            ExampleError::EmptyPrompt { .. } => LeftOutKind::EmptyPrompt,
            ExampleError::Unencodable { .. } => LeftOutKind::Unencodable,
            ExampleError::NoPlace { .. } => LeftOutKind::NoPlace,
            ExampleError::Chat { .. } => LeftOutKind::ChatTemplate,
        };
        Self { id: error.id(), kind, reason: error.to_string() }
    }
}

impl fmt::Display for LeftOutRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
