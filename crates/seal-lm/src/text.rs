//! Text files of model folders.

use std::path::Path;

use serde_json::Value;

use crate::LmError;

/// Refuses a file that begins with `start` where that is a Git LFS pointer.
///
/// # Errors
/// [`LmError::Format`] with what to do.
pub(crate) fn refuse_pointer(start: &[u8], path: &Path) -> Result<(), LmError> {
    match seal_files::is_lfs_pointer(start) {
        false => Ok(()),
        true => Err(LmError::Format {
            path: path.into(),
            reason: "a Git LFS pointer, which stands for the file and is not the file: run `git \
                     lfs pull` in the repository, or download the model with another program"
                .into(),
        }),
    }
}

/// The value of JSON text; `path` is for messages.
///
/// # Errors
/// Text that is a Git LFS pointer or no JSON.
pub(crate) fn json(text: &str, path: &Path) -> Result<Value, LmError> {
    refuse_pointer(text.as_bytes(), path)?;
    serde_json::from_str(text)
        .map_err(|e| LmError::Format { path: path.into(), reason: format!("not JSON: {e}") })
}

/// As [`json`], of the file at `path`.
///
/// # Errors
/// The same, and a file that cannot be read.
pub(crate) fn read_json(path: &Path) -> Result<Value, LmError> {
    let text = std::fs::read_to_string(path).map_err(LmError::io(path))?;
    json(&text, path)
}
