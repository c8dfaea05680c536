//! Conversations: who says what, as text and as tokens.

use std::ops::Range;

use super::jinja::{Error, Value, from_json};
use crate::{Extras, Json, REASONING, Row, TokenSpan, Turn};

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant` or `tool`; templates decide what they
    /// take.
    pub role: String,
    /// What is said.
    pub content: String,
    /// Whether templates get null for the text, as for a call of a tool without words.
    pub is_null: bool,
    /// Whether a loss may be taken on it, if it is an answer.
    pub trained: bool,
    /// What else the template gets, by the names of the file.
    pub extras: Extras,
}

impl From<Turn> for Message {
    fn from(turn: Turn) -> Self {
        let Turn { role, content, is_null, trained, extras } = turn;
        Self { role: role.name().to_owned(), content, is_null, trained, extras }
    }
}

impl Message {
    /// The role of whom the loss is taken on.
    pub const ASSISTANT: &'static str = "assistant";

    /// A turn of `role`.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        let (role, content) = (role.into(), content.into());
        Self { role, content, is_null: false, trained: true, extras: Extras::new() }
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
        row.messages().into_iter().map(Self::from).collect()
    }

    /// All turns of a row.
    pub(super) fn all_of(row: &Row) -> Vec<Self> {
        let mut messages = Self::prompt_of(row);
        messages.push(row.answer().into());
        messages
    }

    /// The turn as a template gets it: what the file says, under the file's names.
    /// Reasoning, whatever its name, is given as `reasoning_content` too, and as `thinking`
    /// where there is none, as transformers 5 does.
    pub(super) fn value(&self) -> Result<Value, Error> {
        let content = if self.is_null { Value::None } else { Value::str(&*self.content) };
        let mut pairs = vec![("role", Value::str(&*self.role)), ("content", content)];
        if let Some(own) = REASONING.iter().find_map(|name| self.extras.get(*name)) {
            pairs.push(("reasoning_content", engine_value(own)?));
            if !self.extras.contains_key("thinking") {
                pairs.push(("thinking", engine_value(own)?));
            }
        }
        for (name, extra) in self.extras.iter().filter(|(name, _)| *name != "reasoning_content") {
            pairs.push((name.as_str(), engine_value(extra)?));
        }
        Value::of_pairs(pairs)
    }
}

/// A value as the engine has it; objects keep their order.
pub(super) fn engine_value(json: &Json) -> Result<Value, Error> {
    match json {
        Json::Text(text) => Ok(Value::str(&**text)),
        other => from_json(&json_text(other)),
    }
}

/// A value as JSON.
pub(super) fn json_text(json: &Json) -> String {
    // Its keys are texts and its numbers finite: it can always be written.
    serde_json::to_string(json).unwrap_or_default()
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

/// The text of a turn as a template gets it: a text, or a list with one part.
pub(super) fn text_value(is_part: bool, text: &str) -> Result<Value, Error> {
    match is_part {
        false => Ok(Value::str(text)),
        true => from_json(&serde_json::json!([{ "type": "text", "text": text }]).to_string()),
    }
}
