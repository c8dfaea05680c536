//! Why a folder cannot be the run folder of a study.

use std::path::PathBuf;

/// Why a folder cannot be the run folder of a study.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunFolderError {
    /// A file stands there.
    #[error("{} is a file", out.display())]
    File {
        /// The folder that was asked for.
        out: PathBuf,
    },
    /// Another process works in it.
    #[error("{} is in use by another run", out.display())]
    InUse {
        /// The folder.
        out: PathBuf,
    },
    /// Another study ran in it.
    #[error("{} holds the study `{}`, not `{wanted}`", out.display(), found.escape_debug())]
    OtherStudy {
        /// The folder.
        out: PathBuf,
        /// The study that ran in it.
        found: String,
        /// The study that was to run.
        wanted: String,
    },
    /// It holds files of others. The program writes into no such folder.
    #[error("{} is not empty and no run folder", out.display())]
    Foreign {
        /// The folder.
        out: PathBuf,
    },
    /// A file of the study is there, and the run would write over it.
    #[error("{role}: {} lies in the run folder, where it would be written over", path.display())]
    Input {
        /// What the study reads it as, such as `the rows`.
        role: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Another version of the program wrote it.
    #[error("{}: format_version {found}, and this program knows {known}", path.display())]
    Version {
        /// The file that says so.
        path: PathBuf,
        /// Its version, as JSON.
        found: String,
        /// The version that this program writes.
        known: u32,
    },
    /// Its config is not the one that the last run left.
    #[error("{}: it is not as the last run left it: edited or damaged", path.display())]
    EditedConfig {
        /// The config.
        path: PathBuf,
    },
}

impl RunFolderError {
    /// Whether the folder's own files are at fault, and not the choice of the folder.
    pub fn is_of_its_files(&self) -> bool {
        match self {
            Self::Version { .. } | Self::EditedConfig { .. } => true,
            Self::File { .. }
            | Self::InUse { .. }
            | Self::OtherStudy { .. }
            | Self::Foreign { .. }
            | Self::Input { .. } => false,
        }
    }
}
