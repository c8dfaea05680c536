//! The finished parts of an output that was not completed: kept for the next who makes it.
//!
//! Who makes an output has a folder for its parts with the token of its claim in the name. Where
//! its maker gave up in an orderly way, or is known to have ended, the folder gets the name of the
//! output alone, and the next maker takes it by a rename. Else its maker may be alive, stopped, and
//! go on writing into open files when it wakes up. Then the next maker takes a copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use seal_files::PreviousHolder;

use crate::error::StoreError;
use crate::owner::{SCRATCH, UNFINISHED, folder, output_of, work_name};

/// The place for the parts of the output `output` (`<stage>-<key>`) under a claim with this token,
/// with what others finished of it. The folder may not exist. The claim must be held.
///
/// # Errors
/// A link in the way; parts that cannot be renamed or copied.
pub(crate) fn adopt(
    root: &Path,
    output: &str,
    token: &str,
    before: Option<&PreviousHolder>,
) -> Result<PathBuf, StoreError> {
    let above = root.join(UNFINISHED);
    let target = above.join(work_name(output, token));
    seal_files::refuse_link(&above).map_err(StoreError::io(&above))?;
    settle(root, output, before)?;
    let mut found: Vec<(u64, String)> = Vec::new();
    for name in names_of(&above, output)? {
        let path = above.join(&name);
        seal_files::refuse_link(&path).map_err(StoreError::io(&path))?;
        found.push((size(&path), name));
    }
    // The one with the most in it; any of them leads to the same output.
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    if let Some((_, first)) = found.first() {
        let from = above.join(first);
        match first == output {
            true => rename(&from, &target)?,
            false => copy(root, &from, &target)?,
        }
    }
    for (_, name) in &found {
        leave(&above.join(name));
    }
    Ok(target)
}

/// Gives the parts of a maker that has ended the name of their output. Its claim must be held.
///
/// # Errors
/// A folder that cannot be renamed.
pub(crate) fn settle(
    root: &Path,
    output: &str,
    before: Option<&PreviousHolder>,
) -> Result<(), StoreError> {
    let Some(PreviousHolder::Ended(holder)) = before else { return Ok(()) };
    let above = root.join(UNFINISHED);
    release(&above.join(work_name(output, holder.token())), &above.join(output))
}

/// Gives the folder of parts `from` the name `to` of their output, unless that has parts.
///
/// # Errors
/// A folder that cannot be renamed.
pub(crate) fn release(from: &Path, to: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(to).is_ok() {
        true => Ok(()),
        false => rename(from, to),
    }
}

/// What is not there was removed by the one who made it.
fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(from)(error)),
        _ => Ok(()),
    }
}

/// Folders in `dir` that are of the output `output`.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn names_of(dir: &Path, output: &str) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io(dir))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(StoreError::io(dir))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if output_of(&name) == Some(output) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Removes a folder that nothing depends on. One that stays costs room, and goes with the next
/// sweep.
pub(crate) fn leave(dir: &Path) {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::debug!(dir = %dir.display(), %error, "a leftover stays");
        }
        _ => {}
    }
}

/// As [`leave`], for a folder that a process without its claim may rename to an entry at this moment:
/// it gets a name of the claim with this token before its files go. So an entry has all files of the
/// folder, or is not there.
pub(crate) fn leave_apart(dir: &Path, token: &str) {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let Some(output) = output_of(&name) else { return leave(dir) };
    // The numbers below are names of copies of parts.
    let own = (2..).map(|n: u32| dir.with_file_name(format!("{}-{n}", work_name(output, token))));
    let free = own.into_iter().find(|own| fs::symlink_metadata(own).is_err());
    let moved = free.map(|own| fs::rename(dir, &own).map(|()| own));
    match moved {
        Some(Ok(own)) => leave(&own),
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
            tracing::debug!(dir = %dir.display(), %error, "a leftover stays");
        }
        _ => {}
    }
}

fn size(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum()
}

/// Copies a folder of parts so that it is whole at `to` or not there.
fn copy(root: &Path, from: &Path, to: &Path) -> Result<(), StoreError> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder(root, SCRATCH)?.join(format!("{name}-1"));
    match copy_all(from, &beside) {
        Ok(()) => rename(&beside, to),
        // Its maker woke up, saw that its claim is gone, and removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            leave(&beside);
            Ok(())
        }
        Err(error) => {
            leave(&beside);
            Err(StoreError::io(from)(error))
        }
    }
}

/// Copies plain files and folders; the program makes nothing else.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_all(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "unfinished_tests.rs"]
mod tests;
