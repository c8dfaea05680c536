//! The store that the last run of a run folder used, where it lies elsewhere.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::StudyError;

/// File of a run folder with the path of its store.
pub(crate) const STORE_PATH: &str = "store-path.txt";

/// Notes which store a run into `out` uses: `store`, or the one in the run folder. Returns whether it
/// could be noted; a path that is no text cannot.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn remember_store(out: &Path, store: Option<&Path>) -> Result<bool, StudyError> {
    let file = out.join(STORE_PATH);
    let own = out.join("store");
    let store = store.filter(|store| !seal_files::same_file(store, &own));
    let Some(store) = store else {
        return match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StudyError::io(&file)(error)),
            _ => Ok(true),
        };
    };
    let whole = store.canonicalize().map_err(StudyError::io(store))?;
    let text = whole.to_str().filter(|text| !text.contains('\n'));
    let Some(text) = text else { return Ok(false) };
    seal_files::write(&file, format!("{text}\n").as_bytes()).map_err(StudyError::at_file(&file))?;
    Ok(true)
}

/// The store that the last run into `out` used, where it is not the one in the run folder.
///
/// # Errors
/// A file that cannot be read.
pub fn store_of_folder(out: &Path) -> Result<Option<PathBuf>, StudyError> {
    let file = out.join(STORE_PATH);
    let bytes = match seal_files::read(&file) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.map_err(StudyError::at_file(&file))?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let path = PathBuf::from(text.strip_suffix('\n').unwrap_or(&text));
    // Nothing else was ever written there.
    Ok(Some(path).filter(|path| path.is_absolute()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_elsewhere_is_remembered_until_another_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let (out, shared) = (dir.path().join("out"), dir.path().join("shared store"));
        fs::create_dir_all(out.join("store")).unwrap();
        fs::create_dir(&shared).unwrap();
        assert_eq!(store_of_folder(&out).unwrap(), None);
        assert!(remember_store(&out, Some(&shared)).unwrap());
        let whole = shared.canonicalize().unwrap();
        assert_eq!(store_of_folder(&out).unwrap(), Some(whole));
        // Its own, by another way to name it.
        assert!(remember_store(&out, Some(&dir.path().join("out/../out/store"))).unwrap());
        assert_eq!(store_of_folder(&out).unwrap(), None);
        assert!(remember_store(&out, None).unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_path_that_is_no_text_is_not_remembered() {
        use std::os::unix::ffi::OsStrExt as _;
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"st\xffre"));
        fs::create_dir(&odd).unwrap();
        assert!(!remember_store(dir.path(), Some(&odd)).unwrap());
        assert_eq!(store_of_folder(dir.path()).unwrap(), None);
    }
}
