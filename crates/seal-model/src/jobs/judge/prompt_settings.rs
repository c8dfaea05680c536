//! Where a guard's prompt comes from.

use std::path::{Path, PathBuf};

use seal_judge::prompt::{GuardPrompt, GuardSlots, PromptError, checked_text};
use serde::{Deserialize, Serialize};

use crate::{JudgeModelError, ModelError};

/// How request and answer become the guard's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardPromptForm {
    /// As a conversation through the chat template of the model folder.
    #[default]
    Chat,
    /// The file is the whole input. Control tokens in it are control tokens.
    Raw,
    /// The file is a turn of the user, which the chat template dresses.
    UserTurn,
}

/// Where a guard's prompt comes from, and what it must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardPromptSettings {
    /// How request and answer become the input.
    pub form: GuardPromptForm,
    /// The file, from the folder of the table. Not for [`GuardPromptForm::Chat`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// SHA-256 of the file, or `any`. For [`GuardPromptForm::Chat`] that of the chat template's text,
    /// which may be missing: the digest of the model covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Names of its slots.
    pub slots: GuardSlots,
    /// Where the text was published, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its licence, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

impl GuardPromptSettings {
    /// What is wrong with the settings, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match (self.form, &self.file) {
            (GuardPromptForm::Chat, Some(_)) => {
                Some("prompt.file is not used by the form \"chat\"; remove it, or set prompt.form")
            }
            (GuardPromptForm::Chat, None) if self.slots != GuardSlots::default() => {
                Some("prompt.slots is not used by the form \"chat\"; remove it")
            }
            (GuardPromptForm::Raw | GuardPromptForm::UserTurn, None) => {
                Some("prompt.file names the file of the prompt")
            }
            _ => None,
        }
    }

    /// The prompt of the file, which is looked for in `folder` unless `other` names its place.
    /// `None` for [`GuardPromptForm::Chat`].
    pub(super) fn read(
        &self,
        folder: &Path,
        other: Option<&Path>,
    ) -> Result<Option<GuardPrompt>, ModelError> {
        let file = match (&self.file, other) {
            (Some(file), _) => file,
            (None, Some(path)) => {
                return Err(JudgeModelError::UnusedPrompt { path: path.to_owned() }.into());
            }
            (None, None) => return Ok(None),
        };
        let path = other.map_or_else(|| folder.join(file), Path::to_owned);
        let bytes = std::fs::read(&path).map_err(|source| JudgeModelError::PromptFile {
            path: path.clone(),
            published: self.source.clone(),
            source,
        })?;
        let of = |source| {
            let is_other = matches!(source, PromptError::Hash { .. });
            let published = self.source.clone().filter(|_| is_other);
            JudgeModelError::Prompt { path: path.clone(), published, source }
        };
        let (text, sha256) = checked_text(bytes, self.sha256.as_deref()).map_err(of)?;
        Ok(Some(GuardPrompt::of(&text, sha256, &self.slots).map_err(of)?))
    }
}
