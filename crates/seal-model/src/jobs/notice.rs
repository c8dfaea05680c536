//! What is to be said of a model, an adapter or rows, and stops nothing.

use std::fmt;
use std::path::PathBuf;

use seal_data::{TemplateSetting, escape};

use super::template_text::template_text;

/// A word to the user.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// Some rows have a system turn, and the template has no place for it.
    Unplaced {
        /// Rows with such a turn.
        with: usize,
        /// Rows in all.
        of: usize,
    },
    /// The adapter has a chat template of its own, which is not used.
    AdapterTemplate {
        /// Folder of the adapter.
        adapter: PathBuf,
    },
    /// The adapter has a tokenizer of its own, which is not used.
    AdapterTokenizer {
        /// Folder of the adapter.
        adapter: PathBuf,
    },
    /// The adapter was made for another model, by its name.
    OtherBase {
        /// Folder of the adapter.
        adapter: PathBuf,
        /// The model that it names.
        base: String,
        /// The model that it is put on.
        model: PathBuf,
    },
    /// The adapter names layers that the model does not have.
    UnknownLayers {
        /// Folder of the adapter.
        adapter: PathBuf,
        /// The names.
        layers: Vec<String>,
    },
    /// The weights were fine-tuned on rows of another template.
    OtherTemplate {
        /// Folder of the weights.
        folder: PathBuf,
        /// The template of the fine-tuning.
        template: TemplateSetting,
    },
    /// The record of a fine-tuning cannot be read.
    Record {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The model writes replies, and no token ends one.
    NoEnd {
        /// Folder of the model.
        folder: PathBuf,
        /// Longest reply in tokens.
        max_tokens: usize,
    },
    /// A word of the reader of the weights.
    Weights {
        /// The words.
        text: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unplaced { with, of } => write!(
                f,
                "{with} of {of} rows have a system turn, and this template has no place for it: \
                 it is left out of the text; a chat template keeps it"
            ),
            Self::AdapterTemplate { adapter } => write!(
                f,
                "the adapter has a chat template of its own, which is not used; the template \
                 {{ chat = \"{}\" }} uses it",
                escape(&adapter.display().to_string())
            ),
            Self::AdapterTokenizer { .. } => f.write_str(
                "the adapter has a tokenizer of its own, which is not used; the setting tokenizer = \
                 \"adapter\" uses it",
            ),
            Self::OtherBase { adapter, base, model } => write!(
                f,
                "{}: the adapter was made for {base:?} (base_model_name_or_path) and is put on \
                 {}; is that the same model?",
                adapter.display(),
                model.display()
            ),
            Self::UnknownLayers { adapter, layers } => write!(
                f,
                "{}: target_modules names {layers:?}, which no layer of this model has; they are \
                 ignored, as PEFT does",
                adapter.display()
            ),
            Self::OtherTemplate { folder, template } => write!(
                f,
                "{} was fine-tuned with another template: {}",
                folder.display(),
                template_text(template)
            ),
            Self::Record { path, reason } => write!(
                f,
                "{}: {reason}; it would say with which template this was fine-tuned",
                path.display()
            ),
            Self::NoEnd { folder, max_tokens } => write!(
                f,
                "{}: no token ends a turn of the model by its chat template, so that its replies may \
                 run on to the {max_tokens} tokens that they have at most; give the template that the \
                 model was trained with",
                folder.display()
            ),
            Self::Weights { text } => f.write_str(text),
        }
    }
}
