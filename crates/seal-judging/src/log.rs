//! The log of verdicts: one JSON object a line, on disk before anything else happens with it.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::JudgingError;
use crate::line::{Line, Parsed, parse};

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
    lines: Vec<Line>,
    by_key: BTreeMap<String, Vec<usize>>,
    repair: Repair,
}

impl VerdictLog {
    /// Opens the log at `path`, makes it if it is absent, and mends a last line that a killed
    /// process left unfinished. A file of something else is not changed.
    ///
    /// # Errors
    /// [`JudgingError::LogInUse`], [`JudgingError::LogForeign`] where the first line that is not
    /// blank is no verdict, and a file that cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, JudgingError> {
        let file = File::options()
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
        let mut log = Self::load(path, file)?;
        if log.repair.cut > 0 {
            let length = log.length - log.repair.cut as u64;
            log.file.set_len(length).map_err(JudgingError::io("mend", path))?;
            log.length = length;
        }
        if log.repair.completed {
            log.write(b"\n")?;
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
                Parsed::Line(line) => {
                    log.hold(*line);
                    log.repair.completed = !is_whole;
                }
                Parsed::OtherVersion => {
                    log.repair.other_version.push(i + 1);
                    log.repair.completed = !is_whole;
                }
                // A killed process writes the start of a line. Anything else is another file.
                Parsed::Other if is_first && (is_whole || !is_start(text)) => {
                    return Err(JudgingError::LogForeign { path: path.to_owned() });
                }
                Parsed::Other if is_whole => log.repair.damaged.push(i + 1),
                Parsed::Other => log.repair.cut = text.len(),
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
        written.map_err(JudgingError::io("write", &self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
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

/// Whether a text is the start of a line as this program writes it.
fn is_start(text: &[u8]) -> bool {
    let start = br#"{"version":1,"key":""#;
    start.starts_with(&text[..text.len().min(start.len())])
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
        for text in [
            "my notes",
            "my notes\n",
            "[1, 2]\n",
            "{\"a\": 1}\n",
            "first\nsecond",
            "first\n{\"version\":1,\"key\":\"",
            "\n\nmy notes\n",
            "\nmy notes",
            "{\"version\":\"2\",\"name\":\"x\"}",
        ] {
            std::fs::write(&path, text).unwrap();
            for opened in [VerdictLog::open(&path), VerdictLog::read(&path)] {
                let error = opened.unwrap_err();
                assert!(matches!(error, JudgingError::LogForeign { .. }), "{text}: {error}");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn whoever_only_reads_mends_nothing() {
        let (_dir, path, bytes) = written(&[line("a", "m"), line("b", "m")]);
        let end = bytes.len();
        for (cut, lines, completed) in [(end - 9, 1, false), (end - 1, 2, true)] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            // One process writes while the other reads.
            let log = VerdictLog::read(&path).unwrap();
            assert_eq!((log.lines.len(), log.repair().completed), (lines, completed));
            assert_eq!(log.repair().cut > 0, !completed);
            assert_eq!(std::fs::read(&path).unwrap(), bytes[..cut]);
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
