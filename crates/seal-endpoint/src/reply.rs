//! What a model says, with all that the server tells of it.

use serde::{Deserialize, Serialize};

use crate::logprobs::Logprobs;

/// One reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The text. `None` where the server sends none, as with a refusal, or where the reply was
    /// used up by hidden reasoning.
    pub content: Option<String>,
    /// The model's refusal, where the server keeps it apart from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Reasoning, where the server keeps it apart from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Why the reply ends.
    pub finish: Finish,
    /// Log-probabilities of the reply's tokens.
    pub logprobs: Logprobs,
    /// Tokens of prompt and reply, where the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The model as the server names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The server's configuration as it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The reply as the server names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Reply {
    /// Whether a model that was done said nothing: a fault of its server, so that the question may
    /// be asked once more. A refusal, a filter that stepped in, and a length that hidden reasoning
    /// used up would come again.
    pub fn is_blank(&self) -> bool {
        self.content.as_deref().is_none_or(|text| text.trim().is_empty())
            && self.refusal.is_none()
            && !matches!(self.finish, Finish::Length | Finish::ContentFilter)
    }
}

/// Why a reply ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The longest reply was reached: the text is cut.
    Length,
    /// The provider's filter stepped in.
    ContentFilter,
    /// Another reason, as the server words it.
    Other(String),
    /// The server gives none.
    Unknown,
}

/// Tokens as the server counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the reply, hidden reasoning with them.
    pub output: u64,
}
