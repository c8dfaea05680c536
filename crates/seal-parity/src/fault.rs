//! Why a path gave nothing.

use seal_bilevel::BilevelError;
use seal_device::DeviceError;
use seal_lm::{GenerateError, LmError, TrainingStateError};

/// Why a path gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum PathFault {
    /// A model that cannot be made, read or written.
    #[error(transparent)]
    Model(#[from] LmError),
    /// Training that failed.
    #[error(transparent)]
    Training(#[from] BilevelError),
    /// Generation that failed.
    #[error(transparent)]
    Generation(#[from] GenerateError),
    /// A state of training that does not fit.
    #[error(transparent)]
    State(#[from] TrainingStateError),
    /// A device that cannot be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A folder for files that cannot be had.
    #[error("a folder for files of the check: {0}")]
    Folder(#[from] std::io::Error),
    /// Something else than the path promises.
    #[error("{said}")]
    Broken {
        /// What it did.
        said: String,
    },
    /// The path needs something that the device does not have.
    #[error("{reason}")]
    Lacking {
        /// What it lacks.
        reason: String,
    },
    /// The backend panicked.
    #[error("the backend stopped: {said}")]
    Panicked {
        /// The first line of what it said.
        said: String,
    },
}

impl PathFault {
    pub(crate) fn broken(said: impl Into<String>) -> Self {
        Self::Broken { said: said.into() }
    }
}
