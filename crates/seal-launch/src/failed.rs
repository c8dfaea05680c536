//! Records of stages that could not be made, so that anyone may ask for them later.

use std::fs;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use crate::error::LaunchError;
use crate::folder::{LaunchFolder, read_record, write_record};
use crate::plan::PlannedStage;

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
}

/// Notes that `stage` could not be made.
///
/// # Errors
/// A record that cannot be written.
pub fn note(
    folder: &LaunchFolder,
    stage: &PlannedStage,
    code: u8,
    message: &str,
) -> Result<(), LaunchError> {
    let (key, name, message) = (stage.key.clone(), stage.name(), message.to_owned());
    let dir = folder.make("failed")?;
    let record = Failed { format_version: VERSION, key, name, code, message };
    write_record(&dir.join(file_of(stage)), &record)
}

/// Forgets that `stage` could not be made, because it is made now.
///
/// # Errors
/// A record that cannot be removed.
pub fn forget(folder: &LaunchFolder, stage: &PlannedStage) -> Result<(), LaunchError> {
    let path = folder.failed().join(file_of(stage));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(LaunchError::io(&path)(error)),
        _ => Ok(()),
    }
}

/// The records of those of `stages` that could not be made, in the order of the stages.
///
/// # Errors
/// A record that cannot be read.
pub fn failures<'a>(
    folder: &LaunchFolder,
    stages: impl IntoIterator<Item = &'a PlannedStage>,
) -> Result<Vec<Failed>, LaunchError> {
    let mut all = Vec::new();
    for stage in stages {
        all.extend(read_record::<Failed>(&folder.failed().join(file_of(stage)), VERSION)?);
    }
    Ok(all)
}

fn file_of(stage: &PlannedStage) -> String {
    format!("{}-{}.json", stage.stage, stage.key)
}
