//! Turns of a dialogue.

use serde::{Deserialize, Serialize};

/// Who says something in a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// Instructions that stand above the dialogue.
    System,
    /// Who asks.
    User,
    /// Who answers: the model.
    Assistant,
}

impl Speaker {
    /// The name that chat templates know: `system`, `user` or `assistant`.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// One byte in the hash of a row; stored in results with the ids.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::System => b's',
            Self::User => b'u',
            Self::Assistant => b'a',
        }
    }
}

/// What one side says; as JSON `{"role": "user", "content": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who says it.
    pub role: Speaker,
    /// The text, without any template.
    pub content: String,
}

impl Turn {
    /// A turn.
    pub fn new(role: Speaker, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}
