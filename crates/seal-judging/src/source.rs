//! Where a prompt's text stands.

use std::path::PathBuf;

use seal_judge::prompt::{PairSlots, PromptForm};
use serde::{Deserialize, Serialize};

/// Where a prompt's text stands, and what it must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "S: Default + Deserialize<'de>"))]
pub struct PromptSource<S = PairSlots> {
    /// The file, from the folder of the table.
    pub file: PathBuf,
    /// SHA-256 of the file in hexadecimal digits, or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The form of the file.
    #[serde(default)]
    pub form: FormName,
    /// The record of a file of FastChat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Names of its slots.
    #[serde(default)]
    pub slots: S,
    /// Where the text was published, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its licence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// The name of a prompt's form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormName {
    /// The user's turn.
    #[default]
    Text,
    /// Turns in ChatML.
    Chatml,
    /// A record of FastChat's JSON lines; `record` names it.
    Fastchat,
}

impl<S> PromptSource<S> {
    /// The form with its record.
    ///
    /// # Errors
    /// Why the two do not go together.
    pub(crate) fn prompt_form(&self) -> Result<PromptForm, &'static str> {
        match (self.form, &self.record) {
            (FormName::Text, None) => Ok(PromptForm::Text),
            (FormName::Chatml, None) => Ok(PromptForm::Chatml),
            (FormName::Fastchat, Some(record)) => {
                Ok(PromptForm::Fastchat { record: record.clone() })
            }
            (FormName::Fastchat, None) => {
                Err("prompt.record names the record of a file of FastChat")
            }
            (FormName::Text | FormName::Chatml, Some(_)) => {
                Err("prompt.record is for files of FastChat; remove it, or set prompt.form")
            }
        }
    }
}
