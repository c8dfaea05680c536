//! An output becomes an entry, by the rename of its folder to a name that must be free.
//!
//! The rename decides, not the claim: a process may be stopped between its look at the claim and
//! the rename, and wake up when another has made the output. It finds the entry there, and its own
//! output goes. An entry is never replaced.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::aside::{is_taken, move_aside, set_aside};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::halt::may_halt;
use crate::making::Making;
use crate::manifest::{self, MANIFEST, StoredFile};
use crate::owner::folder;
use crate::unfinished;

/// What became of an output that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is an entry.
    Made(Entry),
    /// Another made it meanwhile, with the same bits. This one is thrown away.
    Found(Entry),
    /// Another makes it, because this process gave no sign of life for long. This one is thrown
    /// away.
    Lost,
}

/// See [`crate::Store::commit`].
pub(crate) fn commit(making: Making) -> Result<Committed, StoreError> {
    let files = match sealed_files(&making) {
        Ok(files) => files,
        // The folder of one who lost the claim may be gone.
        Err(error) => return if making.is_held()? { Err(error) } else { Ok(Committed::Lost) },
    };
    let parent = folder(&making.root, making.stage)?;
    let target = parent.join(making.key.as_str());
    // Twice, where a damaged entry is moved out of the way.
    for _ in 0..2 {
        if fs::symlink_metadata(&target).is_ok() {
            match meet(&making, &files, &target)? {
                Some(committed) => return Ok(committed),
                None => continue,
            }
        }
        if !making.is_held()? {
            return Ok(Committed::Lost);
        }
        #[cfg(test)]
        between::run();
        may_halt("sealed");
        match fs::rename(&making.dir, &target) {
            Ok(()) => {
                may_halt("committed");
                // The rename itself lives in the parent folder.
                let synced = File::open(&parent).and_then(|dir| dir.sync_all());
                synced.map_err(StoreError::io(&parent))?;
                unfinished::leave(&making.unfinished);
                return Ok(Committed::Made(Entry { dir: target, files }));
            }
            // Made by another since the look.
            Err(error) if is_taken(error.kind()) => {}
            // Another took over since the look, and its folder is gone.
            Err(_) if !making.is_held()? => return Ok(Committed::Lost),
            Err(error) => return Err(StoreError::io(&target)(error)),
        }
    }
    Ok(Committed::Lost)
}

/// The files of the output, flushed, with their manifest.
fn sealed_files(making: &Making) -> Result<Vec<StoredFile>, StoreError> {
    let dir = &making.dir;
    seal_files::remove_unfinished(dir);
    let files = manifest::list(dir)?;
    if files.is_empty() {
        return Err(StoreError::NoFiles { dir: dir.clone() });
    }
    let path = dir.join(MANIFEST);
    let text = manifest::text(making.stage, making.key.as_str(), &making.inputs, &files)
        .map_err(StoreError::json(&path))?;
    // The rename of the folder makes it count: none is needed for the file.
    let written = File::create_new(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(StoreError::io(&path))?;
    Ok(files)
}

/// Compares the output with the entry that is there; `None` if that was damaged and is moved out
/// of the way.
fn meet(
    making: &Making,
    files: &[StoredFile],
    target: &Path,
) -> Result<Option<Committed>, StoreError> {
    let of = (making.stage, &making.key);
    let looked = manifest::check_entry(target, making.stage, making.key.as_str(), &making.inputs)?;
    let whole = match looked {
        Ok(found) => match manifest::verify(target, &found)? {
            None => Some(found),
            Some(_) => None,
        },
        Err(_) => None,
    };
    let Some(found) = whole else {
        return Ok(match set_aside(&making.root, of, &making.claim)? {
            Some(_) => None,
            None => Some(Committed::Lost),
        });
    };
    if let Some(file) = difference(files, &found, making.is_held()?) {
        let other = match move_aside(&making.root, of, &making.dir) {
            Err(error) => {
                return if making.is_held()? { Err(error) } else { Ok(Some(Committed::Lost)) };
            }
            Ok(other) => other,
        };
        return Err(StoreError::Differs { kept: target.to_owned(), other, file });
    }
    unfinished::leave(&making.unfinished);
    Ok(Some(Committed::Found(Entry { dir: target.to_owned(), files: found })))
}

/// The first name whose file differs. In the folder of one who lost its claim, files may be gone:
/// then only those that are there count.
fn difference(own: &[StoredFile], other: &[StoredFile], is_held: bool) -> Option<String> {
    let differs = |file: &&StoredFile, others: &[StoredFile]| match others
        .iter()
        .find(|other| other.name == file.name)
    {
        Some(other) => other != *file,
        None => is_held,
    };
    let first = |files: &[StoredFile], others: &[StoredFile]| {
        files.iter().find(|file| differs(file, others)).map(|file| file.name.clone())
    };
    first(own, other).or_else(|| first(other, own))
}

/// What another process does between the last look at the claim and the rename.
#[cfg(test)]
pub(crate) mod between {
    use std::cell::Cell;

    thread_local! {
        static THEN: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    }

    pub(crate) fn then(work: impl FnOnce() + 'static) {
        THEN.set(Some(Box::new(work)));
    }

    pub(super) fn run() {
        if let Some(work) = THEN.take() {
            work();
        }
    }
}
