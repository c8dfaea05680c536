//! One process that makes the stages of a task.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::OwnDevice;
use crate::error::{LaunchError, TaskFailure};
use crate::tasks::RemainingWork;

pub(super) struct Process {
    child: Child,
    started: Instant,
}

/// How a process ended.
pub(super) struct Ended {
    /// `None` after a signal.
    pub(super) code: Option<i32>,
    pub(super) seconds: f64,
}

impl Process {
    /// Starts the command of the plan with the keys of the task, which sees the devices `own` alone if it
    /// has some. What it says goes to the log of the task, after what earlier attempts said.
    pub(super) fn start(
        work: &RemainingWork<'_>,
        task: usize,
        own: &[&OwnDevice],
    ) -> Result<Self, LaunchError> {
        let arguments = work.arguments(task);
        let path = work.folder().log(arguments[0]);
        let log = seal_files::append(&path).map_err(LaunchError::io(&path))?;
        let too = log.try_clone().map_err(LaunchError::io(&path))?;
        let (program, first) = match work.plan.command.split_first() {
            Some((program, first)) => (program.as_str(), first),
            None => ("", &[][..]),
        };
        let mut command = Command::new(program);
        command.args(first).args(&arguments[1..]).current_dir(&work.plan.folder);
        command.envs(variables(own));
        command.stdin(Stdio::null()).stdout(log).stderr(too);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .spawn()
            .map_err(|source| LaunchError::Start { program: program.to_owned(), source })?;
        Ok(Self { child, started: Instant::now() })
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<Ended>, LaunchError> {
        let status = self.child.try_wait().map_err(LaunchError::io(Path::new("a process")))?;
        let seconds = self.started.elapsed().as_secs_f64();
        Ok(status.map(|status| Ended { code: status.code(), seconds }))
    }

    /// Sends SIGTERM to it and to its own children. A shell has `kill` wherever there is one.
    pub(super) fn ask_to_stop(&self) {
        let group = format!("kill -s TERM -- -{0} || kill -s TERM {0}", self.child.id());
        // A process that has ended by itself takes no signal.
        let _ = Command::new("sh").arg("-c").arg(group).stderr(Stdio::null()).status();
    }

    pub(super) fn wait(&mut self) {
        // It was asked to end; how it did changes nothing.
        let _ = self.child.wait();
    }
}

/// The variables by which a process sees `own` alone: of each name the values of all, in their order, with
/// commas between.
fn variables(own: &[&OwnDevice]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in own.iter().flat_map(|own| &own.variables) {
        let values = all.entry(name.clone()).or_default();
        *values = if values.is_empty() { value.clone() } else { format!("{values},{value}") };
    }
    all
}

/// The failure of a task, with the end of its log.
pub(super) fn fault(
    work: &RemainingWork<'_>,
    task: usize,
    code: Option<i32>,
    attempts: u32,
) -> TaskFailure {
    let log = work.folder().log(&work.tasks[task].name);
    let said = last_lines(&log).unwrap_or_default();
    TaskFailure { stages: work.names(task), code, attempts, log, said }
}

/// The last lines of a file, some hundred bytes at most.
fn last_lines(path: &Path) -> std::io::Result<String> {
    const BYTES: u64 = 2000;
    const LINES: usize = 5;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].join("\n"))
}
