//! Whether a folder takes files, and does what claims and commits rest on.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::Builder;

use crate::lock::FileLock;
use crate::pending::PENDING_PREFIX;

/// What a folder does. Each operation was tried in it, and nothing is left there.
#[derive(Debug)]
pub struct FolderTrial {
    /// The folder that was tried: the one that was asked for, or the nearest above it that exists.
    pub dir: PathBuf,
    /// A finished file is linked to a free name, and to a name that is taken it is not. Claims rest
    /// on it; without it, a claim is for a moment seen empty.
    pub links: io::Result<()>,
    /// A file and a folder are renamed to a free name, and a folder not to one that has files. Claims
    /// and commits rest on it.
    pub renames: io::Result<()>,
    /// A file can be locked. A run folder rests on it, a store does not.
    pub locks: io::Result<()>,
    /// The clock of the file system less that of this host: the time of a fresh file against the two
    /// times between which it was written. `None` where the file system tells no time.
    pub skew: Option<Skew>,
    /// The time of the fresh file: now, by the clock of the file system.
    pub now: Option<SystemTime>,
}

/// How far two clocks are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// The file system is ahead.
    Ahead(Duration),
    /// The file system is behind.
    Behind(Duration),
}

impl Skew {
    /// The difference, without its direction.
    pub fn size(self) -> Duration {
        match self {
            Self::Ahead(by) | Self::Behind(by) => by,
        }
    }
}

/// Tries the folder `dir`, or, where it does not exist, the nearest folder above it.
///
/// # Errors
/// No folder there or above; a folder in which no file can be made.
pub fn try_folder(dir: &Path) -> io::Result<FolderTrial> {
    let dir = nearest(dir)?;
    let trial = Builder::new().prefix(PENDING_PREFIX).suffix("-trial").tempdir_in(&dir)?;
    let at = |name: &str| trial.path().join(name);
    let fresh = at("fresh");
    #[expect(clippy::disallowed_methods, reason = "a skew of clocks is part of no result")]
    let before = SystemTime::now();
    fs::write(&fresh, b"trial")?;
    #[expect(clippy::disallowed_methods, reason = "a skew of clocks is part of no result")]
    let after = SystemTime::now();
    let now = fs::metadata(&fresh).and_then(|found| found.modified()).ok();
    let skew = now.map(|written| skew_of(written, before, after));
    let links = links(&fresh, &at("linked"));
    let renames = renames(trial.path());
    let locks = match FileLock::try_take(&at("lock")) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(io::Error::other("a lock that nobody holds is refused")),
        Err(error) => Err(error),
    };
    trial.close()?;
    Ok(FolderTrial { dir, links, renames, locks, skew, now })
}

/// The folder itself, or the nearest above it.
pub(crate) fn nearest(dir: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(dir)?;
    let found = whole.ancestors().find(|above| fs::symlink_metadata(above).is_ok());
    let found = found.unwrap_or(&whole);
    match fs::metadata(found)?.is_dir() {
        true => Ok(found.to_owned()),
        false => Err(ErrorKind::NotADirectory.into()),
    }
}

fn links(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    if fs::read(to)? != fs::read(from)? {
        return Err(io::Error::other("a link shows another content"));
    }
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => Err(io::Error::other("a link took a name that was taken")),
    }
}

fn renames(dir: &Path) -> io::Result<()> {
    let at = |name: &str| dir.join(name);
    fs::write(at("file"), b"trial")?;
    fs::rename(at("file"), at("renamed"))?;
    if at("file").exists() || fs::read(at("renamed"))? != b"trial" {
        return Err(io::Error::other("a renamed file is not where it should be"));
    }
    for name in ["made", "other"] {
        fs::create_dir(at(name))?;
        fs::write(at(name).join("file"), name)?;
    }
    fs::rename(at("made"), at("entry"))?;
    // A store commits by this refusal: the first of two folders stands.
    match fs::rename(at("other"), at("entry")) {
        Ok(()) => Err(io::Error::other("a folder was renamed over another that has files")),
        Err(_) if fs::read(at("entry").join("file"))? == b"made" => Ok(()),
        Err(error) => Err(error),
    }
}

/// How far `written` is outside of the time from `before` to `after`.
fn skew_of(written: SystemTime, before: SystemTime, after: SystemTime) -> Skew {
    match (before.duration_since(written), written.duration_since(after)) {
        (Ok(behind), Err(_)) => Skew::Behind(behind),
        (_, Ok(ahead)) => Skew::Ahead(ahead),
        (Err(_), Err(_)) => Skew::Ahead(Duration::ZERO),
    }
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
