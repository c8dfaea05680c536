//! A folder with files that the program wrote, as a stamp lists them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use seal_files::{Flush, make_folder};
use seal_store::{SharedDigests, StoredFile};

use super::exported::exported_files;
use super::places::{names, notice, refuse_links};
use super::stamp::{MadeFrom, STAMP, Stamp, Stamped, is_there};
use crate::error::StudyError;
use crate::observer::Observer;
use crate::run_folder::move_aside;

/// A folder that the study wants.
pub(super) struct WantedFolder<'a> {
    out: &'a Path,
    /// Below the run folder.
    pub(super) below: PathBuf,
    made_from: MadeFrom,
    /// The stamp, where all is as it says.
    pub(super) intact: Option<Stamp>,
}

impl<'a> WantedFolder<'a> {
    /// The folder `below` the run folder `out`, not yet looked at.
    ///
    /// # Errors
    /// A link in the way.
    pub(super) fn new(
        out: &'a Path,
        below: PathBuf,
        made_from: MadeFrom,
    ) -> Result<Self, StudyError> {
        refuse_links(out, &below)?;
        seal_files::remove_unfinished(&out.join(&below));
        Ok(Self { out, below, made_from, intact: None })
    }

    fn dir(&self) -> PathBuf {
        self.out.join(&self.below)
    }

    /// The stamp, if the folder is made from what it should be and every file is as it was written.
    ///
    /// # Errors
    /// A stamp that may not be read.
    pub(super) fn intact_stamp(
        &self,
        digests: &SharedDigests,
    ) -> Result<Option<Stamp>, StudyError> {
        let dir = self.dir();
        Ok(match Stamp::read(&dir)? {
            Stamped::By(s) if s.made_from == self.made_from && s.holds(&dir, digests) => Some(s),
            _ => None,
        })
    }

    /// Makes the files of the folder those of `wanted`.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(super) fn put(
        &self,
        wanted: Vec<StoredFile>,
        content: &dyn Fn(&StoredFile, &Path) -> std::io::Result<()>,
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        let dir = self.dir();
        make_folder(self.out, &self.below).map_err(StudyError::at_file(&dir))?;
        let (written, is_old): (Option<Vec<StoredFile>>, bool) = match Stamp::read(&dir)? {
            Stamped::By(stamp) => (Some(stamp.written().cloned().collect()), false),
            // No list: of such a folder, files of these names are the program's.
            Stamped::Old => (None, true),
            Stamped::Nothing => (None, false),
        };
        if written.is_none() {
            // Before the stamp, which would call them the user's.
            self.set_unlisted_aside(&wanted, observer)?;
        }
        let written = written.unwrap_or_default();
        let before: BTreeSet<StoredFile> =
            written.into_iter().filter(|file| !wanted.contains(file)).collect();
        let made_from = self.made_from.clone();
        let unfinished = Stamp::new(made_from.clone(), wanted.clone(), Vec::from_iter(before));
        unfinished.write(&dir, Flush::Nothing)?;
        for file in wanted.iter().filter(|file| !is_there(&dir, file)) {
            let path = dir.join(&file.name);
            let is_ours = |old: &StoredFile| old.name == file.name && is_there(&dir, old);
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
                && !is_old
                && !unfinished.before.iter().any(is_ours)
            {
                let why = "damaged or edited, written again; the old one is now";
                self.set_aside(&file.name, why, observer)?;
            }
            tracing::debug!(path = %path.display(), "writes a file of the run folder");
            content(file, &path).map_err(StudyError::at_file(&path))?;
        }
        self.remove(&unfinished.before, &wanted, observer)?;
        Stamp::new(made_from, wanted, Vec::new()).write(&dir, Flush::FileAndFolder)
    }

    /// Removes those files of `before` whose names are not in `wanted`, if they are still
    /// as the program wrote them.
    fn remove(
        &self,
        before: &[StoredFile],
        wanted: &[StoredFile],
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        let dir = self.dir();
        for file in before.iter().filter(|file| wanted.iter().all(|w| w.name != file.name)) {
            let path = dir.join(&file.name);
            if is_there(&dir, file) {
                fs::remove_file(&path).map_err(StudyError::io(&path))?;
                notice(observer, format!("{}: no longer of the study, removed", path.display()));
            } else if fs::symlink_metadata(&path).is_ok() {
                let message = "no longer of the study, but changed since it was written: it stays";
                notice(observer, format!("{}: {message}", path.display()));
            }
        }
        Ok(())
    }

    /// Moves those files out of the way that some export wrote and that the folder is not to have.
    fn set_unlisted_aside(
        &self,
        wanted: &[StoredFile],
        observer: &dyn Observer,
    ) -> Result<(), StudyError> {
        let dir = self.dir();
        for name in exported_files(&dir).map_err(StudyError::io(&dir))? {
            if wanted.iter().all(|file| file.name != name) {
                let of = self.made_from.kind();
                let why = format!("of an earlier model of this {of}, by its name; it is now");
                self.set_aside(&name, &why, observer)?;
            }
        }
        Ok(())
    }

    /// Moves a file out of the way and says why; `why` ends before its new path.
    fn set_aside(&self, name: &str, why: &str, observer: &dyn Observer) -> Result<(), StudyError> {
        let from = self.dir().join(name);
        let to = move_aside(self.out, &self.below, name)?;
        notice(observer, format!("{}: {why} {}", from.display(), to.display()));
        Ok(())
    }
}

/// Removes from a folder that the study no longer has what its stamp lists.
///
/// # Errors
/// A file that cannot be read or removed.
pub(super) fn remove_folder(dir: &Path, observer: &dyn Observer) -> Result<(), StudyError> {
    match Stamp::read(dir)? {
        Stamped::By(stamp) => {
            let all: Vec<StoredFile> = stamp.written().cloned().collect();
            remove_files(dir, &all, observer)?;
        }
        Stamped::Old => notice(
            observer,
            format!(
                "{}: no longer of the study; an older program wrote it and did not \
                 list its files: remove it if you do not need it",
                dir.display()
            ),
        ),
        Stamped::Nothing => {}
    }
    Ok(())
}

fn remove_files(
    dir: &Path,
    files: &[StoredFile],
    observer: &dyn Observer,
) -> Result<(), StudyError> {
    seal_files::remove_unfinished(dir);
    for file in files.iter().filter(|file| is_there(dir, file)) {
        let path = dir.join(&file.name);
        fs::remove_file(&path).map_err(StudyError::io(&path))?;
    }
    let stamp = dir.join(STAMP);
    fs::remove_file(&stamp).map_err(StudyError::io(&stamp))?;
    let left = match fs::remove_dir(dir) {
        Ok(()) => String::new(),
        Err(_) => format!("; what the program did not write stays: {}", names(dir)),
    };
    let message = format!("{}: no longer of the study, removed{left}", dir.display());
    notice(observer, message);
    Ok(())
}
