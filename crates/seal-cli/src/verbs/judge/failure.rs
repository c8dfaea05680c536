//! Why a file of judgements gives no figures.

use std::io;
use std::path::PathBuf;

use seal_eval::AnnotatedError;
use seal_judge::FormatError;

/// A file that gives no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeFailure {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no list of rows.
    #[error("{}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: FormatError,
    },
    /// The rows of the file give no figures.
    #[error("{}: {source}", path.display())]
    Figures {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: AnnotatedError,
    },
}
