//! What is wrong with an entry of a store.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why an entry of a store cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file that shows it.
    pub file: PathBuf,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.flaw)
    }
}

/// What is wrong with a file of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Something else stands in the place of the entry.
    #[error("not a folder")]
    NotAFolder,
    /// The manifest lists it, and it is not there.
    #[error("it is missing")]
    Missing,
    /// A folder, a link or a pipe.
    #[error("not a plain file")]
    NotAPlainFile,
    /// The system does not give its content.
    #[error("{message}")]
    Unreadable {
        /// Which kind of failure.
        kind: io::ErrorKind,
        /// What the system said.
        message: String,
    },
    /// Its size is another one.
    #[error("{found} bytes, not {expected}")]
    Size {
        /// Its size.
        found: u64,
        /// Its size in the manifest.
        expected: u64,
    },
    /// It was changed.
    #[error("its content is not that of its hash")]
    Content,
    /// A manifest that is no text.
    #[error("not UTF-8")]
    NotText,
    /// A manifest that is no JSON.
    #[error("not JSON")]
    NotJson,
    /// A manifest that does not say its version.
    #[error("no format_version")]
    NoVersion,
    /// A manifest of another version of the program.
    #[error("format_version {found}, and this program knows {known}")]
    Version {
        /// Its version.
        found: u64,
        /// The newest version that this program reads.
        known: u32,
    },
    /// A manifest without its own hash.
    #[error("its own hash is missing")]
    NoHash,
    /// A manifest with other fields than those of its version.
    #[error("not the fields of a manifest (line {line}, column {column})")]
    Fields {
        /// Where reading stopped; 0 where that is not known.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A manifest of version 1 that is spelled otherwise than it was written.
    #[error("not as it was written")]
    Spelling,
    /// The manifest of another stage, key or set of inputs.
    #[error("it is that of another output")]
    OtherOutput,
    /// A manifest of nothing.
    #[error("it lists no files")]
    NoFiles,
    /// A manifest that lists a name twice, or a name that leads out of the entry.
    #[error("{name:?} is no name of a file of its own")]
    Name {
        /// The name.
        name: String,
    },
}
