//! What can go wrong with a model.

use std::path::PathBuf;

use crate::setting::SettingError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum LmError {
    /// A shape that no model can have, or an adapter that does not fit it.
    #[error("model config: {0}")]
    Config(#[from] SettingError),
    /// A whole model in half precision to be trained.
    #[error("weights in bf16 are not trained: add adapters, or load them in f32")]
    TrainedInHalf,
    /// A model with adapters to be written by what writes none.
    #[error(
        "the model has adapters, which save_weights does not write: use save_merged or save_adapter"
    )]
    WithAdapters,
    /// A row without tokens, which has no state to read a score from.
    #[error("row {row} of the batch has no token")]
    EmptyRow {
        /// Its place, from 0.
        row: usize,
    },
    /// Log-probabilities of the next token that are not numbers.
    #[error(
        "row {row} of the batch gives logits that are not finite; is the file of the weights damaged?"
    )]
    NoProbability {
        /// Its place, from 0.
        row: usize,
    },
    /// A score that is not a number.
    #[error(
        "row {row} of the batch gives a score that is not finite; is the file of the weights damaged?"
    )]
    NoScore {
        /// Its place, from 0.
        row: usize,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is not what its name says.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that the file lacks.
    #[error("{}: no tensor `{name}`, which the config asks for", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor of another shape or type.
    #[error("{}: tensor `{name}` is {found}, the model wants {expected}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Type and shape in the file.
        found: String,
        /// Type and shape the model has.
        expected: String,
    },
    /// A weight that is not a number, or infinite.
    #[error(
        "{}: tensor `{name}` holds {value} at place {index}: the file is damaged or the training \
         that wrote it diverged",
        path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Place of the number among those of the tensor.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A setting of `config.json` that the mathematics here does not follow.
    #[error("{}: {setting} = {value}: {reason}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting.
        setting: String,
        /// Its value there.
        value: String,
        /// Why it is refused, and what is known instead.
        reason: String,
    },
    /// A token id that the embedding has no row for.
    #[error(
        "token id {id} is outside the model's vocabulary of {vocab_size}: do tokenizer and model \
         belong together?"
    )]
    Token {
        /// The id.
        id: u32,
        /// Number of ids that the model knows.
        vocab_size: usize,
    },
    /// A model that gives no loss before any training.
    #[error(
        "{}the loss of a row is {value} before any training: tensor `{name}` holds a weight of \
         {weight:e}, the farthest from 0; is the file damaged?",
        folder.as_ref().map_or(String::new(), |folder| format!("{}: ", folder.display()))
    )]
    NoLoss {
        /// Where the weights were read from.
        folder: Option<PathBuf>,
        /// NaN or an infinity.
        value: f64,
        /// The tensor.
        name: String,
        /// The weight's distance from 0.
        weight: f32,
    },
    /// A loss or gradient that is not a number.
    #[error("step {step}: the {what} is {value}; lower the learning rate or look at the data")]
    Diverged {
        /// Step, from 0.
        step: usize,
        /// Which figure.
        what: &'static str,
        /// Its value.
        value: f64,
    },
}

impl LmError {
    /// An [`LmError::Format`] for `path`.
    pub(crate) fn format(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Format { path: path.into(), reason: reason.to_string() }
    }

    /// An [`LmError::Io`] for `path`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
