//! One process at a time on one thing, among thousands of things.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::identity::is_at;
use crate::lock::{open, taken};

/// A lock whose file is removed when it is released. Like [`crate::FileLock`], it ends with
/// its process, however that ends; the file that a killed process leaves is taken over.
///
/// Two claims of one path exclude each other in one process, too.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// The lock goes when it is closed, which comes after the removal of the file.
    _file: File,
}

impl Claim {
    /// Claims `path`, a file in a folder of the program. `None` if another claim holds it.
    ///
    /// # Errors
    /// As [`crate::FileLock::try_take`].
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = match open(path) {
                // Its holder removed it after it was seen here.
                Err(error) if error.kind() == io::ErrorKind::NotFound && has_folder(path) => {
                    continue;
                }
                other => other?,
            };
            if !taken(file.try_lock())? {
                return Ok(None);
            }
            // Its holder may have removed it between the two steps: a lock on a file that
            // has no name any more excludes nobody.
            if is_at(path, &file)? {
                return Ok(Some(Self { path: path.to_owned(), _file: file }));
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While the lock is held. A file that stays is taken over by the next claim.
        #[cfg(unix)]
        let _ = fs::remove_file(&self.path);
    }
}

fn has_folder(path: &Path) -> bool {
    crate::pending::parent(path).is_dir()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_claim_is_held_by_one_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        // What a killed process left is taken over.
        fs::write(&path, "").unwrap();
        let held = Claim::try_take(&path).unwrap().unwrap();
        assert!(Claim::try_take(&path).unwrap().is_none());
        assert!(Claim::try_take(&dir.path().join("d")).unwrap().is_some());
        drop(held);
        assert!(!cfg!(unix) || fs::read_dir(dir.path()).unwrap().next().is_none());
        assert!(Claim::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn what_is_no_plain_file_and_a_folder_that_is_not_there_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("c")).unwrap();
        assert!(Claim::try_take(&dir.path().join("c")).is_err());
        assert!(Claim::try_take(&dir.path().join("absent/c")).is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", dir.path().join("l")).unwrap();
            assert!(Claim::try_take(&dir.path().join("l")).is_err());
        }
    }

    /// The file is removed and made again all the time, and still only one is inside.
    #[test]
    fn of_many_that_take_and_release_one_is_inside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let (inside, most, taken) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..3000 {
                        let Some(claim) = Claim::try_take(&path).unwrap() else { continue };
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        taken.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(claim);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 1);
        assert!(taken.into_inner() > 100);
    }
}
