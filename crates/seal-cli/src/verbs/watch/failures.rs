//! Failures of stages, from the log of the run folder.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use seal_study::PlannedStage;

/// Failures that are shown: the last ones.
const SHOWN: usize = 5;
/// Lines of a message that are shown.
const LINES: usize = 6;
/// Bytes of a log that are read at once.
const MOST: u64 = 16 << 20;
/// The words with which a run logs that it begins. What stands before them is of earlier runs.
const BEGINS: &str = " a run begins";
/// The words with which a run logs a failure.
const FAILED: &str = "a stage failed ";

/// Reads a log that others write.
pub(super) struct Failures {
    log: PathBuf,
    /// Bytes that were read.
    read: u64,
    /// What follows the last line that is whole.
    rest: Vec<u8>,
    /// Failures since the last run began.
    all: Vec<String>,
    /// Whether the line before belongs to the last failure.
    is_within: bool,
}

impl Failures {
    pub(super) fn of(log: &Path) -> Self {
        let (read, rest, all) = (0, Vec::new(), Vec::new());
        Self { log: log.to_owned(), read, rest, all, is_within: false }
    }

    /// The last failures since the last run began, of stages that are still missing.
    pub(super) fn read(&mut self, stages: &[PlannedStage]) -> Vec<String> {
        // A log that cannot be read shows what was known.
        if let Ok(bytes) = self.news() {
            self.take(&bytes);
        }
        let is_made = |failure: &str| {
            let named = |stage: &PlannedStage| {
                failure.starts_with(&format!("stage={:?} cell={:?} ", stage.stage, stage.label))
            };
            stages.iter().any(|stage| stage.found && named(stage))
        };
        let left: Vec<&String> = self.all.iter().filter(|failure| !is_made(failure)).collect();
        left[left.len().saturating_sub(SHOWN)..].iter().map(|one| (*one).clone()).collect()
    }

    /// What was written since the last look.
    fn news(&mut self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.log)?;
        let length = file.metadata()?.len();
        if length < self.read {
            // It is another file.
            *self = Self::of(&self.log);
        }
        self.read = self.read.max(length.saturating_sub(MOST));
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        self.read += bytes.len() as u64;
        Ok(bytes)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        for line in String::from_utf8_lossy(&whole).lines() {
            self.take_line(line);
        }
    }

    fn take_line(&mut self, line: &str) {
        if !has_time(line) {
            // A message of several lines.
            if let (true, Some(last)) = (self.is_within, self.all.last_mut())
                && last.lines().count() < LINES
            {
                last.push('\n');
                last.push_str(line);
            }
            return;
        }
        self.is_within = false;
        if line.ends_with(BEGINS) {
            self.all.clear();
        } else if line.contains(" ERROR ")
            && let Some((_, said)) = line.split_once(FAILED)
        {
            self.all.push(said.trim().to_owned());
            self.is_within = true;
        }
    }
}

/// Whether a line begins with a time, as each line of a log does that begins an entry.
fn has_time(line: &str) -> bool {
    let bytes = line.as_bytes();
    let is_digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let has = |i: usize, byte: u8| bytes.get(i) == Some(&byte);
    (0..4).all(is_digit) && has(4, b'-') && has(7, b'-') && has(10, b'T')
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use seal_study::Key;
    use serde_json::json;

    use super::*;

    const TIME: &str = "2026-01-01T00:00:01.5Z";

    fn failed(cell: &str, error: &str) -> String {
        format!(
            "{TIME} ERROR seal_store::exec: a stage failed stage=\"sft\" cell=\"{cell}\" \
             error={error}\n"
        )
    }

    #[test]
    fn the_failures_of_the_last_run_are_told_whole_and_without_their_times() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.txt");
        let mut file = File::create(&path).unwrap();
        let mut say = |text: &str| file.write_all(text.as_bytes()).unwrap();
        let mut failures = Failures::of(&path);
        say(&failed("old seed 0", "yesterday"));
        say(&format!("{TIME}  INFO seal_study::run: a run begins\n"));
        assert!(failures.read(&[]).is_empty());
        say(&failed("a seed 0", "no room\n  on the disk"));
        say(&format!("{TIME} ERROR other: no word of a stage\n  nor here\n"));
        let first = "stage=\"sft\" cell=\"a seed 0\" error=no room\n  on the disk";
        assert_eq!(failures.read(&[]), [first]);
        // A line that is being written is no line yet.
        let second = failed("b seed 0", "late");
        let (begin, end) = second.split_at(80);
        say(begin);
        assert_eq!(failures.read(&[]).len(), 1);
        say(end);
        assert_eq!(failures.read(&[]).len(), 2);
        // It was made since.
        let key = Key::of("sft", 1, &json!(0));
        let label = "b seed 0".to_owned();
        let made = PlannedStage { stage: "sft", label, key, found: true, cost: 1.0 };
        assert_eq!(failures.read(&[made]), [first]);
        (0..9).for_each(|i| say(&failed("c seed 0", &i.to_string())));
        let last = failures.read(&[]);
        assert_eq!(last.len(), SHOWN);
        assert!(last[0].ends_with("error=4"), "{last:?}");
        say(&format!("{TIME}  INFO seal_study::run: a run begins\n"));
        assert!(failures.read(&[]).is_empty());
    }

    #[test]
    fn a_log_that_is_not_there_has_no_failures() {
        assert!(Failures::of(Path::new("/absent/log.txt")).read(&[]).is_empty());
    }
}
