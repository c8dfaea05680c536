//! The log of verdicts: one JSON object a line, on disk before anything else happens with it.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::error::JudgingError;
use crate::line::{Line, Parsed, parse};

/// What was found wrong in a log when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Bytes of a cut last line that were taken away. Its verdict is asked for again.
    pub cut: usize,
    /// Whether only the line break of the last line was missing, and was written.
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
    lines: Vec<Line>,
    by_key: BTreeMap<String, Vec<usize>>,
    repair: Repair,
}

impl VerdictLog {
    /// Opens the log at `path`, makes it if it is absent, and mends a last line that a killed
    /// process left unfinished.
    ///
    /// # Errors
    /// [`JudgingError::LogInUse`], [`JudgingError::LogForeign`] where the first line is no
    /// verdict, and a file that cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, JudgingError> {
        let mut file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(JudgingError::io("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JudgingError::LogInUse { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(JudgingError::io("lock", path)(source));
            }
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(JudgingError::io("read", path))?;
        let mut log = Self {
            path: path.to_owned(),
            file,
            lines: Vec::new(),
            by_key: BTreeMap::new(),
            repair: Repair::default(),
        };
        log.mend(&mut bytes)?;
        for (i, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match parse(text) {
                Parsed::Line(line) => log.hold(*line),
                Parsed::OtherVersion => log.repair.other_version.push(i + 1),
                // A file of something else is not written to.
                Parsed::Other if i == 0 => {
                    return Err(JudgingError::LogForeign { path: path.to_owned() });
                }
                Parsed::Other => log.repair.damaged.push(i + 1),
            }
        }
        Ok(log)
    }

    /// Takes a cut last line away, or completes one that lacks its line break only.
    fn mend(&mut self, bytes: &mut Vec<u8>) -> Result<(), JudgingError> {
        let start = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let last = &bytes[start..];
        if last.is_empty() {
            return Ok(());
        }
        if matches!(parse(last), Parsed::Line(_) | Parsed::OtherVersion) {
            self.write(b"\n")?;
            self.repair.completed = true;
            return Ok(());
        }
        // A killed process writes the start of a line. Anything else is another file.
        if start == 0 && !br#"{"version":"#.starts_with(&last[..last.len().min(11)]) {
            return Err(JudgingError::LogForeign { path: self.path.clone() });
        }
        self.repair.cut = last.len();
        self.file.set_len(start as u64).map_err(JudgingError::io("mend", &self.path))?;
        self.file.seek(SeekFrom::End(0)).map_err(JudgingError::io("mend", &self.path))?;
        bytes.truncate(start);
        Ok(())
    }

    /// What was found wrong when the log was opened.
    pub fn repair(&self) -> &Repair {
        &self.repair
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line to disk, then holds it.
    pub(crate) fn append(&mut self, line: Line) -> Result<(), JudgingError> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.write(&text)?;
        self.hold(line);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JudgingError> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        written.map_err(JudgingError::io("write", &self.path))
    }

    fn hold(&mut self, line: Line) {
        self.by_key.entry(line.key.clone()).or_default().push(self.lines.len());
        self.lines.push(line);
    }

    /// The first line of a key by a model that `is_meant`.
    pub(crate) fn find(&self, key: &str, is_meant: impl Fn(&str) -> bool) -> Option<&Line> {
        let mut found = self.by_key.get(key)?.iter().map(|i| &self.lines[*i]);
        found.find(|line| is_meant(&line.served))
    }

    /// The model of the latest line whose key `is_meant`, as its server names it.
    pub(crate) fn latest_served(&self, is_meant: impl Fn(&str) -> bool) -> Option<&str> {
        self.lines.iter().rev().find(|line| is_meant(&line.key)).map(|line| line.served.as_str())
    }
}

#[cfg(test)]
mod tests {
    use seal_endpoint::{Finish, Logprobs, Reply};
    use seal_judge::{Judgement, Order, Outcome};

    use super::*;

    fn line(key: &str, served: &str) -> Line {
        Line {
            version: Line::version(),
            key: key.to_owned(),
            subject: "pair".to_owned(),
            instruction: "0".to_owned(),
            order: Order::ArmFirst,
            sample: 0,
            asked: "m".to_owned(),
            served: served.to_owned(),
            base_url: "http://h/v1".to_owned(),
            prompt: "p".to_owned(),
            judgement: Judgement::of(Outcome::First),
            cost: None,
            estimated: false,
            batch: false,
            reply: Reply {
                content: Some("A\n\u{2028}".to_owned()),
                refusal: None,
                reasoning: None,
                finish: Finish::Stop,
                logprobs: Logprobs::Absent,
                usage: None,
                model: None,
                fingerprint: None,
                id: None,
            },
        }
    }

    fn written(lines: &[Line]) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.jsonl");
        let mut log = VerdictLog::open(&path).unwrap();
        for line in lines {
            log.append(line.clone()).unwrap();
        }
        drop(log);
        let bytes = std::fs::read(&path).unwrap();
        (dir, path, bytes)
    }

    #[test]
    fn lines_come_back_by_key_and_model() {
        let (_dir, path, bytes) = written(&[line("a", "m1"), line("b", "m1"), line("a", "m2")]);
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 3);
        let log = VerdictLog::open(&path).unwrap();
        assert_eq!(log.repair(), &Repair::default());
        assert_eq!(log.find("a", |served| served == "m2"), Some(&line("a", "m2")));
        assert_eq!(log.find("b", |served| served == "m2"), None);
        assert_eq!(log.latest_served(|_| true), Some("m2"));
        assert_eq!(log.latest_served(|key| key == "b"), Some("m1"));
    }

    #[test]
    fn a_log_cut_at_any_byte_loses_its_last_line_at_most() {
        let (_dir, path, bytes) = written(&[line("a", "m"), line("b", "m")]);
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for end in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let mut log = VerdictLog::open(&path).unwrap();
            let whole = usize::from(end + 1 >= first) + usize::from(end + 1 >= bytes.len());
            assert_eq!(log.lines.len(), whole, "cut at {end}");
            log.append(line("c", "m")).unwrap();
            drop(log);
            let log = VerdictLog::open(&path).unwrap();
            assert_eq!((log.lines.len(), log.repair()), (whole + 1, &Repair::default()), "{end}");
        }
    }

    #[test]
    fn a_damaged_line_is_counted_and_stays() {
        let (_dir, path, bytes) = written(&[line("a", "m"), line("b", "m"), line("c", "m")]);
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1] = "{\"version\":1,\"key\":\"b\"";
        lines.insert(2, "{\"version\":9,\"other\":true}");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let log = VerdictLog::open(&path).unwrap();
        let expected = Repair { damaged: vec![2], other_version: vec![3], ..Repair::default() };
        assert_eq!((log.lines.len(), log.repair()), (2, &expected));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
    }

    #[test]
    fn another_file_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        for text in ["my notes", "my notes\n", "[1, 2]\n", "{\"a\": 1}\n"] {
            std::fs::write(&path, text).unwrap();
            let error = VerdictLog::open(&path).unwrap_err();
            assert!(matches!(error, JudgingError::LogForeign { .. }), "{text}: {error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn one_process_at_a_time_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.jsonl");
        let _first = VerdictLog::open(&path).unwrap();
        assert!(matches!(VerdictLog::open(&path), Err(JudgingError::LogInUse { .. })));
    }
}
