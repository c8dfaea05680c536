//! The script that runs one task, whoever starts it.

use std::path::{Path, PathBuf};

use crate::error::LaunchError;
use crate::folder::write;
use crate::tasks::RemainingWork;

/// The part of the script that is the same for all launches.
const TASK: &str = include_str!("task.sh");

/// Environment variable with the number of attempts, for a place that counts attempts itself.
pub(crate) const ATTEMPTS: &str = "SEAL_TASK_ATTEMPTS";

/// A word that a shell takes as it stands.
pub(crate) fn quoted(word: &str) -> Result<String, LaunchError> {
    let quoted = shlex::try_quote(word);
    quoted.map(|word| word.into_owned()).map_err(|_| LaunchError::Path { path: word.into() })
}

/// A path as a word of a shell.
pub(crate) fn quoted_path(path: &Path) -> Result<String, LaunchError> {
    quoted(path.to_str().ok_or_else(|| LaunchError::Path { path: path.into() })?)
}

/// Writes `task.sh`, which makes the stages of one task and keeps what is said in its log. Its
/// arguments are the task's name and the keys.
pub(crate) fn write_task(work: &RemainingWork<'_>) -> Result<PathBuf, LaunchError> {
    let folder = work.folder();
    let logs = folder.make("logs")?;
    let words = work.plan.command.iter().map(|word| quoted(word));
    let words = words.collect::<Result<Vec<_>, _>>()?.join(" ");
    let settings = &work.settings;
    let text = format!(
        "#!/bin/sh\nlogs={}\nfailed={}\nfolder={}\nattempts=${{{ATTEMPTS}:-{}}}\nrequeue={}\n\
         make_stages() {{\n    exec {words} \"$@\"\n}}\n{TASK}",
        quoted_path(&logs)?,
        quoted_path(&folder.failed())?,
        quoted_path(&work.plan.folder)?,
        settings.attempts(),
        settings.number("requeue").unwrap_or(20),
    );
    let path = folder.make_own("")?.join("task.sh");
    write(&path, &text)?;
    Ok(path)
}

/// The lines of tasks, one a line.
pub(crate) fn lines(work: &RemainingWork<'_>, tasks: &[usize]) -> String {
    tasks.iter().map(|task| work.arguments(*task).join(" ") + "\n").collect()
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
