//! The `template` of a config.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ChatError, ChatFormat, ChatTemplate, Date, Trained};
use crate::{PromptTemplate, PromptTemplateError, Template, TextTokenizer, TokenizerError};

/// The template of rows: `"Human: {}\nAssistant: "`, `"chat"` (the template of
/// the model folder), or a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum TemplateSetting {
    /// Text around the prompt.
    Prompt(PromptTemplate),
    /// A chat template.
    Chat {
        /// Its file, or a folder that has one (of an adapter, say); without either, the
        /// template of the model folder.
        chat: Option<PathBuf>,
        /// Which one of several templates of a folder; without it `default`, and
        /// `tool_use` for a conversation with tools.
        name: Option<String>,
        /// The date that `strftime_now` writes.
        date: Option<Date>,
        /// Which answers a loss is taken on.
        trained: Trained,
        /// Further variables of the template, as `apply_chat_template` takes them.
        kwargs: BTreeMap<String, serde_json::Value>,
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
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    #[serde(default, skip_serializing_if = "is_last")]
    trained: Trained,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    kwargs: BTreeMap<String, serde_json::Value>,
}

fn is_last(trained: &Trained) -> bool {
    *trained == Trained::Last
}

/// The word for the template of the model folder.
const CHAT: &str = "chat";

/// A text that stands for no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{source}; or \"chat\" for the model's own, or {{ chat = \"FILE.jinja\" }}")]
pub struct TemplateSettingError {
    /// Why it is no prompt template.
    pub source: PromptTemplateError,
}

impl TryFrom<Written> for TemplateSetting {
    type Error = TemplateSettingError;

    fn try_from(written: Written) -> Result<Self, TemplateSettingError> {
        match written {
            Written::Text(word) if word == CHAT => Ok(Self::chat()),
            Written::Text(text) => PromptTemplate::try_from(text)
                .map(Self::Prompt)
                .map_err(|source| TemplateSettingError { source }),
            Written::Table(Table { chat, name, date, trained, kwargs }) => {
                Ok(Self::Chat { chat, name, date, trained, kwargs })
            }
        }
    }
}

impl From<TemplateSetting> for Written {
    fn from(setting: TemplateSetting) -> Self {
        match setting {
            TemplateSetting::Prompt(template) => Self::Text(template.into()),
            own if own == TemplateSetting::chat() => Self::Text(CHAT.into()),
            TemplateSetting::Chat { chat, name, date, trained, kwargs } => {
                Self::Table(Table { chat, name, date, trained, kwargs })
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
    /// A folder has none, or none of that name.
    #[error(
        "{} has no chat template{}{}; name a file, template = {{ chat = \"FILE.jinja\" }}, \
         or give the prompt's form, template = \"Human: {{}}\\nAssistant: \"",
        .folder.as_ref().map_or("the model folder".into(), |f| format!("the folder {}", f.display())),
        .name.as_ref().map_or(String::new(), |n| format!(" named {n:?}")),
        .others.as_ref().map_or(String::new(), |o| {
            format!(" (it has {o}: choose one by template = {{ name = \"NAME\" }})")
        })
    )]
    None {
        /// The folder that `template.chat` names.
        folder: Option<PathBuf>,
        /// The name that was looked for, where one was asked for.
        name: Option<String>,
        /// Names of those it has.
        others: Option<String>,
    },
    /// A name was given for a single file.
    #[error("`template.name` chooses among the templates of a folder; {path} is one template")]
    OneFile {
        /// The file.
        path: PathBuf,
    },
    /// The folder that has the template cannot be read.
    #[error(transparent)]
    Folder(#[from] TokenizerError),
    /// It is no template.
    #[error(transparent)]
    Chat(#[from] ChatError),
}

impl TemplateSetting {
    /// The template of the model folder, the last answer trained on.
    pub fn chat() -> Self {
        let (trained, kwargs) = (Trained::Last, BTreeMap::new());
        Self::Chat { chat: None, name: None, date: None, trained, kwargs }
    }

    /// What this setting stands for; a file is looked for under `root`.
    /// `tokenizer` is that of the model folder, where there is one.
    ///
    /// # Errors
    /// A file that cannot be read or is no template, and a folder without the
    /// chat template.
    pub fn resolve(
        &self,
        root: &Path,
        tokenizer: Option<&TextTokenizer>,
    ) -> Result<Box<dyn Template>, TemplateError> {
        match self {
            Self::Prompt(template) => Ok(Box::new(template.clone())),
            Self::Chat { .. } => Ok(Box::new(self.chat_format(root, tokenizer)?)),
        }
    }

    /// As [`Self::resolve`], of a chat template.
    ///
    /// # Errors
    /// As there; [`TemplateError::None`] for text around the prompt.
    pub fn chat_format(
        &self,
        root: &Path,
        tokenizer: Option<&TextTokenizer>,
    ) -> Result<ChatFormat, TemplateError> {
        let Self::Chat { date, trained, kwargs, .. } = self else {
            return Err(TemplateError::None { folder: None, name: None, others: None });
        };
        let (date, trained) = (*date, *trained);
        let TemplateTexts { called, source, tool_use } = self.template_texts(root, tokenizer)?;
        let read = |source: &str| {
            let kwargs = kwargs.iter().map(|(name, value)| (name.as_str(), value.clone()));
            ChatTemplate::new(&called, source, date)?.with_kwargs(kwargs)
        };
        let mut template = read(&source)?;
        if let Some(source) = tool_use {
            template = template.with_tool_use(read(&source)?);
        }
        Ok(ChatFormat { template, trained })
    }

    /// A digest of the text of the chat template that this setting stands for, wherever
    /// it lies: 32 hexadecimal digits. `None` for a prompt's form, which is all in the
    /// setting.
    ///
    /// # Errors
    /// As [`Self::resolve`], but that the text may be no template.
    pub fn digest(
        &self,
        root: &Path,
        tokenizer: Option<&TextTokenizer>,
    ) -> Result<Option<String>, TemplateError> {
        let texts = self.texts(root, tokenizer)?;
        let mut hash = blake3::Hasher::new();
        for (at, text) in texts.iter().enumerate() {
            // No text holds the byte 0xff.
            hash.update(if at == 0 { &[] } else { &[0xff] }).update(text.as_bytes());
        }
        Ok((!texts.is_empty()).then(|| hash.finalize().to_hex()[..32].to_owned()))
    }

    /// The texts of the chat template that this setting stands for: one, or two where a
    /// folder has another one for conversations with tools. None for a prompt's form.
    ///
    /// # Errors
    /// As [`Self::digest`].
    pub fn texts(
        &self,
        root: &Path,
        tokenizer: Option<&TextTokenizer>,
    ) -> Result<Vec<String>, TemplateError> {
        if matches!(self, Self::Prompt(_)) {
            return Ok(Vec::new());
        }
        let TemplateTexts { source, tool_use, .. } = self.template_texts(root, tokenizer)?;
        Ok(std::iter::once(source).chain(tool_use).collect())
    }

    fn template_texts(
        &self,
        root: &Path,
        tokenizer: Option<&TextTokenizer>,
    ) -> Result<TemplateTexts, TemplateError> {
        let Self::Chat { chat, name, .. } = self else {
            return Err(TemplateError::None { folder: None, name: None, others: None });
        };
        let path = chat.as_ref().map(|chat| root.join(chat));
        let (called, templates) = match &path {
            Some(path) if path.is_dir() => {
                let called = format!("of the folder {}", path.display());
                (called, Cow::Owned(crate::folder::chat_templates(path)?))
            }
            Some(path) => {
                if name.is_some() {
                    return Err(TemplateError::OneFile { path: path.clone() });
                }
                let source = std::fs::read_to_string(path)
                    .map_err(|source| TemplateError::Unreadable { path: path.clone(), source })?;
                return Ok(TemplateTexts {
                    called: path.display().to_string(),
                    source,
                    tool_use: None,
                });
            }
            None => {
                let known = tokenizer.map(TextTokenizer::chat_templates);
                ("of the model folder".to_owned(), known.map_or_else(Cow::default, Cow::Borrowed))
            }
        };
        let wanted = name.as_deref().unwrap_or(DEFAULT);
        let source = templates.get(wanted).cloned().ok_or_else(|| {
            let names = templates.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            TemplateError::None {
                folder: path.clone(),
                name: name.clone().or_else(|| (!names.is_empty()).then(|| DEFAULT.to_owned())),
                others: (!names.is_empty()).then_some(names),
            }
        })?;
        let tool_use = if name.is_none() { templates.get(TOOL_USE).cloned() } else { None };
        Ok(TemplateTexts { called, source, tool_use })
    }
}

/// The texts that a setting stands for.
struct TemplateTexts {
    /// What errors call them.
    called: String,
    source: String,
    /// The one for conversations with tools, where it is another one.
    tool_use: Option<String>,
}

/// The names by which transformers chooses among several templates.
const DEFAULT: &str = "default";
const TOOL_USE: &str = "tool_use";
