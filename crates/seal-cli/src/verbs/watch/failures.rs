//! Failures of stages, from the log of the run folder.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Failures that are shown: the last ones.
const SHOWN: usize = 5;
/// Bytes at the end of a log that are read.
const END: u64 = 1 << 16;
/// The words with which a run logs a failure.
const WORDS: &str = "a stage failed";

/// Reads a log that others write.
pub(super) struct Failures {
    log: PathBuf,
    last: Vec<String>,
}

impl Failures {
    pub(super) fn of(log: &Path) -> Self {
        Self { log: log.to_owned(), last: Vec::new() }
    }

    /// The last failures since the run began that wrote last.
    pub(super) fn read(&mut self) -> &[String] {
        // A log that cannot be read shows what was known.
        if let Ok(text) = end_of(&self.log) {
            self.last = failures(&text);
        }
        &self.last
    }
}

fn end_of(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines of errors, without their times.
fn failures(log: &str) -> Vec<String> {
    let errors = log.lines().filter(|line| line.contains("ERROR") && line.contains(WORDS));
    let said = |line: &str| {
        let (_, said) = line.split_once(WORDS).unwrap_or(("", line));
        said.trim().to_owned()
    };
    let all: Vec<String> = errors.map(said).collect();
    all[all.len().saturating_sub(SHOWN)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failures_are_told_without_their_times() {
        let log = "2026-01-01T00:00:00Z  INFO seal_store::exec: started stage=\"sft\"\n\
                   2026-01-01T00:00:01Z ERROR seal_store::exec: a stage failed stage=\"sft\" \
                   cell=\"seal seed 0\" error=no room\n\
                   2026-01-01T00:00:02Z ERROR other: no word of a stage\n";
        assert_eq!(failures(log), [r#"stage="sft" cell="seal seed 0" error=no room"#]);
        let many: String = (0..9).map(|i| format!("ERROR x: a stage failed error={i}\n")).collect();
        assert_eq!(failures(&many).first().map(String::as_str), Some("error=4"));
        let mut absent = Failures::of(Path::new("/absent/log.txt"));
        assert!(absent.read().is_empty());
    }
}
