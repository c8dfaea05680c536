//! Records of stages that could not be made, so that anyone may ask for them later.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::LaunchError;
use crate::folder::{LaunchFolder, read_record, write, write_record};
use crate::plan::LaunchStage;

const VERSION: u32 = 1;

/// A stage that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    format_version: u32,
    /// Its key.
    pub key: String,
    /// The stage for people.
    pub name: String,
    /// The exit code of the process.
    pub code: u8,
    /// Why.
    pub message: String,
    /// Whether the store lacks an input, so that another stage is the one to look at.
    pub lacking: bool,
}

/// A task that was given up. A process that was killed leaves no record of its own, so whoever
/// started it keeps this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Name of the task.
    pub task: String,
    /// Why, as [`Ending`] says it.
    pub ending: Ending,
    /// How often it was started.
    pub attempts: u32,
    /// The keys of its stages, or the words that make the results.
    pub keys: Vec<String>,
}

/// How the last process of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By a signal; its number where it is known.
    Signal(Option<i32>),
    /// The time of its job ran out.
    Time,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(None) => write!(f, "a signal"),
            Self::Signal(Some(signal)) => write!(f, "signal {signal}"),
            Self::Time => write!(f, "the end of its time"),
        }
    }
}

/// A shell says so of a process that a signal has ended: this plus the number of the signal.
const OF_SIGNALS: i32 = 128;

impl Ending {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "time" => Some(Self::Time),
            "signal" => Some(Self::Signal(None)),
            word => match word.parse().ok()? {
                code if code > OF_SIGNALS => Some(Self::Signal(Some(code - OF_SIGNALS))),
                code => Some(Self::Code(code)),
            },
        }
    }
}

/// The records of tasks that were given up, in the order of their names. A record that cannot be
/// understood is left out: a kill may have cut it.
///
/// # Errors
/// A folder or record that cannot be read.
pub fn given_up(folder: &LaunchFolder) -> Result<Vec<GivenUp>, LaunchError> {
    let dir = folder.failed();
    let entries = match fs::read_dir(&dir) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        other => other.map_err(LaunchError::io(&dir))?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(LaunchError::io(&dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(task) = name.and_then(|name| name.strip_suffix(".code")) else { continue };
        let text = fs::read_to_string(&path).map_err(LaunchError::io(&path))?;
        let mut words = text.split_whitespace();
        let ending = words.next().and_then(Ending::parse);
        let attempts = words.next().and_then(|word| word.parse().ok());
        if let (Some(ending), Some(attempts)) = (ending, attempts) {
            let (task, keys) = (task.to_owned(), words.map(str::to_owned).collect());
            all.push(GivenUp { task, ending, attempts, keys });
        }
    }
    all.sort_by(|a, b| a.task.cmp(&b.task));
    Ok(all)
}

/// Notes that a task was given up: its name and keys as the script of tasks gets them.
pub(crate) fn give_up(
    folder: &LaunchFolder,
    arguments: &[&str],
    (code, attempts): (Option<i32>, u32),
) -> Result<(), LaunchError> {
    let Some((task, keys)) = arguments.split_first() else { return Ok(()) };
    let code = code.map_or_else(|| "signal".to_owned(), |code| code.to_string());
    let dir = folder.make("failed")?;
    write(&dir.join(format!("{task}.code")), &format!("{code} {attempts} {}\n", keys.join(" ")))
}

/// Forgets that the task `name` was given up.
///
/// # Errors
/// A record that cannot be removed.
pub fn forget_task(folder: &LaunchFolder, name: &str) -> Result<(), LaunchError> {
    remove(&folder.failed().join(format!("{name}.code")))
}

fn remove(path: &Path) -> Result<(), LaunchError> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => Err(LaunchError::io(path)(error)),
        _ => Ok(()),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Notes that `stage` could not be made.
///
/// # Errors
/// A record that cannot be written.
pub fn note(
    folder: &LaunchFolder,
    stage: &LaunchStage,
    (code, message, lacking): (u8, &str, bool),
) -> Result<(), LaunchError> {
    let (key, name, message) = (stage.key.clone(), stage.name(), message.to_owned());
    let dir = folder.make("failed")?;
    let record = Failed { format_version: VERSION, key, name, code, message, lacking };
    write_record(&dir.join(file_of(stage)), &record)
}

/// Forgets that `stage` could not be made, because it is made now.
///
/// # Errors
/// A record that cannot be removed.
pub fn forget(folder: &LaunchFolder, stage: &LaunchStage) -> Result<(), LaunchError> {
    remove(&folder.failed().join(file_of(stage)))
}

/// The records of those of `stages` that could not be made, in the order of the stages.
///
/// # Errors
/// A record that cannot be read.
pub fn failures<'a>(
    folder: &LaunchFolder,
    stages: impl IntoIterator<Item = &'a LaunchStage>,
) -> Result<Vec<Failed>, LaunchError> {
    let mut all = Vec::new();
    for stage in stages {
        all.extend(read_record::<Failed>(&folder.failed().join(file_of(stage)), VERSION)?);
    }
    Ok(all)
}

fn file_of(stage: &LaunchStage) -> String {
    format!("{}-{}.json", stage.stage, stage.key)
}
