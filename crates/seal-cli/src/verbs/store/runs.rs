//! Which outputs a run folder names.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seal_study::{ConfigSource, RunOptions, Study, StudyError};
use serde::Deserialize;

use crate::options::last_config;
use crate::reading::Reading;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// File of a run with the keys of its stages.
const COST: &str = "cost.json";
/// Folder of a run with the results of other judges.
const AGAIN: &str = "again";

#[derive(Deserialize)]
struct Cost {
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    stage: String,
    key: String,
}

/// The outputs `<stage>-<key>` of the runs that ended in the folder `out`, the judgements of other
/// judges among them.
///
/// # Errors
/// A record that cannot be read.
pub(super) fn made_in(out: &Path) -> Result<BTreeSet<String>, StudyError> {
    let mut files = vec![out.join(COST)];
    let again = out.join(AGAIN);
    match fs::read_dir(&again) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(StudyError::io(&again)(error)),
        Ok(entries) => {
            for entry in entries {
                files.push(entry.map_err(StudyError::io(&again))?.path().join(COST));
            }
        }
    }
    let mut outputs = BTreeSet::new();
    for file in files {
        outputs.extend(keys_in(&file)?);
    }
    Ok(outputs)
}

fn keys_in(file: &PathBuf) -> Result<Vec<String>, StudyError> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StudyError::io(file))?,
    };
    let cost: Cost = serde_json::from_slice(&text)
        .map_err(|error| StudyError::io(file)(std::io::Error::from(error)))?;
    Ok(cost.stages.into_iter().map(|of| format!("{}-{}", of.stage, of.key)).collect())
}

/// All outputs that the run in the folder `out` needs: those of its config, be they there or not,
/// and those of the runs that ended in it.
///
/// # Errors
/// A folder without a config; a config or data that cannot be read.
pub(super) fn needed_by(
    out: &Path,
    store: &Path,
    verbosity: Verbosity,
) -> anyhow::Result<BTreeSet<String>> {
    let mut outputs = made_in(out)?;
    let config = last_config(out)?.ok_or_else(|| UsageError::NoRun { path: out.to_owned() })?;
    let reading = Reading::start(verbosity);
    let study = Study::load(&ConfigSource { file: Some(config), ..ConfigSource::default() })?;
    drop(reading);
    let options = RunOptions { store: Some(store.to_owned()), ..RunOptions::new(out) };
    let plan = study.plan(&options);
    outputs.extend(plan.stages.iter().map(|of| format!("{}-{}", of.stage, of.key)));
    Ok(outputs)
}
