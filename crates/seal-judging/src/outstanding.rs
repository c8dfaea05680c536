//! Questions that were written for a batch and have no answer yet: a file beside the log.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::JudgingError;

/// Ids of such questions, one a line.
#[derive(Debug)]
pub(crate) struct Outstanding {
    path: PathBuf,
    ids: BTreeSet<String>,
}

impl Outstanding {
    /// Those beside the log at `log`; none where there is no such file.
    ///
    /// # Errors
    /// A file that cannot be read, or that is a list of something else.
    pub(crate) fn of(log: &Path) -> Result<Self, JudgingError> {
        let path = beside(log, ".outstanding");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(JudgingError::io("read", &path)(error)),
        };
        let is_id = |line: &str| line.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(at) = text.lines().position(|line| !is_id(line)) {
            let why = format!(
                "line {} is no id of a question; if no batch is under way, remove the file",
                at + 1
            );
            let error = io::Error::new(io::ErrorKind::InvalidData, why);
            return Err(JudgingError::io("read", &path)(error));
        }
        let ids = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Ok(Self { path, ids })
    }

    /// How many of `ids` are among them.
    pub(crate) fn count<'a>(&self, ids: impl Iterator<Item = &'a str>) -> usize {
        ids.filter(|id| self.has(id)).count()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub(crate) fn add(&mut self, id: &str) {
        self.ids.insert(id.to_owned());
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.ids.remove(id);
    }

    /// Writes the file anew, or removes it where nothing is left.
    pub(crate) fn save(&self) -> Result<(), JudgingError> {
        if self.ids.is_empty() {
            return match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(JudgingError::io("remove", &self.path)(error))
                }
                _ => Ok(()),
            };
        }
        let text: String = self.ids.iter().map(|id| format!("{id}\n")).collect();
        let new = beside(&self.path, ".new");
        std::fs::write(&new, text).map_err(JudgingError::io("write", &new))?;
        std::fs::rename(&new, &self.path).map_err(JudgingError::io("write", &self.path))
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_until_none_is_left_and_another_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("v.jsonl");
        let mut ids = Outstanding::of(&log).unwrap();
        ids.add("0a");
        ids.add("1b");
        ids.save().unwrap();
        let mut ids = Outstanding::of(&log).unwrap();
        assert!(ids.has("0a") && ids.has("1b") && !ids.has("2c"));
        ids.remove("0a");
        ids.remove("1b");
        ids.save().unwrap();
        ids.save().unwrap();
        let path = dir.path().join("v.jsonl.outstanding");
        assert!(!path.exists());
        std::fs::write(&path, "0a\nmy notes\n").unwrap();
        let said = Outstanding::of(&log).unwrap_err().to_string();
        assert!(
            said.ends_with(
                "line 2 is no id of a question; if no batch is under way, remove the file"
            ),
            "{said}"
        );
    }
}
