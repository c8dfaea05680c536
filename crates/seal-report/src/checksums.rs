//! `checksums.json`: what a run wrote, so that what became of it since is noticed.
//!
//! The files of results are plain JSON that anyone may open, and a flipped bit or an
//! edit may leave them readable with another figure. Beside them stands the BLAKE3 of
//! each; what is read is held against it. A folder without the file, as programs before
//! this one left it, is read with a warning.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use seal_files::Digest;
use serde::{Deserialize, Serialize};

use crate::{Document, Error, FORMAT_VERSION, Result};

/// BLAKE3 of the stored documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksums {
    format_version: u32,
    /// By file name.
    blake3: BTreeMap<String, Digest>,
}

impl Document for Checksums {
    const FILE: &'static str = "checksums.json";

    fn format_version(&self) -> u32 {
        self.format_version
    }
}

impl Checksums {
    /// Of these files.
    pub(crate) fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let blake3 =
            files.into_iter().map(|(name, bytes)| (name.to_owned(), Digest::of(bytes))).collect();
        Self { format_version: FORMAT_VERSION, blake3 }
    }

    /// Those of a folder; `None` where it has none.
    ///
    /// # Errors
    /// A file that is not as it was written.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(Self::FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { action: "read", path, source }),
        };
        let damaged = || Error::Damaged {
            file: Self::FILE,
            problem: "this is not the file that a run wrote".into(),
        };
        let text = String::from_utf8(bytes).map_err(|_| damaged())?;
        let read = match Self::from_json(&text) {
            Err(Error::Json { .. }) => return Err(damaged()),
            read => read?,
        };
        // Nothing in it is there for readers: any other spelling is damage.
        if read.to_json()? == text { Ok(Some(read)) } else { Err(damaged()) }
    }

    /// Holds the bytes of a file, or its absence, against what was written.
    ///
    /// # Errors
    /// [`Error::Version`] of a file from another program, else [`Error::Damaged`].
    pub(crate) fn check<D: Document>(&self, bytes: Option<&[u8]>) -> Result<()> {
        let problem = match (self.blake3.get(D::FILE), bytes) {
            (None, None) => return Ok(()),
            (Some(_), None) => "the run wrote this file, and it is not there",
            (None, Some(_)) => "the run wrote no such file",
            (Some(sum), Some(bytes)) if Digest::of(bytes) == *sum => return Ok(()),
            (Some(_), Some(bytes)) => {
                if let Err(e @ Error::Version { .. }) = crate::document::version::<D>(bytes) {
                    return Err(e);
                }
                "this is not what the run wrote: damaged or edited since"
            }
        };
        Err(Error::Damaged { file: D::FILE, problem: problem.into() })
    }
}
