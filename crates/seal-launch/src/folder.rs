//! The folder `launch` of a run folder.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use seal_store::sealed;

use crate::error::LaunchError;

/// Where a launch keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchFolder {
    dir: PathBuf,
    /// Id of the plan; empty where no plan is meant.
    id: String,
}

impl LaunchFolder {
    /// Its name in a run folder.
    pub const NAME: &'static str = "launch";

    /// The folder of a launch of the run in `out`. Nothing is looked at.
    pub fn of_run(out: &Path) -> Self {
        Self { dir: out.join(Self::NAME), id: String::new() }
    }

    /// The folder of the launch with the plan `id` of the run in `out`.
    pub(crate) fn of_plan(out: &Path, id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::of_run(out) }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of this plan alone: its config, and all that tasks of it read. A later launch
    /// with other settings writes elsewhere, so it changes nothing for tasks that wait.
    pub fn plan_dir(&self) -> PathBuf {
        match self.id.is_empty() {
            true => self.dir.clone(),
            false => self.dir.join(&self.id),
        }
    }

    /// The plan of the last launch.
    pub fn plan(&self) -> PathBuf {
        self.dir.join(PLAN)
    }

    /// The plan that tasks of this launch read.
    pub fn task_plan(&self) -> PathBuf {
        self.plan_dir().join(PLAN)
    }

    /// The config that the plan was made from.
    pub fn config(&self) -> PathBuf {
        self.plan_dir().join("config.toml")
    }

    /// All that the process of a task said, a file a task.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The log of the task `name`.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// Records of stages that failed.
    pub(crate) fn failed(&self) -> PathBuf {
        self.dir.join("failed")
    }

    /// The record of submitted jobs.
    pub fn jobs(&self) -> PathBuf {
        self.dir.join("jobs.json")
    }

    /// Makes the folder, the folder `below` it, and those between.
    ///
    /// # Errors
    /// A link on the way; a folder that cannot be made.
    pub(crate) fn make(&self, below: &str) -> Result<PathBuf, LaunchError> {
        let out = self.dir.parent().unwrap_or(Path::new(""));
        let path = Path::new(Self::NAME).join(below);
        seal_files::make_folder(out, &path).map_err(LaunchError::io(&self.dir.join(below)))
    }

    /// As [`LaunchFolder::make`], below the folder of the plan.
    pub(crate) fn make_own(&self, below: &str) -> Result<PathBuf, LaunchError> {
        let path = Path::new(&self.id).join(below);
        self.make(path.to_str().unwrap_or(below))
    }
}

const PLAN: &str = "study.json";

/// Writes a whole file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), LaunchError> {
    seal_files::write(path, text.as_bytes()).map_err(LaunchError::io(path))
}

/// Writes a record that shows when it is changed.
pub(crate) fn write_record(path: &Path, record: &impl Serialize) -> Result<(), LaunchError> {
    write(path, &sealed::to_text(record)?)
}

/// Reads what [`write_record`] wrote; `None` where nothing is.
pub(crate) fn read_record<T: DeserializeOwned>(
    path: &Path,
    known: u32,
) -> Result<Option<T>, LaunchError> {
    let bytes = match seal_files::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
        Err(e) => return Err(LaunchError::io(path)(e)),
    };
    let text = String::from_utf8_lossy(&bytes);
    match sealed::version_of(&text) {
        Some(found) if found != known => {
            let found = found.to_string();
            return Err(LaunchError::Version { path: path.into(), found, known });
        }
        _ => {}
    }
    let damaged = |e: sealed::SealedError| LaunchError::Damaged {
        path: path.into(),
        reason: format!("it is not as the program wrote it ({e})"),
    };
    sealed::from_text(&text).map(Some).map_err(damaged)
}
