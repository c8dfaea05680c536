//! Turns of a dialogue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Json;

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
    /// A tool that the assistant called; it says what the call gave.
    Tool,
}

impl Speaker {
    /// The name that chat templates know: `system`, `user`, `assistant` or `tool`.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// One byte in the hash of a row; stored in results with the ids.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::System => b's',
            Self::User => b'u',
            Self::Assistant => b'a',
            Self::Tool => b't',
        }
    }
}

/// What a turn has besides its role and its text, by the names that chat templates
/// read: see [`EXTRAS`].
pub type Extras = BTreeMap<String, Json>;

/// Names of [`Extras`]: the reasoning before an answer, calls of tools, what call a
/// result belongs to, and the name of who speaks.
pub const EXTRAS: [&str; 6] =
    ["reasoning_content", "reasoning", "thinking", "tool_calls", "tool_call_id", "name"];

/// Names that the reasoning before an answer goes by; the first that is there holds.
pub const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// What one side says; as JSON `{"role": "user", "content": "..."}`, with `weight` 0
/// where no loss is to be taken, and with its extras beside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Message", into = "Message")]
pub struct Turn {
    /// Who says it.
    pub role: Speaker,
    /// The text, without any template.
    pub content: String,
    /// Whether the file has null, or nothing, for the text, as calls of tools do;
    /// templates tell that from an empty text. The text is then empty.
    pub is_null: bool,
    /// Whether a loss may be taken on it; false for an answer of weight 0. Of a turn
    /// that is no answer it says nothing.
    pub trained: bool,
    /// What else templates read of it.
    pub extras: Extras,
}

/// A turn as it is written.
#[derive(Clone, Serialize, Deserialize)]
struct Message {
    role: Speaker,
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<u8>,
    #[serde(flatten)]
    extras: Extras,
}

impl From<Turn> for Message {
    fn from(turn: Turn) -> Self {
        Self {
            role: turn.role,
            content: (!turn.is_null).then_some(turn.content),
            weight: (!turn.trained).then_some(0),
            extras: turn.extras,
        }
    }
}

impl From<Message> for Turn {
    fn from(message: Message) -> Self {
        Self {
            role: message.role,
            is_null: message.content.is_none(),
            content: message.content.unwrap_or_default(),
            trained: message.weight != Some(0),
            extras: message.extras,
        }
    }
}

impl Turn {
    /// A turn of a text alone.
    pub fn new(role: Speaker, content: impl Into<String>) -> Self {
        let content = content.into();
        Self { role, content, is_null: false, trained: true, extras: Extras::new() }
    }

    /// Whether the turn calls a tool.
    pub fn has_calls(&self) -> bool {
        self.extras.contains_key("tool_calls")
    }

    /// Whether there is no more to it than role and text.
    pub(crate) fn is_plain(&self) -> bool {
        self.trained && !self.is_null && self.extras.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_written_as_a_message() {
        let plain = Turn::new(Speaker::User, "a");
        let mut full = Turn { trained: false, is_null: true, ..Turn::new(Speaker::Assistant, "") };
        let calls = Json::parse(r#"[{"type":"function","function":{"name":"f"}}]"#).unwrap();
        full.extras.insert("tool_calls".into(), calls);
        let shown = [&plain, &full].map(|turn| serde_json::to_string(turn).unwrap());
        insta::assert_snapshot!(shown.join("\n"), @r#"
        {"role":"user","content":"a"}
        {"role":"assistant","content":null,"weight":0,"tool_calls":[{"type":"function","function":{"name":"f"}}]}
        "#);
        for (turn, text) in [plain, full].iter().zip(&shown) {
            assert_eq!(serde_json::from_str::<Turn>(text).unwrap(), *turn);
        }
    }
}
