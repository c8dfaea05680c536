//! The `template` of a config.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ChatError, ChatFormat, ChatTemplate, Date, Trained};
use crate::{Dress, PromptTemplate, TextTokenizer};

/// How rows are dressed: `"Human: {}\nAssistant: "`, `"chat"` (the template of
/// the model folder), or a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum TemplateSetting {
    /// Text around the prompt.
    Prompt(PromptTemplate),
    /// A chat template.
    Chat {
        /// Its file; without one, the template of the model folder.
        chat: Option<PathBuf>,
        /// The date that `strftime_now` writes.
        date: Option<Date>,
        /// Which answers a loss is taken on.
        trained: Trained,
    },
}

/// As it stands in a config.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Table(Table),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    #[serde(default, skip_serializing_if = "is_last")]
    trained: Trained,
}

fn is_last(trained: &Trained) -> bool {
    *trained == Trained::Last
}

/// The word for the template of the model folder.
const CHAT: &str = "chat";

impl TryFrom<Written> for TemplateSetting {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(word) if word == CHAT => Ok(Self::chat()),
            Written::Text(text) => PromptTemplate::try_from(text).map(Self::Prompt).map_err(|e| {
                format!("{e}; or \"chat\" for the model's own, or {{ chat = \"FILE.jinja\" }}")
            }),
            Written::Table(Table { chat, date, trained }) => Ok(Self::Chat { chat, date, trained }),
        }
    }
}

impl From<TemplateSetting> for Written {
    fn from(setting: TemplateSetting) -> Self {
        match setting {
            TemplateSetting::Prompt(template) => Self::Text(template.into()),
            own if own == TemplateSetting::chat() => Self::Text(CHAT.into()),
            TemplateSetting::Chat { chat, date, trained } => {
                Self::Table(Table { chat, date, trained })
            }
        }
    }
}

impl From<PromptTemplate> for TemplateSetting {
    fn from(template: PromptTemplate) -> Self {
        Self::Prompt(template)
    }
}

/// A `template` that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("chat template {path}: cannot be read: {source}; correct `template.chat`")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The model folder has none.
    #[error(
        "the model folder has no chat template{}; name a file, template = {{ chat = \"FILE.jinja\" }}, \
         or give the prompt's form, template = \"Human: {{}}\\nAssistant: \"",
        .others.as_ref().map_or(String::new(), |o| format!(" named `default` (it has {o})"))
    )]
    None {
        /// Names of those it has.
        others: Option<String>,
    },
    /// It is no template.
    #[error(transparent)]
    Chat(#[from] ChatError),
}

impl TemplateSetting {
    /// The template of the model folder, the last answer trained on.
    pub fn chat() -> Self {
        Self::Chat { chat: None, date: None, trained: Trained::Last }
    }

    /// What this setting stands for; a file is looked for under `root`.
    /// `tokenizer` is that of the model folder, where there is one.
    ///
    /// # Errors
    /// A file that cannot be read or is no template, and a model folder
    /// without a chat template.
    pub fn resolve(
        &self,
        root: &Path,
        tokenizer: Option<&TextTokenizer>,
    ) -> Result<Box<dyn Dress>, TemplateError> {
        let (chat, date, trained) = match self {
            Self::Prompt(template) => return Ok(Box::new(template.clone())),
            Self::Chat { chat, date, trained } => (chat, *date, *trained),
        };
        let template = match chat {
            Some(file) => {
                let path = root.join(file);
                let source = std::fs::read_to_string(&path)
                    .map_err(|source| TemplateError::Unreadable { path: path.clone(), source })?;
                ChatTemplate::new(&path.display().to_string(), &source, date)?
            }
            None => {
                let known = tokenizer.map(TextTokenizer::chat_templates);
                let names = known.map(|k| k.keys().cloned().collect::<Vec<_>>().join(", "));
                let source = known
                    .and_then(|k| k.get("default"))
                    .ok_or(TemplateError::None { others: names.filter(|n| !n.is_empty()) })?;
                ChatTemplate::new("of the model folder", source, date)?
            }
        };
        Ok(Box::new(ChatFormat { template, trained }))
    }
}
