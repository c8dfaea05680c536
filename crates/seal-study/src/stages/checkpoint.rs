//! Training that goes on where a killed or stopped run left it.
//!
//! A state is one file of the stage's `unfinished` folder. Its name has the digest of its bytes, so
//! that one rename puts both there. A state that is damaged, or of another run, is said and not
//! used: the training begins anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use seal_bilevel::{BilevelError, Observer, Trainer, TrainerState, TrainingTask};
use seal_device::{DeviceGroup, DeviceSpec};
use seal_store::{Digest, may_halt};

use crate::StudyError;
use crate::exec::Job;

const PREFIX: &str = "trainer-";
const SUFFIX: &str = ".safetensors";
/// A state that is being written.
const PENDING: &str = "trainer.pending";

/// What the training that `task` makes comes to. Its state is kept as often as the job asks for it,
/// and when the run is asked to stop. `task` has to make the same training each time.
pub(super) fn trained<T: TrainingTask>(
    job: &Job<'_>,
    task: impl Fn() -> Result<T, StudyError>,
) -> Result<T::Output, StudyError> {
    let group = Arc::new(group_of(job)?);
    let trainer = match last_state(job.unfinished)? {
        None => Trainer::new(task()?)?,
        Some(state) => match Trainer::resume(task()?, state) {
            Ok(trainer) => {
                (job.goes_on)("step", trainer.step(), trainer.steps());
                trainer
            }
            Err(BilevelError::State(error)) => {
                tracing::warn!(%error, "kept work cannot be used; the training begins anew");
                Trainer::new(task()?)?
            }
            Err(error) => return Err(error.into()),
        },
    };
    Ok(trainer.on(&group).run(&mut Keeper { job, last: Instant::now() })?)
}

/// The devices that share the steps of a training, with its threads. The model is on the first.
fn group_of(job: &Job<'_>) -> Result<DeviceGroup, StudyError> {
    let devices = job.devices.iter().map(|name| name.parse()).collect::<Result<Vec<_>, _>>()?;
    // Without a name, the model is wherever the task has it.
    let devices = if devices.is_empty() { vec![DeviceSpec::default()] } else { devices };
    Ok(DeviceGroup::open(&devices)?)
}

/// Keeps states of a training.
struct Keeper<'a> {
    job: &'a Job<'a>,
    /// When a state was last kept, or the training began.
    last: Instant,
}

impl Observer for Keeper<'_> {
    fn progress(&mut self, done: usize, total: usize) {
        (self.job.progress)(done as f64 / total as f64);
    }

    fn wants_checkpoint(&mut self, _: usize) -> bool {
        (self.job.is_cancelled)() || self.last.elapsed() >= self.job.keep_every
    }

    fn checkpoint(&mut self, state: &TrainerState) -> Result<(), BilevelError> {
        // What is left after the last step is a matter of seconds.
        if state.step() == state.steps() {
            return Ok(());
        }
        // A training needs no state to go on, so that a full disk does not end it.
        if let Err(error) = keep(self.job.unfinished, state) {
            let step = state.step();
            tracing::warn!(%error, step, "the work so far could not be kept");
        }
        self.last = Instant::now();
        match (self.job.is_cancelled)() {
            true => Err(BilevelError::Cancelled),
            false => Ok(()),
        }
    }
}

/// Puts a state in the place of the one before.
fn keep(dir: &Path, state: &TrainerState) -> Result<(), StudyError> {
    for folder in [dir.parent(), Some(dir)].into_iter().flatten() {
        seal_files::refuse_link(folder).map_err(StudyError::at_file(folder))?;
    }
    fs::create_dir_all(dir).map_err(StudyError::io(dir))?;
    let before = states(dir)?;
    let pending = dir.join(PENDING);
    seal_files::refuse_link(&pending).map_err(StudyError::at_file(&pending))?;
    let written =
        state.write(&pending).map_err(|error| StudyError::from(BilevelError::from(error)));
    let digest = written.and_then(|()| Digest::of_file(&pending).map_err(StudyError::io(&pending)));
    let digest = digest.inspect_err(|_| drop(fs::remove_file(&pending)))?;
    let path = dir.join(name(&digest));
    may_halt("state-written");
    fs::rename(&pending, &path).map_err(StudyError::at_file(&path))?;
    may_halt("state-kept");
    for old in before.into_iter().filter(|old| *old != path) {
        fs::remove_file(&old).map_err(StudyError::io(&old))?;
    }
    Ok(())
}

fn name(digest: &Digest) -> String {
    format!("{PREFIX}{}{SUFFIX}", digest.short())
}

/// The state that was kept last, if it is whole. What is not is taken away.
fn last_state(dir: &Path) -> Result<Option<TrainerState>, StudyError> {
    let mut found = None;
    for path in states(dir)? {
        let bytes = fs::read(&path).map_err(StudyError::io(&path))?;
        let name = name(&Digest::of(&bytes));
        let is_whole = path.file_name().is_some_and(|found| *found == *name);
        let state = match is_whole {
            true => TrainerState::from_bytes(&bytes).map_err(|error| error.to_string()),
            false => Err("its bytes were changed".to_owned()),
        };
        match state {
            // A kill between two states leaves both.
            Ok(state) => {
                let is_later =
                    found.as_ref().is_none_or(|old: &TrainerState| old.step() < state.step());
                found = if is_later { Some(state) } else { found };
            }
            Err(reason) => {
                tracing::warn!(file = %path.display(), reason, "kept work cannot be used");
                fs::remove_file(&path).map_err(StudyError::io(&path))?;
            }
        }
    }
    Ok(found)
}

/// The files of states in a folder, by name.
fn states(dir: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StudyError::io(dir)(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(StudyError::io(dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
