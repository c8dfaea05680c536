//! What can go wrong with a store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::damage::Damage;

/// An error of a store. [`StoreError::problem`] says what is wrong and where,
/// [`StoreError::remedy`] what helps; the message is both.
#[derive(Debug)]
pub enum StoreError {
    /// A program that shares no stores, such as an older version, works in the folder.
    InUse {
        /// The store.
        root: PathBuf,
    },
    /// A folder with files of others. The program writes into no such folder.
    Foreign {
        /// The folder.
        root: PathBuf,
        /// The first entry that is not the program's.
        found: String,
    },
    /// A store of another version of the program.
    Version {
        /// The file that says so.
        path: PathBuf,
        /// Its version, as JSON.
        found: String,
        /// The version that this program writes.
        known: u32,
    },
    /// An output that is still to be made in a store that can only be read.
    ReadOnly {
        /// The store.
        root: PathBuf,
        /// Stage and key of the output.
        output: String,
        /// What is wrong with the entry that is there, if one is.
        damage: Option<Box<Damage>>,
        /// What the system says to a file in the store.
        reason: io::ErrorKind,
    },
    /// Two processes made one output, and not with the same bits: it depends on more than its key.
    Differs {
        /// The entry, which stays.
        kept: PathBuf,
        /// The folder of the later output.
        other: PathBuf,
        /// The first file that differs.
        file: String,
    },
    /// The system gives no thread to keep a claim.
    NoThread {
        /// What the system said.
        source: io::Error,
    },
    /// A stage left no file in the folder of its output.
    NoFiles {
        /// The folder.
        dir: PathBuf,
    },
    /// A stage gave a file a name that is no UTF-8.
    Name {
        /// The file.
        path: PathBuf,
    },
    /// A record that JSON does not hold.
    Json {
        /// The file that it was for.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file or folder that cannot be read or written.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What helps against a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Wait for the other program, or use another folder.
    WaitOrOtherFolder,
    /// Use an empty or a new folder.
    EmptyFolder,
    /// Use another folder, or get the right to write.
    WritableFolder,
    /// Compare the two folders, and remove the wrong one.
    Compare,
    /// Use the program that wrote the file, or another folder. A damaged file may be removed.
    OtherProgramOrFolder,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WaitOrOtherFolder => "wait for it, or use another folder as the store",
            Self::EmptyFolder => "use an empty or a new folder as the store",
            Self::WritableFolder => {
                "use another folder as the store, or get the right to write into this one"
            }
            Self::Compare => "compare the two, and remove the one that is wrong",
            Self::OtherProgramOrFolder => {
                "use the program that wrote it, or another folder as the store; if the file is \
                 damaged, remove it"
            }
        })
    }
}

impl StoreError {
    /// What is wrong, and where.
    pub fn problem(&self) -> String {
        match self {
            Self::InUse { root } => format!("{} is in use by another run", root.display()),
            Self::Foreign { root, found } => {
                let found = found.escape_debug();
                format!("{} is no store and not empty: it holds `{found}`", root.display())
            }
            Self::Version { path, found, known } => {
                let path = path.display();
                format!("{path}: format_version {found}, and this program knows {known}")
            }
            Self::ReadOnly { root, output, damage, reason } => {
                let found = match damage {
                    Some(damage) => format!("its entry is damaged ({damage})"),
                    None => "it is not there".to_owned(),
                };
                let root = root.display();
                format!("{output} must be made: {found}; {root} cannot be written: {reason}")
            }
            Self::Differs { kept, other, file } => format!(
                "two runs made {} with other bits in `{}`; that of this run is {}",
                kept.display(),
                file.escape_debug(),
                other.display()
            ),
            Self::NoThread { source } => format!("no thread to keep a claim: {source}"),
            Self::NoFiles { dir } => format!("{}: an output without files", dir.display()),
            Self::Name { path } => format!("{}: a name that is no UTF-8", path.display()),
            Self::Json { path, source } => format!("{}: {source}", path.display()),
            Self::Io { path, source } => format!("{}: {source}", path.display()),
        }
    }

    /// What helps; `None` where the problem says it, or nothing does.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::InUse { .. } => Some(Remedy::WaitOrOtherFolder),
            Self::Foreign { .. } => Some(Remedy::EmptyFolder),
            Self::Version { .. } => Some(Remedy::OtherProgramOrFolder),
            Self::ReadOnly { .. } => Some(Remedy::WritableFolder),
            Self::Differs { .. } => Some(Remedy::Compare),
            Self::NoThread { .. }
            | Self::NoFiles { .. }
            | Self::Name { .. }
            | Self::Json { .. }
            | Self::Io { .. } => None,
        }
    }

    /// A [`StoreError::Io`] for `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// A [`StoreError::Json`] for `path`.
    pub(crate) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Json { path, source }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem())?;
        match self.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::NoThread { source } => Some(source),
            Self::Json { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::damage::Flaw;

    #[test]
    fn a_message_has_place_problem_and_remedy_and_no_flag() {
        let at = || PathBuf::from("s");
        let json = || serde_json::from_str::<u8>("x").unwrap_err();
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let all = [
            StoreError::InUse { root: at() },
            StoreError::Foreign { root: at(), found: "a\nb".to_owned() },
            StoreError::Version { path: at(), found: "9".to_owned(), known: 1 },
            StoreError::ReadOnly {
                root: at(),
                output: "sft-0".to_owned(),
                damage: None,
                reason: io::ErrorKind::PermissionDenied,
            },
            StoreError::ReadOnly {
                root: at(),
                output: "sft-0".to_owned(),
                damage: Some(Box::new(Damage { file: "s/f".into(), flaw: Flaw::Missing })),
                reason: io::ErrorKind::ReadOnlyFilesystem,
            },
            StoreError::Differs { kept: at(), other: "t".into(), file: "w".to_owned() },
            StoreError::NoThread { source: full() },
            StoreError::NoFiles { dir: at() },
            StoreError::Name { path: at() },
            StoreError::json(&at())(json()),
            StoreError::io(&at())(full()),
        ];
        let messages: Vec<String> = all.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(messages.join("\n"), @r"
        s is in use by another run; wait for it, or use another folder as the store
        s is no store and not empty: it holds `a\nb`; use an empty or a new folder as the store
        s: format_version 9, and this program knows 1; use the program that wrote it, or another folder as the store; if the file is damaged, remove it
        sft-0 must be made: it is not there; s cannot be written: permission denied; use another folder as the store, or get the right to write into this one
        sft-0 must be made: its entry is damaged (s/f: it is missing); s cannot be written: read-only filesystem or storage medium; use another folder as the store, or get the right to write into this one
        two runs made s with other bits in `w`; that of this run is t; compare the two, and remove the one that is wrong
        no thread to keep a claim: no storage space
        s: an output without files
        s: a name that is no UTF-8
        s: expected value at line 1 column 1
        s: no storage space
        ");
        let has_source = all.each_ref().map(|error| error.source().is_some());
        assert_eq!(
            has_source,
            [false, false, false, false, false, false, true, false, false, true, true]
        );
    }
}
