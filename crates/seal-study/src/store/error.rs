//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process works in the folder.
    #[error("{} is in use by another run; wait for it, or give --store another folder",
        root.display())]
    InUse {
        /// The store.
        root: PathBuf,
    },
    /// A folder with files of others. The program writes into no such folder.
    #[error("{} is no store and not empty: it holds `{}`; give --store an empty or a new folder",
        root.display(), found.escape_debug())]
    Foreign {
        /// The folder.
        root: PathBuf,
        /// The first entry that is not the program's.
        found: String,
    },
    /// A store of another version of the program.
    #[error("{}: {}", path.display(), Self::version_reason(found, *known))]
    Version {
        /// The file that says so.
        path: PathBuf,
        /// Its version, as JSON.
        found: String,
        /// The version that this program writes.
        known: u32,
    },
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    /// What [`StoreError::Version`] says of its file.
    pub(crate) fn version_reason(found: &str, known: u32) -> String {
        format!(
            "format_version {found}, and this program knows {known}; use the program that wrote \
             it, or give --store another folder; if the file is damaged, remove it"
        )
    }

    /// A [`StoreError::Io`] for `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Why an entry of a store cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file that shows it.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}
