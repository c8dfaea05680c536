//! One process at a time on one thing, among thousands of things, on one host or many.
//!
//! A claim is a file that says who holds it. It rests on three operations that local file systems
//! and NFS do at once or not at all: to link a finished file to a name that must be free, to
//! rename, and to remove. It does not rest on locks.
//!
//! **Taking.** The file is written under another name, and linked to its own. Of many who try,
//! one succeeds.
//!
//! **Holding.** A thread raises a number in the file again and again.
//!
//! **Taking over.** Whoever wants a claim that another holds looks at it from time to time. It is
//! over in two cases. First, the holder was a process of this very system, and it ended: its
//! number is free or another's, and the lock that it had on the file is gone. Second, nothing in
//! the file changed for [`Timing::silent`] while the watcher looked. The watcher counts by its own
//! clock, and clocks of two hosts are never compared. A watcher that was stopped counts none of
//! that time. Then it renames the file to a name of its own. If that is not what it had judged,
//! because another was faster or the holder woke up, it links the file back. So one of many takes
//! over.
//!
//! **Losing.** A process that was stopped for long finds another file, or none, in the place of
//! its own ([`Claim::is_held`]). Between that question and what it does then it may be stopped
//! again. So what is done under a claim must end in an operation that is harmless for one who
//! lost it, such as the rename of a folder to a name that must be free.

mod beats;
mod claim_file;
mod machine;
mod record;
mod watch;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc as Shared;
use std::time::Duration;

use self::beats::Beats;
use self::claim_file::{
    ended, file_of, holder_of, is_of, is_unlocked, lock, open_to_beat, read_signature, take_away,
    token, written,
};
use self::watch::{ClaimWatch, Signature};
use crate::pending::is_pending;
use crate::stamp::FileStamp;

pub use self::record::{Holder, RecordFlaw};

/// Looks after which nothing is in the place of a claim: another may just look at it.
const LOOKS: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How often a claim is renewed, and when one that is not is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Time between two renewals.
    pub beat: Duration,
    /// Time without a renewal after which another takes over; several times `beat`.
    pub silent: Duration,
}

impl Default for Timing {
    /// 5 and 60 seconds: a server that does not answer for half a minute costs no claim.
    fn default() -> Self {
        Self { beat: Duration::from_secs(5), silent: Duration::from_secs(60) }
    }
}

/// The claims of one process.
#[derive(Debug)]
pub struct Claims {
    timing: Timing,
    beats: Beats,
    watch: ClaimWatch,
}

/// What came of the wish to hold a claim.
#[derive(Debug)]
pub enum Tried {
    /// It is held by the caller.
    Taken(Claim),
    /// Another holds it. Where the claim does not say who, it says why.
    Held(Result<Holder, RecordFlaw>),
}

/// Whose claim was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviousHolder {
    /// That of a process of this system that has ended: it changes nothing any more.
    Ended(Holder),
    /// That of one who gave no sign of life, and may wake up.
    Silent(Result<Holder, RecordFlaw>),
}

impl PreviousHolder {
    /// Who held it, where the claim said so.
    pub fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Ended(holder) | Self::Silent(Ok(holder)) => Some(holder),
            Self::Silent(Err(_)) => None,
        }
    }
}

/// Why a claim can be neither taken nor watched.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// No thread to renew it.
    #[error(transparent)]
    NoThread(io::Error),
    /// The folder takes no files, or something else stands in its place.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The right to work on one thing. It is released when it is dropped. When its process is killed,
/// others take it over.
///
/// Two claims of one path exclude each other in one process, too.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    holder: Holder,
    file: Shared<File>,
    beats: Beats,
    before: Option<PreviousHolder>,
}

impl Default for Claims {
    fn default() -> Self {
        Self::new(Timing::default())
    }
}

impl Claims {
    /// The claims of a process that holds to this timing. All processes must.
    pub fn new(timing: Timing) -> Self {
        Self { timing, beats: Beats::new(timing.beat), watch: ClaimWatch::default() }
    }

    /// The timing.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Claims `path`, a file in a folder of the program, at once or not at all. Who asks again and
    /// again takes over from a holder that is gone.
    ///
    /// # Errors
    /// A link or anything that is no plain file at `path`; a folder that takes no files; no thread.
    pub fn try_take(&self, path: &Path) -> Result<Tried, ClaimError> {
        let mut before = None;
        loop {
            if let Some(found) = read_signature(path)? {
                match self.judge(path, &found) {
                    Ok(over) if take_away(path, |now| *now == found)? => before = Some(over),
                    // Another was faster, or the holder woke up.
                    Ok(_) => continue,
                    Err(held) => return Ok(Tried::Held(held)),
                }
            }
            if let Some(mut claim) = self.put(path)? {
                self.watch.forget(path);
                claim.before = before;
                return Ok(Tried::Taken(claim));
            }
        }
    }

    /// Whether there is a claim at `path` whose holder was a process of this system and has ended.
    /// Nothing is changed.
    ///
    /// # Errors
    /// A link or anything that is no plain file at `path`.
    pub fn has_ended(path: &Path) -> io::Result<bool> {
        Ok(read_signature(path)?.is_some_and(|found| ended(path, &found).is_some()))
    }

    /// Who holds the claim at `path`; `None` if nobody does. Nothing is changed.
    ///
    /// # Errors
    /// A link or anything that is no plain file at `path`.
    pub fn holder(path: &Path) -> io::Result<Option<Result<Holder, RecordFlaw>>> {
        Ok(read_signature(path)?.map(|found| holder_of(&found)))
    }

    /// Removes the files that killed processes of this system left in `folder` on the way to a
    /// claim. Nothing depends on it.
    pub fn sweep(folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten().filter(|entry| is_pending(&entry.file_name())) {
            let path = entry.path();
            if let Ok(Some(found)) = read_signature(&path)
                && ended(&path, &found).is_some()
            {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Whether the claim at `path` is over, or else who holds it.
    fn judge(
        &self,
        path: &Path,
        found: &Signature,
    ) -> Result<PreviousHolder, Result<Holder, RecordFlaw>> {
        if let Some(holder) = ended(path, found) {
            return Ok(PreviousHolder::Ended(holder));
        }
        let holder = holder_of(found);
        // Older versions of the program have a lock and no beat.
        let is_locked = holder == Err(RecordFlaw::Empty) && !is_unlocked(path);
        let quiet = self.watch.unchanged_for(path, found, self.timing.beat);
        match quiet < self.timing.silent || is_locked {
            true => Err(holder),
            false => Ok(PreviousHolder::Silent(holder)),
        }
    }

    /// Puts a claim at `path`; `None` if one is there.
    fn put(&self, path: &Path) -> Result<Option<Claim>, ClaimError> {
        let machine = machine::this();
        let (process, token) = (std::process::id(), token());
        let (id, started) = (machine.id.clone(), machine.started.clone());
        let holder = Holder::new(machine.host.clone(), id, process, started, token);
        let lines = holder.lines().map_err(io::Error::from)?;
        let made = written(path, &record::content(&lines, 0))?;
        let file = open_to_beat(&made)?;
        let file = Shared::new(file);
        self.beats
            .add(&holder.token, Shared::clone(&file), &lines)
            .map_err(ClaimError::NoThread)?;
        let claim = |file| Claim {
            path: path.to_owned(),
            holder: holder.clone(),
            file,
            beats: self.beats.clone(),
            before: None,
        };
        let linked = fs::hard_link(&made, path);
        drop(made);
        let failed = match linked {
            Ok(()) => return Ok(Some(claim(file))),
            Err(error) => error,
        };
        // A server that did it may say that it did not, because it was asked twice.
        if read_signature(path)?.is_some_and(|found| is_of(&found, &holder.token)) {
            return Ok(Some(claim(file)));
        }
        self.beats.remove(&holder.token);
        if failed.kind() == ErrorKind::AlreadyExists {
            return Ok(None);
        }
        // A file system without links. What is seen for a moment is an empty claim, which is
        // watched like every other.
        match File::options().read(true).write(true).create_new(true).open(path) {
            Ok(mut made) => {
                made.write_all(record::content(&lines, 0).as_bytes())?;
                made.sync_data()?;
                lock(&made);
                let file = Shared::new(made);
                let beating = self.beats.add(&holder.token, Shared::clone(&file), &lines);
                let claim = claim(file);
                beating.map_err(ClaimError::NoThread)?;
                Ok(Some(claim))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Claim {
    /// Random, and of no other claim: for names of what is made under it. 16 hexadecimal digits.
    pub fn token(&self) -> &str {
        &self.holder.token
    }

    /// From whom it was taken over.
    pub fn before(&self) -> Option<&PreviousHolder> {
        self.before.as_ref()
    }

    /// Whether nobody took it over so far.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn is_held(&self) -> io::Result<bool> {
        for _ in 0..LOOKS {
            if let Some(found) = read_signature(&self.path)? {
                return Ok(self.is_own(&found));
            }
            // One who judges it wrongly puts it back.
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(false)
    }

    /// By its content; by its file where the content was damaged.
    fn is_own(&self, found: &Signature) -> bool {
        match holder_of(found) {
            Ok(holder) => holder.token == self.holder.token,
            Err(_) => {
                let own = self.file.metadata().ok().and_then(|own| file_of(&FileStamp::of(&own)));
                own.is_some() && own == found.file
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.beats.remove(&self.holder.token);
        // A claim that stays is taken over by the next who wants it.
        if self.is_held().unwrap_or(false) {
            let _ = take_away(&self.path, |found| self.is_own(found));
        }
    }
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
