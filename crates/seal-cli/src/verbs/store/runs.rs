//! Which outputs a run folder names.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use seal_study::{ConfigSource, RunOptions, Study, StudyError};
use serde::Deserialize;

use crate::message::message;
use crate::options::last_config;
use crate::plain;
use crate::reading::ReadingProgress;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// File of a run folder that each run writes when it begins.
const OWNER: &str = "study.json";
/// File of a run with the keys of its stages.
const COST: &str = "cost.json";
/// File of a judging by another judge with its settings, which is there before its first stage.
const CONFIG: &str = "config.toml";
/// Folder of a run with the results of other judges.
const AGAIN: &str = "again";

#[derive(Deserialize)]
struct StoredCost {
    stages: Vec<StoredStage>,
}

#[derive(Deserialize)]
struct StoredStage {
    stage: String,
    key: String,
}

/// A run folder for people, and the outputs that its runs use.
pub(super) type Used = (String, BTreeSet<String>);

/// The outputs that each of the run folders uses: those of the runs that ended in it, and, where one
/// began since, those that it is to make. Of a run whose config or data cannot be read that is said,
/// and only the outputs of ended runs count.
///
/// # Errors
/// A record of an ended run that cannot be read.
pub(super) fn used_by(
    runs: &[PathBuf],
    store: &Path,
    verbosity: Verbosity,
) -> anyhow::Result<Vec<Used>> {
    let mut used = Vec::new();
    for out in runs {
        let mut outputs = made_in(out)?;
        if has_begun_since(out) {
            match needed_by(out, store, verbosity) {
                Ok(needed) => outputs.extend(needed),
                Err(error) => {
                    // What cannot be shown stops nothing.
                    let _ = writeln!(
                        plain::stderr(),
                        "{}: only what its ended runs used is known: {}",
                        out.display(),
                        message(&error)
                    );
                }
            }
        }
        used.push((out.display().to_string(), outputs));
    }
    Ok(used)
}

/// Whether a run began in the folder `out` after the last one ended there. Both leave a file at that
/// moment, on one file system.
fn has_begun_since(out: &Path) -> bool {
    let written = |name: &str| fs::metadata(out.join(name)).and_then(|found| found.modified()).ok();
    match (written(OWNER), written(COST)) {
        (Some(began), Some(ended)) => began > ended,
        (began, None) => began.is_some(),
        (None, Some(_)) => false,
    }
}

/// The outputs `<stage>-<key>` of the runs that ended in the folder `out`, the judgements of other
/// judges among them.
///
/// # Errors
/// A record that cannot be read.
pub(super) fn made_in(out: &Path) -> Result<BTreeSet<String>, StudyError> {
    let mut outputs = BTreeSet::new();
    for folder in std::iter::once(out.to_owned()).chain(again_in(out)?) {
        outputs.extend(keys_in(&folder.join(COST))?);
    }
    Ok(outputs)
}

/// The folders of other judges in the run folder `out`.
fn again_in(out: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let again = out.join(AGAIN);
    let entries = match fs::read_dir(&again) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StudyError::io(&again))?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> =
        paths.collect::<std::io::Result<_>>().map_err(StudyError::io(&again))?;
    paths.sort();
    Ok(paths)
}

fn keys_in(file: &Path) -> Result<Vec<String>, StudyError> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StudyError::io(file))?,
    };
    let cost: StoredCost = serde_json::from_slice(&text)
        .map_err(|error| StudyError::io(file)(std::io::Error::from(error)))?;
    Ok(cost.stages.into_iter().map(|of| format!("{}-{}", of.stage, of.key)).collect())
}

/// All outputs that the run in the folder `out` needs: those of its config, be they there or not,
/// those of the runs that ended in it, and those of other judges that were stopped before their end.
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
    let mut configs = vec![config];
    for folder in again_in(out)? {
        let config = folder.join(CONFIG);
        if config.is_file() && !folder.join(COST).exists() {
            configs.push(config);
        }
    }
    for config in configs {
        let reading = ReadingProgress::start(verbosity);
        let source = ConfigSource { file: Some(config), ..ConfigSource::default() };
        let study = Study::load_of_run(&source, out)?;
        drop(reading);
        let options = RunOptions { store: Some(store.to_owned()), ..RunOptions::new(out) };
        let plan = study.plan(&options);
        outputs.extend(plan.stages.iter().map(|of| format!("{}-{}", of.stage, of.key)));
    }
    Ok(outputs)
}
