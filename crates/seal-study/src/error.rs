//! What can go wrong in a study.

use std::path::{Path, PathBuf};

use seal_bilevel::BilevelError;
use seal_data::{DataError, TemplateError, TokenizerError};
use seal_device::DeviceError;
use seal_judge::JudgeError;
use seal_lm::{GenerateError, LmError};
use seal_select::SelectError;
use seal_world::WorldError;

use crate::exit_code::remedy;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A config, plan or option that cannot be used.
    #[error("{0}")]
    Config(String),
    /// Rows that cannot be read or used.
    #[error("{0}{room}", room = remedy(.0))]
    Data(#[from] DataError),
    /// A tokenizer that cannot be had.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A file of a model hub that cannot be had.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] seal_hub::HubError),
    /// A prompt template that cannot be had.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The world cannot be drawn.
    #[error("world: {0}")]
    World(#[from] WorldError),
    /// A data set with nothing to train or test on.
    #[error("{0}")]
    Rows(String),
    /// A device or backend that is missing.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A judge that failed.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// Training that failed.
    #[error("{0}{room}", room = remedy(.0))]
    Training(#[from] BilevelError),
    /// A model that cannot be read or written.
    #[error("{0}{room}", room = remedy(.0))]
    Model(#[from] LmError),
    /// Answers that cannot be generated.
    #[error(transparent)]
    Generation(#[from] GenerateError),
    /// A selection that failed.
    #[error(transparent)]
    Selection(#[from] SelectError),
    /// A report that cannot be read or written.
    #[error("{0}{room}", room = remedy(.0))]
    Report(#[from] seal_report::Error),
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}{}", path.display(), remedy(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the store or of the run folder that is not what it should be.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A stage that failed; what was finished before is kept.
    #[error("{label}: {source}")]
    Stage {
        /// Stage, arm and seed.
        label: String,
        /// Why.
        source: Box<StudyError>,
    },
    /// A defect of the program.
    #[error("this is a defect of the program: {0}")]
    Defect(String),
}

impl StudyError {
    /// An [`StudyError::Io`] for `path`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
