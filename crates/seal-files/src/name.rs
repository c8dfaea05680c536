//! Names that become files.

use std::fmt;
use std::str::FromStr;

/// Longest name in bytes: file systems allow 255, and suffixes are added.
const LONGEST: usize = 100;

/// A name that is safe as one component of a path: letters, digits, `-`, `_`, `.`, not
/// starting with a dot, of 1 to 100 bytes, and none that Windows keeps for devices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

/// A name that cannot be a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than the longest.
    #[error("a name of {0} bytes is too long: at most {LONGEST}")]
    Long(usize),
    /// Not made of letters, digits, `-`, `_`, `.`, or with a dot first.
    #[error("{0:?} cannot name a file: use letters, digits, `-`, `_` and `.`, no dot first")]
    Character(String),
    /// A device of Windows, such as `con`.
    #[error("{0:?} names a device on Windows: choose another")]
    Device(String),
}

impl FileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FileName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > LONGEST {
            return Err(NameError::Long(name.len()));
        }
        // Case folds to one file on some systems; that is left to whoever compares names.
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !name.chars().all(allowed) || name.starts_with('.') || name.ends_with('.') {
            return Err(NameError::Character(name.to_owned()));
        }
        let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        let numbered = |of: &str| {
            stem.strip_prefix(of)
                .is_some_and(|n| n.len() == 1 && n != "0" && n.as_bytes()[0].is_ascii_digit())
        };
        if matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
            || numbered("com")
            || numbered("lpt")
        {
            return Err(NameError::Device(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
