//! Where tokens come from, as settings name it.

use std::path::Path;

use seal_data::TemplateSetting;
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// Where tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerKind {
    /// The world's words.
    World,
    /// Byte-level BPE, trained on the base's rows.
    Bpe,
    /// That of the model folder.
    Model,
}

/// Tokenizer and prompt template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSettings {
    /// Which tokenizer.
    pub kind: TokenizerKind,
    /// Entries of a BPE vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocab_size: Option<usize>,
    /// Template of a prompt: text in which `{}` stands for it, or `"chat"`.
    pub template: TemplateSetting,
}

impl TokenizerSettings {
    /// Digest of the text of a chat template that stands in a file or a folder of its own;
    /// `None` for any other template.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn own_template_digest(&self) -> Result<Option<String>, ModelError> {
        match &self.template {
            TemplateSetting::Chat { chat: Some(_), .. } => {
                Ok(self.template.digest(Path::new("."), None)?)
            }
            _ => Ok(None),
        }
    }
}
