//! What can go wrong with a launch.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error of a launch.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A setting that no launcher has, or that this one does not read.
    #[error("`{given}`: {launcher} has no such setting; its settings are {}", known.join(", "))]
    UnknownSetting {
        /// The setting.
        given: String,
        /// Name of the launcher.
        launcher: &'static str,
        /// The settings that it reads.
        known: Vec<&'static str>,
    },
    /// A setting with a value that it does not take.
    #[error("`{given}`: {takes}")]
    Setting {
        /// Name and value.
        given: String,
        /// What it takes.
        takes: &'static str,
    },
    /// A launcher lacks a setting that it needs.
    #[error("{launcher} needs the setting `{setting}`: {takes}")]
    NoSetting {
        /// Name of the launcher.
        launcher: &'static str,
        /// Name of the setting.
        setting: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// No plan in the folder.
    #[error("{}: no plan of a launch is stored there", path.display())]
    NoPlan {
        /// The file that is not there.
        path: PathBuf,
    },
    /// A file of the launch that is not as it was written.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of the launch that another version of the program wrote.
    #[error("{}: format_version {found}, and this program knows {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version, as JSON.
        found: String,
        /// The version that this program writes.
        known: u32,
    },
    /// A path that a plan cannot hold, because JSON and scripts hold text.
    #[error("{}: a plan holds paths that are UTF-8 and have no line break", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// A program that cannot be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A Python without the package that submits.
    #[error("`{python}` has no package `{package}`: {said}")]
    NoPackage {
        /// The Python.
        python: String,
        /// The package.
        package: &'static str,
        /// What it said.
        said: String,
    },
    /// A program of a scheduler that failed.
    #[error("`{program}` failed ({}): {said}", code_text(*code))]
    Refused {
        /// Its name.
        program: String,
        /// Its exit code; `None` after a signal.
        code: Option<i32>,
        /// What it said.
        said: String,
    },
    /// An earlier launch of the same run is still at work.
    #[error(
        "an earlier launch of this run is at work ({} jobs, the first is {first}); let it end",
        jobs
    )]
    AtWork {
        /// Jobs that the queue has.
        jobs: usize,
        /// The first of them.
        first: String,
    },
    /// Jobs of an earlier launch are on record, and their scheduler cannot be asked.
    #[error(
        "an earlier launch of this run may be at work: its jobs are on record in {}, and the queue \
         cannot be asked: {source}",
        record.display()
    )]
    MayBeAtWork {
        /// The record.
        record: PathBuf,
        /// Why the queue cannot be asked.
        source: Box<LaunchError>,
    },
    /// A job was refused after others had been submitted.
    #[error("{source}; {}: {ids}", half(*cancelled))]
    Half {
        /// The jobs that were submitted before.
        ids: String,
        /// Whether they are cancelled.
        cancelled: bool,
        /// Why the job was refused.
        source: Box<LaunchError>,
    },
    /// There is nothing to cancel.
    #[error("{}: {}", path.display(), no_jobs(*launched, *submits))]
    NoJobs {
        /// The record that is not there.
        path: PathBuf,
        /// The launcher of the last launch, which submitted none; `None` where there was no launch.
        launched: Option<&'static str>,
        /// Whether that launcher submits jobs to a scheduler.
        submits: bool,
    },
    /// A launcher without a program that cancels.
    #[error("{launcher} has the jobs {}, which are not cancelled from here", jobs.join(", "))]
    NotCancelled {
        /// Name of the launcher.
        launcher: String,
        /// Its jobs.
        jobs: Vec<String>,
    },
    /// A stage that a process of its own could not make.
    #[error(transparent)]
    Failed(Box<TaskFailure>),
    /// The observer asked to stop.
    #[error(
        "stopped on request; {done} of {of} stages are done, and those that ran keep their work"
    )]
    Cancelled {
        /// Stages that are done.
        done: usize,
        /// Stages in all.
        of: usize,
    },
    /// A record that JSON does not hold.
    #[error("a record of a launch: {0}")]
    Json(#[from] serde_json::Error),
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A stage that a process of its own could not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// The stages of the process.
    pub stages: Vec<String>,
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// How often it was started.
    pub attempts: u32,
    /// The file with all that it said.
    pub log: PathBuf,
    /// The end of that file.
    pub said: String,
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = match self.attempts {
            0 | 1 => String::new(),
            n => format!(" after {n} attempts"),
        };
        let (stages, code) = (self.stages.join(", "), code_text(self.code));
        write!(f, "{stages}: its process ended with {code}{tried}; all that it said is in ")?;
        write!(f, "{}", self.log.display())?;
        match self.said.is_empty() {
            true => Ok(()),
            false => write!(f, ", and its end is:\n{}", self.said),
        }
    }
}

impl std::error::Error for TaskFailure {}

fn no_jobs(launched: Option<&str>, submits: bool) -> String {
    match launched {
        Some(launcher) if submits => {
            format!("the last launch was by `{launcher}`, and it has submitted no job")
        }
        Some(launcher) => {
            format!("the last launch was by `{launcher}`, which submits no jobs to a scheduler")
        }
        None => "no jobs of a launch are recorded there".to_owned(),
    }
}

fn half(cancelled: bool) -> &'static str {
    match cancelled {
        true => "the jobs that were submitted before it are cancelled",
        false => {
            "the jobs that were submitted before it could not be cancelled, and none makes results"
        }
    }
}

fn code_text(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"))
}

impl LaunchError {
    /// A [`LaunchError::Io`] for `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// The exit code that the process of the failed stage had.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Failed(fault) => fault.code,
            _ => None,
        }
    }
}
