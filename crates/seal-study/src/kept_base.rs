//! The base that was read last, kept for the stages that read it next.
//!
//! Most stages of a study begin with the same base. A copy of a model shares its weights, and what is
//! trained gets weights of its own, so that no stage changes what another finds here. One base is kept
//! at most, and only while a run is at work in this process. No result depends on it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use seal_lm::{Cost, Lm};

use crate::StudyError;

/// The base that the stages of this process share.
pub(crate) static KEPT: KeptBase = KeptBase::new();

/// Where one base is kept.
pub(crate) struct KeptBase(Mutex<State>);

struct State {
    /// Runs at work.
    runs: usize,
    /// Bytes of the largest base that is kept.
    most: u64,
    last: Option<(Name, Lm)>,
}

/// What tells one base from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// The folder of the stage, which has its key as name.
    pub(crate) dir: PathBuf,
    /// Settings that decide how it is read.
    pub(crate) settings: String,
}

/// A run at work. With the last of them, the base is freed.
pub(crate) struct Keeping(&'static KeptBase);

impl KeptBase {
    const fn new() -> Self {
        Self(Mutex::new(State { runs: 0, most: 0, last: None }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is changed whole; what a reader that panicked was to put here is not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The base `name`: the one that is kept, or what `read` reads, which is kept if it takes at most
    /// as many bytes as a run allows. Stages that ask at once read it once.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) fn get(
        &self,
        name: &Name,
        bytes_of_weight: usize,
        read: impl FnOnce() -> Result<Lm, StudyError>,
    ) -> Result<Lm, StudyError> {
        let mut state = self.state();
        if state.most == 0 {
            drop(state);
            return read();
        }
        if let Some((_, model)) = state.last.as_ref().filter(|(last, _)| last == name) {
            return Ok(model.clone());
        }
        // Two are never in memory for the sake of this.
        state.last = None;
        let model = read()?;
        let bytes = Cost::of(model.config()).parameters() * bytes_of_weight as f64;
        if bytes <= state.most as f64 {
            state.last = Some((name.clone(), model.clone()));
        }
        Ok(model)
    }
}

/// Keeps the base that is read last, of at most `most` bytes, until the run ends.
pub(crate) fn keep_base(most: u64) -> Keeping {
    let mut state = KEPT.state();
    state.runs += 1;
    state.most = state.most.max(most);
    Keeping(&KEPT)
}

impl Drop for Keeping {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.runs -= 1;
        if state.runs == 0 {
            (state.most, state.last) = (0, None);
        }
    }
}

impl Name {
    pub(crate) fn new(dir: &Path, settings: String) -> Self {
        Self { dir: dir.to_owned(), settings }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use seal_device::DeviceSpec;
    use seal_lm::LmConfig;

    use super::*;

    fn model(seed: u64) -> Lm {
        let shape: LmConfig = toml::from_str(
            "vocab_size = 8\nhidden_size = 4\nnum_hidden_layers = 1\nnum_attention_heads = 2\n\
             num_key_value_heads = 1\nintermediate_size = 4\nmax_position_embeddings = 8\n",
        )
        .unwrap();
        Lm::init(&shape, seed, &DeviceSpec::default().open().unwrap()).unwrap()
    }

    #[test]
    fn one_base_is_read_once_while_a_run_is_at_work_and_freed_after_it() {
        let (kept, reads) = (KeptBase::new(), Cell::new(0));
        let get = |dir: &str| {
            let name = Name::new(Path::new(dir), "s".to_owned());
            let read = || {
                reads.set(reads.get() + 1);
                Ok(model(1))
            };
            kept.get(&name, 4, read).unwrap()
        };
        get("a");
        get("a");
        assert_eq!(reads.get(), 2, "without a run nothing is kept");
        kept.state().most = 1 << 20;
        get("a");
        get("a");
        assert_eq!(reads.get(), 3);
        get("b");
        get("a");
        assert_eq!(reads.get(), 5, "one is kept");
        kept.state().most = 10;
        get("b");
        get("b");
        assert_eq!(reads.get(), 7, "it takes more than is allowed");
        assert!(kept.state().last.is_none());
    }

    #[test]
    fn other_settings_of_one_folder_are_another_base() {
        let kept = KeptBase::new();
        kept.state().most = 1 << 20;
        let name = |settings: &str| Name::new(Path::new("a"), settings.to_owned());
        kept.get(&name("f32"), 4, || Ok(model(1))).unwrap();
        let reads = Cell::new(0);
        let read = || {
            reads.set(reads.get() + 1);
            Ok(model(2))
        };
        kept.get(&name("bf16"), 4, read).unwrap();
        assert_eq!(reads.get(), 1);
    }
}
