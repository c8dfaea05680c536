//! Training that is stopped after each step.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seal_world::{Split, World};

use super::super::{base, tokens};
use super::*;
use crate::config::{Config, ConfigSource, load};

fn config() -> Config {
    let set = ["world.hh=40", "world.base_tasks=48", "world.base_talk=16", "base.epochs=2"];
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    load(&ConfigSource { set, ..ConfigSource::default() }).unwrap().config
}

/// Runs a stage, which is asked to stop after so many steps.
fn run(
    root: &Path,
    deps: &[PathBuf],
    steps: Option<usize>,
    work: &dyn Fn(&Job<'_>) -> Result<(), StudyError>,
) -> Result<PathBuf, StudyError> {
    let dir = root.join("made");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let done = AtomicUsize::new(0);
    work(&Job {
        dir: &dir,
        deps,
        unfinished: &root.join("unfinished"),
        progress: &|_| {
            done.fetch_add(1, Ordering::SeqCst);
        },
        goes_on: &|_, _, _| {},
        devices: &[],
        keep_every: Duration::MAX,
        is_cancelled: &|| steps.is_some_and(|steps| done.load(Ordering::SeqCst) >= steps),
    })?;
    Ok(dir)
}

struct Trained {
    dir: tempfile::TempDir,
    rows: usize,
    config: Config,
    tokens: PathBuf,
    whole: Vec<u8>,
}

impl Trained {
    fn new() -> Self {
        let (dir, config) = (tempfile::tempdir().unwrap(), config());
        let world = World::new(config.world.as_ref().unwrap()).unwrap();
        let rows = world.split(Split::Base).as_slice();
        let tokens =
            run(&dir.path().join("tokens"), &[], None, &|job| tokens(&config, rows, job)).unwrap();
        let mut made = Self { dir, rows: rows.len(), config, tokens, whole: Vec::new() };
        made.whole = made.base("whole", None).unwrap();
        made
    }

    fn base(&self, name: &str, steps: Option<usize>) -> Result<Vec<u8>, StudyError> {
        let deps = [self.tokens.clone()];
        let root = self.dir.path().join(name);
        let made = run(&root, &deps, steps, &|job| base(&self.config, job))?;
        Ok(fs::read(made.join("model.safetensors")).unwrap())
    }

    fn kept(&self, name: &str) -> Vec<PathBuf> {
        states(&self.dir.path().join(name).join("unfinished")).unwrap()
    }
}

#[test]
fn a_training_that_is_stopped_after_each_step_ends_in_the_same_bits() {
    let trained = Trained::new();
    let stops = Cell::new(0);
    let made = loop {
        match trained.base("steps", Some(1)) {
            Ok(made) => break made,
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
        stops.set(stops.get() + 1);
        assert_eq!(trained.kept("steps").len(), 1, "one state is kept");
    };
    // All steps of two epochs but the last.
    let batch = trained.config.base.as_ref().unwrap().batch;
    assert_eq!(stops.get(), 2 * trained.rows.div_ceil(batch) - 1);
    assert!(made == trained.whole);
}

#[test]
fn a_state_that_was_changed_or_is_of_another_run_is_not_used() {
    let trained = Trained::new();
    assert!(trained.base("changed", Some(2)).unwrap_err().is_cancelled());
    let path = trained.kept("changed").pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(trained.base("changed", None).unwrap() == trained.whole);

    let mut other = Trained::new();
    other.config.base.as_mut().unwrap().optim.lr *= 2.0;
    assert!(other.base("other", Some(2)).unwrap_err().is_cancelled());
    let state = other.kept("other").pop().unwrap();
    let folder = trained.dir.path().join("mixed/unfinished");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(&state, folder.join(state.file_name().unwrap())).unwrap();
    assert!(trained.base("mixed", None).unwrap() == trained.whole);
}

#[test]
fn of_two_states_the_later_is_used() {
    let trained = Trained::new();
    assert!(trained.base("two", Some(1)).unwrap_err().is_cancelled());
    let first = trained.kept("two").pop().unwrap();
    let bytes = fs::read(&first).unwrap();
    assert!(trained.base("two", Some(1)).unwrap_err().is_cancelled());
    // A kill between writing the later and removing the first.
    fs::write(&first, bytes).unwrap();
    assert_eq!(trained.kept("two").len(), 2);
    let folder = trained.dir.path().join("two/unfinished");
    assert_eq!(last_state(&folder).unwrap().unwrap().step(), 2);
    assert!(trained.base("two", None).unwrap() == trained.whole);
}
