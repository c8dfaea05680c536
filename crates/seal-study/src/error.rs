//! What can go wrong in a study, and the exit code each class gets.

use std::path::{Path, PathBuf};

use seal_bilevel::BilevelError;
use seal_data::{DataError, TemplateError, TokenizerError};
use seal_device::DeviceError;
use seal_judge::JudgeError;
use seal_lm::{GenerateError, LmError};
use seal_select::SelectError;
use seal_world::WorldError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A config, plan or option that cannot be used.
    #[error("{0}")]
    Config(String),
    /// Rows that cannot be read or used.
    #[error(transparent)]
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
    #[error(transparent)]
    Training(#[from] BilevelError),
    /// A model that cannot be read or written.
    #[error(transparent)]
    Model(#[from] LmError),
    /// Answers that cannot be generated.
    #[error(transparent)]
    Generation(#[from] GenerateError),
    /// A selection that failed.
    #[error(transparent)]
    Selection(#[from] SelectError),
    /// A report that cannot be read or written.
    #[error(transparent)]
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

/// What may pass later is worth another try.
#[cfg(feature = "hub")]
fn hub_code(error: &seal_hub::HubError) -> u8 {
    use seal_hub::HubError;
    match error {
        HubError::Address { .. } | HubError::Setting { .. } => 2,
        other if other.is_retryable() => 5,
        _ => 3,
    }
}

fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "; make room and run the same command again: finished stages are kept"
        }
        _ => "",
    }
}

impl StudyError {
    /// An [`StudyError::Io`] for `path`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Exit code of the command line: 1 unexpected failure, 2 usage or config,
    /// 3 data, 4 device or backend missing, 5 judge or network (retryable).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::World(_) => 2,
            Self::Training(BilevelError::Settings(_)) | Self::Model(LmError::Config(_)) => 2,
            Self::Device(DeviceError::Unknown(_)) => 2,
            Self::Model(LmError::Diverged { .. }) => 1,
            Self::Model(_) => 3,
            Self::Tokenizer(_) | Self::Template(_) => 2,
            #[cfg(feature = "hub")]
            Self::Hub(error) => hub_code(error),
            Self::Generation(GenerateError::Settings(_)) => 2,
            Self::Generation(GenerateError::Logits { .. }) => 1,
            Self::Generation(_) => 3,
            Self::Data(_)
            | Self::Rows(_)
            | Self::Damaged { .. }
            | Self::Training(BilevelError::Empty(_)) => 3,
            Self::Judge(JudgeError::MissingField { .. }) => 3,
            Self::Device(DeviceError::NotCompiledIn { .. }) => 4,
            Self::Judge(_) => 5,
            Self::Stage { source, .. } => source.exit_code(),
            _ => 1,
        }
    }
}
