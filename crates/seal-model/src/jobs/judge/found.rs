//! A judge that is a model, looked at without its weights.

use std::path::PathBuf;

use seal_files::Digest;
use seal_judging::LocalIdentity;
use seal_lm::LmConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All that tells a judge from another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundJudge {
    /// Its model folder on this machine.
    pub dir: PathBuf,
    /// The model's shape, the head apart.
    pub shape: LmConfig,
    /// Digest of every file that weights and tokens depend on, see [`crate::folder_digest`].
    pub digest: String,
    /// SHA-256 of the prompt, or of the chat template where there is no other prompt.
    pub prompt: Option<String>,
    /// All that a verdict depends on beside request and answer: model, device, prompt, and how a
    /// verdict is read. Of a chat model, all that a reply depends on beside the question. Where files
    /// lie is no part of it.
    pub identity: Value,
}

impl FoundJudge {
    /// Hash of the identity, as records have it.
    pub fn made_by(&self) -> String {
        Digest::of(self.identity.to_string()).short()
    }

    /// The identity of a chat model, as its questions have it.
    pub fn local_identity(&self) -> LocalIdentity {
        LocalIdentity { digest: self.made_by() }
    }
}
