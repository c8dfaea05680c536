//! What the stored JSON files have in common: a version and a check.
//!
//! Within one `format_version` fields may be added, and readers ignore those
//! they do not know; to remove or rename a field, or to change what it means,
//! raises the version. `tests/golden/results-v1.json` keeps this promise honest.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, Result, finite};

/// The version of the files that this crate writes, and the only one it reads.
pub const FORMAT_VERSION: u32 = 1;

/// A stored JSON file.
pub trait Document: Serialize + DeserializeOwned {
    /// The file's name in the run folder.
    const FILE: &'static str;

    /// The version the value carries.
    fn format_version(&self) -> u32;

    /// Checks that the parts agree with each other.
    ///
    /// # Errors
    /// [`Error::Inconsistent`], naming the field.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Parses and checks the text of a file.
    ///
    /// # Errors
    /// [`Error::Version`] before anything else is looked at, then
    /// [`Error::Json`], then what [`Document::check`] finds.
    fn from_json(text: &str) -> Result<Self> {
        let json = |source| Error::Json { file: Self::FILE, source };
        let header: DocumentHeader = serde_json::from_str(text).map_err(json)?;
        check_version(Self::FILE, header.format_version)?;
        let document: Self = serde_json::from_str(text).map_err(json)?;
        document.check()?;
        Ok(document)
    }

    /// The text of the file: indented, one final newline, and the same bytes
    /// for equal values (floats in their shortest form that reads back exactly).
    ///
    /// # Errors
    /// [`Error::Version`], [`Error::NotFinite`], or what [`Document::check`] finds.
    fn to_json(&self) -> Result<String> {
        check_version(Self::FILE, self.format_version())?;
        finite::check(Self::FILE, self)?;
        self.check()?;
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|source| Error::Json { file: Self::FILE, source })?;
        text.push('\n');
        Ok(text)
    }
}

/// Checks the version that the text of a file carries, and nothing else.
///
/// # Errors
/// [`Error::Version`], or [`Error::Json`] where it carries none.
pub(crate) fn version<D: Document>(bytes: &[u8]) -> Result<()> {
    let header: DocumentHeader =
        serde_json::from_slice(bytes).map_err(|source| Error::Json { file: D::FILE, source })?;
    check_version(D::FILE, header.format_version)
}

#[derive(Deserialize)]
struct DocumentHeader {
    format_version: u32,
}

fn check_version(file: &'static str, found: u32) -> Result<()> {
    if found == FORMAT_VERSION {
        Ok(())
    } else {
        Err(Error::Version { file, found, expected: FORMAT_VERSION })
    }
}
