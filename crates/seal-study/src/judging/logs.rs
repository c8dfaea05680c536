//! The logs of a store's judges: each in a lasting folder, and written by one process at a time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use seal_judging::{JudgingError, Repair, VerdictLog};
use seal_store::{Claim, Claims, Key, claim_lasting, lasting_folder};

use crate::error::StudyError;
use crate::exec::Job;
use crate::observer::{Event, Observer};

/// Folder of the logs in a store.
pub(crate) const LOGS: &str = "judgements";

/// The log in its folder.
const LOG: &str = "verdicts.jsonl";

/// How long to wait before a log of another process is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The logs of a store.
pub(super) struct Logs<'a> {
    store: PathBuf,
    observer: &'a dyn Observer,
    claims: Claims,
}

/// A log, and the right to write to it: a lock on the file says nothing to other hosts.
pub(super) struct OwnLog {
    pub(super) log: VerdictLog,
    /// Goes after the log. So this is never taken apart into its fields.
    pub(super) claim: Claim,
}

impl<'a> Logs<'a> {
    /// Of the store at `store`. Nothing is opened.
    pub(super) fn new(store: &Path, observer: &'a dyn Observer) -> Self {
        Self { store: store.to_owned(), observer, claims: Claims::default() }
    }

    /// The log of this key to read only; `None` where there is none yet.
    ///
    /// # Errors
    /// A file that cannot be read or is no log.
    pub(super) fn read(&self, key: &Key) -> Result<Option<VerdictLog>, JudgingError> {
        let path = self.store.join(LOGS).join(key.as_str()).join(LOG);
        match path.exists() {
            true => VerdictLog::read(&path).map(Some),
            false => Ok(None),
        }
    }

    /// The log of this key, when no other process writes to it.
    ///
    /// # Errors
    /// [`StudyError::Cancelled`] while another process has it; a file that cannot be used.
    pub(super) fn open(&self, key: &Key, job: &Job<'_>) -> Result<OwnLog, StudyError> {
        let path = lasting_folder(&self.store, LOGS, key)?.join(LOG);
        seal_files::refuse_link(&path).map_err(StudyError::at_file(&path))?;
        let mut is_said = false;
        loop {
            if let Some(claim) = claim_lasting(&self.claims, &self.store, LOGS, key)? {
                match VerdictLog::open(&path) {
                    // An older program has a lock and no claim.
                    Err(JudgingError::LogInUse { .. }) => {}
                    Ok(log) => {
                        self.say_repair(&log);
                        return Ok(OwnLog { log, claim });
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            if !std::mem::replace(&mut is_said, true) {
                let message = format!("{}: another run judges; this one waits", path.display());
                self.observer.event(&Event::Notice { message });
            }
            if (job.is_cancelled)() {
                return Err(StudyError::Cancelled { stages: None });
            }
            std::thread::sleep(ASK_AGAIN);
        }
    }

    fn say_repair(&self, log: &VerdictLog) {
        let Repair { cut, damaged, other_version, .. } = log.repair();
        let mut said = Vec::new();
        if *cut > 0 {
            said.push("its last line was cut, and its verdict is asked for again".to_owned());
        }
        if !damaged.is_empty() {
            said.push(format!("lines {damaged:?} cannot be read and are not used"));
        }
        if !other_version.is_empty() {
            said.push(format!("lines {other_version:?} are of another version and are not used"));
        }
        if !said.is_empty() {
            let message = format!("{}: {}", log.path().display(), said.join("; "));
            self.observer.event(&Event::Notice { message });
        }
    }
}
