//! The log of verdicts: one JSON object a line, on disk before anything else happens with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::error::JudgingError;
use crate::line::{LogLine, ParsedLine, parse};

/// What was found wrong in a log when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Bytes of a cut last line. Opening takes them away; its verdict is asked for again.
    pub cut: usize,
    /// Whether only the line break of the last line was missing. Opening writes it.
    pub completed: bool,
    /// Numbers of lines that cannot be read. They stay, and their verdicts are not used.
    pub damaged: Vec<usize>,
    /// Numbers of lines of another version of this program. They stay unused, too.
    pub other_version: Vec<usize>,
}

/// A log that this process alone writes.
#[derive(Debug)]
pub struct VerdictLog {
    path: PathBuf,
    file: File,
    /// Bytes of the file up to the end of its last whole line.
    length: u64,
    /// Whether the start of a line may stand after them, which a failed write left.
    is_torn: bool,
    /// The line that it would be the start of.
    torn: Vec<u8>,
    lines: Vec<LogLine>,
    by_key: BTreeMap<String, Vec<usize>>,
    repair: Repair,
}

impl VerdictLog {
    /// Opens the log at `path`, makes it if it is absent, and mends a last line that a killed
    /// process left unfinished. A file of something else is not changed.
    ///
    /// # Errors
    /// [`JudgingError::LogInUse`], [`JudgingError::LogForeign`] where the first line that is not
    /// blank is no verdict, and a file that cannot be read or written. A file system without locks
    /// is no error: see [`crate::Observer::owns_log`].
    pub fn open(path: &Path) -> Result<Self, JudgingError> {
        let file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(JudgingError::io("open", path))?;
        refuse_in_use(path, file.try_lock())?;
        let mut log = Self::load(path, file)?;
        if log.is_torn {
            log.cut_back()?;
        }
        if log.repair.completed {
            log.write(b"\n")?;
            log.sync()?;
        }
        Ok(log)
    }

    /// Reads the log at `path` and changes nothing: no verdict can be added to it. Another process
    /// may be writing to it.
    ///
    /// # Errors
    /// [`JudgingError::LogForeign`] as [`VerdictLog::open`], and a file that cannot be read.
    pub fn read(path: &Path) -> Result<Self, JudgingError> {
        let file = File::open(path).map_err(JudgingError::io("open", path))?;
        Self::load(path, file)
    }

    fn load(path: &Path, mut file: File) -> Result<Self, JudgingError> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(JudgingError::io("read", path))?;
        let mut log = Self {
            path: path.to_owned(),
            file,
            length: bytes.len() as u64,
            is_torn: false,
            torn: Vec::new(),
            lines: Vec::new(),
            by_key: BTreeMap::new(),
            repair: Repair::default(),
        };
        let mut is_first = true;
        for (i, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let is_whole = text.ends_with(b"\n");
            match parse(text) {
                ParsedLine::Line(line) => {
                    log.hold(*line);
                    log.repair.completed = !is_whole;
                }
                ParsedLine::OtherVersion => {
                    log.repair.other_version.push(i + 1);
                    log.repair.completed = !is_whole;
                }
                // A killed process writes the start of a line. Anything else is another file.
                ParsedLine::Other if is_first && (is_whole || !is_start(text)) => {
                    return Err(JudgingError::LogForeign { path: path.to_owned() });
                }
                ParsedLine::Other if is_whole => log.repair.damaged.push(i + 1),
                ParsedLine::Other => {
                    log.repair.cut = text.len();
                    log.length -= text.len() as u64;
                    (log.is_torn, log.torn) = (true, text.to_vec());
                }
            }
            is_first = false;
        }
        Ok(log)
    }

    /// What was found wrong when the log was opened.
    pub fn repair(&self) -> &Repair {
        &self.repair
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line to disk and holds it.
    pub(crate) fn append(&mut self, line: LogLine) -> Result<(), JudgingError> {
        self.append_unsynced(line)?;
        self.sync()
    }

    /// Writes a line, then holds it. It is on disk after [`sync`](Self::sync): for replies that
    /// another file has, too.
    pub(crate) fn append_unsynced(&mut self, line: LogLine) -> Result<(), JudgingError> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.write(&text)?;
        self.hold(line);
        Ok(())
    }

    /// Waits until all lines are on disk.
    pub(crate) fn sync(&self) -> Result<(), JudgingError> {
        self.file.sync_data().map_err(JudgingError::io("write", &self.path))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JudgingError> {
        if self.is_torn {
            self.cut_back()?;
        }
        let found = self.file.metadata().map_err(JudgingError::io("write", &self.path))?;
        if found.len() != self.length {
            return Err(self.lost());
        }
        if let Err(error) = self.file.write_all(bytes) {
            (self.is_torn, self.torn) = (true, bytes.to_vec());
            // Where this fails, too, the next write tries it again before anything else.
            let _ = self.cut_back();
            return Err(JudgingError::io("write", &self.path)(error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Takes away what follows the last whole line, if it is the start of the line that was being
    /// written. Anything else is another process's.
    fn cut_back(&mut self) -> Result<(), JudgingError> {
        let mut rest = Vec::new();
        let read = (&self.file)
            .seek(SeekFrom::Start(self.length))
            .and_then(|_| (&self.file).take(self.torn.len() as u64 + 1).read_to_end(&mut rest));
        read.map_err(JudgingError::io("mend", &self.path))?;
        if !self.torn.starts_with(&rest) {
            return Err(self.lost());
        }
        self.file.set_len(self.length).map_err(JudgingError::io("mend", &self.path))?;
        self.is_torn = false;
        Ok(())
    }

    /// Another process writes to the log.
    pub(crate) fn lost(&self) -> JudgingError {
        JudgingError::LogLost { path: self.path.clone() }
    }

    fn hold(&mut self, line: LogLine) {
        self.by_key.entry(line.key.clone()).or_default().push(self.lines.len());
        self.lines.push(line);
    }

    /// Every line, in the order of the file.
    pub(crate) fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// The lines of a key by models that `is_meant`.
    pub(crate) fn replies(
        &self,
        key: &str,
        is_meant: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = &LogLine> {
        let all = self.by_key.get(key).into_iter().flatten().map(|i| &self.lines[*i]);
        all.filter(move |line| is_meant(&line.served))
    }

    /// Whether a question may be asked: it has no reply, or blank ones alone and fewer than `most`.
    pub(crate) fn is_open(&self, key: &str, most: usize, is_meant: impl Fn(&str) -> bool) -> bool {
        let mut blank = 0;
        self.replies(key, is_meant).all(|line| {
            blank += 1;
            line.reply.is_blank() && blank < most
        })
    }

    /// The line of a key by a model that `is_meant`: the first whose reply is not blank, otherwise
    /// the first.
    pub(crate) fn find(&self, key: &str, is_meant: impl Fn(&str) -> bool) -> Option<&LogLine> {
        let mut found = self.replies(key, &is_meant);
        let first = found.next()?;
        match first.reply.is_blank() {
            true => found.find(|line| !line.reply.is_blank()).or(Some(first)),
            false => Some(first),
        }
    }

    /// The models of the lines that `is_meant`, as their servers name them.
    pub(crate) fn all_served(&self, is_meant: impl Fn(&LogLine) -> bool) -> BTreeSet<&str> {
        let meant = self.lines.iter().filter(|line| is_meant(line));
        meant.map(|line| line.served.as_str()).collect()
    }

    /// The model of the latest line that `is_meant`, as its server names it.
    pub(crate) fn latest_served(&self, is_meant: impl Fn(&LogLine) -> bool) -> Option<&str> {
        self.lines.iter().rev().find(|line| is_meant(line)).map(|line| line.served.as_str())
    }
}

/// Refuses a log that another process has locked.
fn refuse_in_use(path: &Path, tried: Result<(), TryLockError>) -> Result<(), JudgingError> {
    match tried {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JudgingError::LogInUse { path: path.to_owned() }),
        // Some shared file systems of clusters have no locks.
        Err(TryLockError::Error(error)) => {
            tracing::warn!("{}: cannot be locked ({error}); writing without", path.display());
            Ok(())
        }
    }
}

/// Whether a text is the start of a line as this program writes it.
fn is_start(text: &[u8]) -> bool {
    let start = br#"{"version":1,"key":""#;
    start.starts_with(&text[..text.len().min(start.len())])
}

#[cfg(test)]
mod tests;
