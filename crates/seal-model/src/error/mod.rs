//! What can go wrong with one model and a few files.
//!
//! The errors of the modules stand here, beside the one that holds them all. They know other
//! crates and plain data, and no module that returns them.

mod address;
mod answers;
mod apply;
mod folder;
mod import;
mod judge;
mod settings;
mod tokens;

use std::path::{Path, PathBuf};

use seal_bilevel::BilevelError;
use seal_data::{
    DataError, ExampleError, RowId, TemplateError, TextTokenizerError, TokenizerError,
};
use seal_device::DeviceError;
use seal_lm::{GenerateError, LmError};
use seal_select::SelectError;
use seal_stats::StatsError;

use crate::left_out::LeftOutRow;
use crate::overrides::{KeyError, TableError};
use crate::shape_error::{HalfPrecision, ShapeError};

pub use self::address::AddressError;
pub use self::answers::{AnswersError, RecordKind};
pub use self::apply::ApplyError;
pub use self::folder::FolderError;
pub use self::import::{ImportError, ImportOutput};
pub use self::judge::JudgeModelError;
pub use self::settings::StageSettingsError;
pub use self::tokens::TokensError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Settings of the stages that cannot be used.
    #[error(transparent)]
    Settings(#[from] StageSettingsError),
    /// A key or value set on a table of settings.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Sizes of a model that cannot be.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Whoever waits for a job asked it to stop. What was done is in its file.
    #[error("stopped on request")]
    Cancelled,
    /// A model folder that cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An address on a model hub that cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A file of a model hub that cannot be had.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] seal_hub::HubError),
    /// The folder of an adapter lacks a file.
    #[error(
        "{}: there is no {missing}; an adapter as PEFT saves it is a folder of \
         adapter_config.json and adapter_model.safetensors{}",
        folder.display(), pickle(*has_pickle)
    )]
    AdapterFile {
        /// The folder.
        folder: PathBuf,
        /// Name of the file.
        missing: &'static str,
        /// Whether the weights are there as a pickle, which is not read.
        has_pickle: bool,
    },
    /// An adapter that does not fit the model, and names another one.
    #[error(
        "{source}; the adapter was made for {base:?} (base_model_name_or_path in {}), and the model is \
         {}: put it on the model that it was made for",
        adapter.join("adapter_config.json").display(), model.display()
    )]
    OtherBase {
        /// Folder of the adapter.
        adapter: PathBuf,
        /// The model that it names.
        base: String,
        /// The model that it was put on, as it was given.
        model: PathBuf,
        /// What does not fit.
        source: Box<seal_lm::LmError>,
    },
    /// A context that the model was not made for.
    #[error("a context of {context}: the model was made for 1 to {most} tokens")]
    Context {
        /// Tokens that were asked for.
        context: usize,
        /// Tokens that the model takes at most.
        most: usize,
    },
    /// Weights in half precision cannot be trained.
    #[error("dtype: {0}")]
    HalfPrecision(#[from] HalfPrecision),
    /// A device that does not compute in bf16.
    #[error("dtype = \"bf16\": device {device} does not compute with it; use \"f32\"")]
    Bf16Device {
        /// The device string.
        device: String,
    },
    /// A device or backend that is missing.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A tokenizer that cannot be had.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A byte-level BPE that cannot be trained on the rows.
    #[error("training a tokenizer of {vocab_size} entries: {source}")]
    TokenizerTraining {
        /// Entries that were asked for.
        vocab_size: usize,
        /// Why it cannot be.
        source: TextTokenizerError,
    },
    /// The file of a trained tokenizer is damaged.
    #[error("{}: {source}", path.display())]
    TokenizerFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TextTokenizerError,
    },
    /// The tokenizer has more tokens than the model.
    #[error("the tokenizer has {tokenizer} tokens, the model {model}: it is that of another model")]
    Vocabulary {
        /// Ids of the tokenizer.
        tokenizer: usize,
        /// Entries of the model's embedding.
        model: usize,
    },
    /// A prompt template that cannot be had.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Rows that cannot be read or used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A table of a source that is none.
    #[error("not a table of a source: {source}")]
    SourceTable {
        /// What is wrong with it.
        source: TableError,
    },
    /// A file whose layout is not known.
    #[error("{source}; these go into a table in place of the path")]
    Layout {
        /// The file, as it was named.
        path: PathBuf,
        /// The layout that was found.
        source: Box<DataError>,
    },
    /// A file of rows to train on without an answer.
    #[error(
        "{}: no row has an answer: no field is read as one (prompt and response may be named: \
         {{ path = \"FILE\", columns = {{ prompt = \"q\", response = \"a\" }} }})",
        path.display()
    )]
    NoAnswers {
        /// The file.
        path: PathBuf,
    },
    /// No row of a set can be tokenised.
    #[error(
        "no row of the {set} set can be used; the first: {}",
        first.as_ref().map_or("there is none", |row| row.reason.as_str())
    )]
    NoUsableRow {
        /// Name of the set.
        set: String,
        /// The first row, and why it was left out.
        first: Option<LeftOutRow>,
    },
    /// A chat template that takes no conversation at all.
    #[error(transparent)]
    Stops(ExampleError),
    /// A file of tokens that cannot be used.
    #[error("{}: {source}", path.display())]
    Tokens {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TokensError,
    },
    /// A file of answers that cannot be used.
    #[error(transparent)]
    Answers(#[from] AnswersError),
    /// A judge that is a model and cannot be used.
    #[error(transparent)]
    Judge(#[from] JudgeModelError),
    /// A folder to write to that holds something.
    #[error("{}: give an empty or a new folder", folder.display())]
    OutputInUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A stored selector that cannot be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A published selector that cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A file of another format than the program writes.
    #[error(
        "{}: this program was built without the feature `parquet`; write .jsonl instead",
        path.display()
    )]
    NoParquet {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// Training that failed.
    #[error(transparent)]
    Training(#[from] BilevelError),
    /// Weights that cannot be read or written.
    #[error(transparent)]
    Weights(#[from] LmError),
    /// Answers that cannot be generated.
    #[error(transparent)]
    Generation(#[from] GenerateError),
    /// A selection that failed.
    #[error(transparent)]
    Selection(#[from] SelectError),
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A defect of the program.
    #[error("this is a defect of the program: {0}")]
    Defect(#[from] Defect),
}

/// A state that the program itself rules out.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// A model folder is used before [`crate::ModelSettings::find`].
    #[error("the model was not looked for")]
    NotLookedFor,
    /// A tokenizer of the kind `model`, and a model that is trained from scratch.
    #[error("a tokenizer of no model folder")]
    NoFolder,
    /// A row that was read without its place in the file.
    #[error("row {id} has no place")]
    NoPlace {
        /// The row.
        id: RowId,
    },
    /// Statistics of lists that the program put together wrongly.
    #[error(transparent)]
    Statistics(#[from] StatsError),
    /// A value that JSON does not express.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

fn pickle(is_there: bool) -> &'static str {
    match is_there {
        true => "; a pickle is not read: save it anew with safe_serialization=True",
        false => "",
    }
}

impl ModelError {
    /// A [`ModelError::Io`] for `path`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
