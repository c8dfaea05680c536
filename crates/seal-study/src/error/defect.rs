//! States that the program itself rules out.

use seal_eval::EvalError;

/// A state that the program itself rules out.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// The config that comes with the program is no TOML.
    #[error("the built-in config: {0}")]
    BuiltIn(#[source] toml::de::Error),
    /// A config that was written and cannot be read.
    #[error("a config as it is stored: {0}")]
    Stored(#[source] toml::de::Error),
    /// A value that TOML does not express.
    #[error(transparent)]
    Toml(#[from] toml::ser::Error),
    /// A value that JSON does not express.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Facts of a study that do not go together.
    #[error("figures: {0}")]
    Figures(#[from] EvalError),
    /// The work of a stage panicked.
    #[error("panicked: {}", message.as_deref().unwrap_or("no message"))]
    Panicked {
        /// The message of the panic, if it was a text.
        message: Option<String>,
    },
    /// Stages were left out though nothing failed.
    #[error("stages that depend on themselves were never run")]
    NeverRun,
    /// Neither a world nor files.
    #[error("a config without data")]
    NoData,
    /// A cell of an arm that trains a selector lacks the stage.
    #[error("an arm with a selector has no such stage")]
    NoSelector,
    /// A model is trained from scratch, and nothing says how.
    #[error("a base without its training")]
    NoTraining,
    /// A tokenizer is trained, and nothing says how large its vocabulary is.
    #[error("a trained tokenizer without its size")]
    NoVocabularySize,
    /// Rows are chosen by a guard that is none.
    #[error("a guard that was not checked")]
    NoGuard,
    /// The scores are those of other rows.
    #[error("scores are of other rows than the data")]
    OtherScores,
    /// A stage of a judge of pairs that the study does not have.
    #[error("a judge of pairs that the study does not have")]
    NoJudge,
    /// Fewer values than items.
    #[error("a batch lost an item")]
    LostItem,
}
