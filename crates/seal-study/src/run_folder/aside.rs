//! Files of a run folder that are moved out of the way.

use std::fs;
use std::path::{Path, PathBuf};

use seal_files::make_folder;

use crate::StudyError;

const SET_ASIDE: &str = "set-aside";

/// Moves `out/below/name` to a free name in `out/set-aside/below`, which is returned.
///
/// # Errors
/// A link in the way; a file that cannot be moved.
pub(crate) fn move_aside(out: &Path, below: &Path, name: &str) -> Result<PathBuf, StudyError> {
    let place = Path::new(SET_ASIDE).join(below);
    let aside = make_folder(out, &place).map_err(StudyError::at_file(&out.join(&place)))?;
    let flat = name.replace('/', "-");
    let free = |n: &u32| aside.join(format!("{flat}-{n}"));
    let to = (1..).map(|n| free(&n)).find(|path| fs::symlink_metadata(path).is_err());
    let to = to.unwrap_or_else(|| free(&0));
    let from = out.join(below).join(name);
    fs::rename(&from, &to).map_err(StudyError::io(&from))?;
    Ok(to)
}
