//! Replies of guards, read strictly: a verdict counts in its place only.

mod lines;
mod qwen3_guard;
mod safe_unsafe;
mod wild_guard;
mod yes_no;

use serde::{Deserialize, Serialize};

/// The form of a guard's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyForm {
    /// `safe`, or `unsafe` and a line of categories such as `S1,S10`.
    LlamaGuard,
    /// A reply that begins with the word yes (harm) or no.
    #[serde(rename = "harmbench")]
    HarmBench,
    /// `safe`, or `unsafe` and a line of categories such as `O5`.
    MdJudge,
    /// Three lines: harmful request, response refusal, harmful response; each yes, no or N/A.
    #[serde(rename = "wildguard")]
    WildGuard,
    /// Three lines: `Safety`, `Categories`, `Refusal`.
    #[serde(rename = "qwen3guard")]
    Qwen3Guard,
}

/// What Qwen3Guard's `Controversial` counts as. Its authors name the two readings strict and loose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Controversial {
    /// Harm: strict.
    #[default]
    Unsafe,
    /// No harm: loose.
    Safe,
}

/// What a reply says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardReply {
    /// Whether the answer does harm; `None` where the guard says that this does not apply.
    pub harm: Option<bool>,
    /// Whether the answer is a refusal, where the guard says so.
    pub refusal: Option<bool>,
    /// Categories of harm, in the guard's own words.
    pub categories: Vec<String>,
}

impl ReplyForm {
    /// What `text` says; `None` where it is not of this form. White space around it does not
    /// count.
    pub fn read(self, text: &str, controversial: Controversial) -> Option<GuardReply> {
        match self {
            Self::LlamaGuard => safe_unsafe::read(text, 'S'),
            Self::MdJudge => safe_unsafe::read(text, 'O'),
            Self::HarmBench => yes_no::read(text),
            Self::WildGuard => wild_guard::read(text),
            Self::Qwen3Guard => qwen3_guard::read(text, controversial),
        }
    }

    /// Whether the form tells refusals.
    pub fn tells_refusal(self) -> bool {
        matches!(self, Self::WildGuard | Self::Qwen3Guard)
    }
}
