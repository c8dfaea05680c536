//! Names of a config that become files and folders.

use std::collections::BTreeMap;

use seal_files::FileName;

use super::types::Config;
use crate::error::{ConfigError, FileError};

/// Names of one kind, each of them a file or folder of its own, on file systems that tell
/// upper from lower case and on those that do not.
pub(crate) struct UniqueNames {
    key: &'static str,
    known: BTreeMap<String, String>,
}

impl UniqueNames {
    /// No names yet; errors name the `key` that they stand at.
    pub(crate) fn new(key: &'static str) -> Self {
        Self { key, known: BTreeMap::new() }
    }

    /// Adds `name`.
    ///
    /// # Errors
    /// [`ConfigError::Name`] for a name that cannot be a file, one that is there, and one that
    /// differs in case alone from another.
    pub(crate) fn add(&mut self, name: &str) -> Result<(), ConfigError> {
        let key = self.key;
        self.fits(name).map_err(|source| ConfigError::Name { key, source })
    }

    fn fits(&mut self, name: &str) -> Result<(), FileError> {
        name.parse::<FileName>()?;
        let named = || name.to_owned();
        match self.known.insert(without_case(name), named()) {
            None => Ok(()),
            Some(other) if other == name => Err(FileError::Twice { name: named() }),
            Some(first) => Err(FileError::Case { name: named(), first }),
        }
    }
}

/// Upper case first: some letters, such as `ß` and `ſ`, fall together with others there only.
fn without_case(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

impl Config {
    /// Checks the names of study and tests, and of the arms that the config lists.
    ///
    /// # Errors
    /// As [`UniqueNames::add`].
    pub(super) fn names_fit(&self) -> Result<(), ConfigError> {
        UniqueNames::new("study.name").add(&self.study.name)?;
        let mut tests = UniqueNames::new("data.test");
        self.data.iter().flat_map(|data| data.test.keys()).try_for_each(|test| tests.add(test))?;
        let mut arms = UniqueNames::new("arms");
        self.arms.iter().try_for_each(|arm| arms.add(&arm.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_files_and_stay_apart() {
        let mut names = UniqueNames::new("arms");
        for good in ["seal", "gamma-0.1", "naïve", "SEAL2", "straße"] {
            names.add(good).unwrap();
        }
        let mut error = |name: &str| names.add(name).unwrap_err().to_string();
        for bad in ["", ".", "..", "../x", "a/b", "/a", "a\\b", "a\0", ".x", "a b", "nul", "a\n"] {
            assert!(error(bad).starts_with("arms: "), "{bad:?}");
            assert!(!error(bad).contains(char::is_control), "{bad:?}");
        }
        insta::assert_snapshot!(error("seal"), @"arms: `seal` is there twice");
        insta::assert_snapshot!(error("Gamma-0.1"), @"arms: `gamma-0.1` and `Gamma-0.1` differ in case alone, and would be one file on some systems; rename one");
        assert!(error("STRASSE").contains("differ in case"));
    }
}
