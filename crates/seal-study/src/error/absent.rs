//! Files that are not on this machine, told from those that are and cannot be used.

use std::error::Error;
use std::io;

use seal_model::ModelError;

/// Whether a model folder or a file of it is not here.
pub(crate) fn is_absent_model(error: &ModelError) -> bool {
    let is_missing = matches!(error, ModelError::Folder(seal_model::FolderError::Missing { .. }));
    is_missing || is_absent(error)
}

/// Whether the system found no file of that name.
pub(crate) fn is_absent(error: &(dyn Error + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(error) = at {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::NotFound) {
            return true;
        }
        at = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use seal_judging::JudgingError;
    use seal_model::{FolderError, JudgeModelError};

    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_told_from_one_that_cannot_be_used() {
        let of = |kind: io::ErrorKind| {
            let (path, source) = (PathBuf::from("p.txt"), io::Error::from(kind));
            JudgingError::PromptFile { path, source, origin: String::new() }
        };
        assert!(is_absent(&of(io::ErrorKind::NotFound)));
        assert!(!is_absent(&of(io::ErrorKind::PermissionDenied)));
        assert!(!is_absent(&JudgingError::NoPrice));
        let path = || PathBuf::from("m");
        assert!(is_absent_model(&FolderError::Missing { path: path() }.into()));
        let source = io::Error::from(io::ErrorKind::NotFound);
        assert!(is_absent_model(&FolderError::Config { path: path(), source }.into()));
        let table = JudgeModelError::Table { path: path(), line: None, why: "x".to_owned() };
        assert!(!is_absent_model(&table.into()));
    }
}
