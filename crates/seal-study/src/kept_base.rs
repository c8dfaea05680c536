//! The base that was read last, kept for the stages that read it next.
//!
//! Most stages of a study begin with the same base. A copy of a model shares its weights, and what is
//! trained gets weights of its own, so that no stage changes what another finds here. One base is kept
//! at most, and only while a run is at work in this process. No result depends on it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seal_lm::{Cost, Lm};

use crate::StudyError;

/// The base that the stages of this process share.
pub(crate) static KEPT: KeptBase = KeptBase::new();

/// Where one base is kept.
pub(crate) struct KeptBase(Mutex<KeptBases>);

struct KeptBases {
    /// Runs at work.
    runs: usize,
    /// Bytes of the largest base that is kept.
    most: u64,
    last: Option<(BaseId, Lm)>,
    /// The base that was asked for last.
    asked: Option<BaseId>,
    /// The bases that are being read.
    reading: Vec<(BaseId, Arc<SharedBase>)>,
}

/// Where stages that ask at once for one base share it: the first reads it, the others wait.
type SharedBase = Mutex<Option<Lm>>;

/// What tells one base from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseId {
    /// The folder of the stage, which has its key as name.
    pub(crate) dir: PathBuf,
    /// Settings that decide how it is read.
    pub(crate) settings: String,
}

/// A run at work. With the last of them, the base is freed.
pub(crate) struct KeepGuard(&'static KeptBase);

impl KeptBase {
    const fn new() -> Self {
        let reading = Vec::new();
        Self(Mutex::new(KeptBases { runs: 0, most: 0, last: None, asked: None, reading }))
    }

    fn state(&self) -> MutexGuard<'_, KeptBases> {
        // It is changed whole; what a reader that panicked was to put here is not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The base `name`: the one that is kept, or what `read` reads. That is kept if it takes at most as
    /// many bytes as a run allows, and no other is kept that stages ask for by turns. Stages that ask at
    /// once for one base read it once; those that ask for two do not wait for each other.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) fn get(
        &self,
        name: &BaseId,
        bytes_of_weight: usize,
        read: impl FnOnce() -> Result<Lm, StudyError>,
    ) -> Result<Lm, StudyError> {
        let mut state = self.state();
        if state.most == 0 {
            drop(state);
            return read();
        }
        let is_again = state.asked.replace(name.clone()).is_none_or(|last| last == *name);
        if let Some((_, model)) = state.last.as_ref().filter(|(last, _)| last == name) {
            return Ok(model.clone());
        }
        let slot = state.slot(name);
        // Bases that stages ask for by turns would push each other out, and none would be there when
        // it is asked for: the first stays until another is asked for twice.
        if is_again {
            state.last = None;
        }
        drop(state);
        let mut shared = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let model = match &*shared {
            Some(model) => Ok(model.clone()),
            None => read(),
        };
        *shared = model.as_ref().ok().cloned();
        drop(shared);
        let mut state = self.state();
        state.leave(name, slot);
        let model = model?;
        let bytes = Cost::of(model.config()).parameters() * bytes_of_weight as f64;
        if state.last.is_none() && bytes <= state.most as f64 {
            state.last = Some((name.clone(), model.clone()));
        }
        Ok(model)
    }
}

impl KeptBases {
    /// Where `name` is read, or will be.
    fn slot(&mut self, name: &BaseId) -> Arc<SharedBase> {
        if let Some((_, slot)) = self.reading.iter().find(|(of, _)| of == name) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Mutex::new(None));
        self.reading.push((name.clone(), Arc::clone(&slot)));
        slot
    }

    /// A stage has what it asked for. The last of those that asked at once frees what they shared.
    fn leave(&mut self, name: &BaseId, slot: Arc<SharedBase>) {
        drop(slot);
        self.reading.retain(|(of, slot)| of != name || Arc::strong_count(slot) > 1);
    }
}

/// Keeps the base that is read last, of at most `most` bytes, until the run ends.
pub(crate) fn keep_base(most: u64) -> KeepGuard {
    let mut state = KEPT.state();
    state.runs += 1;
    state.most = state.most.max(most);
    KeepGuard(&KEPT)
}

impl Drop for KeepGuard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.runs -= 1;
        if state.runs == 0 {
            (state.most, state.last, state.asked) = (0, None, None);
        }
    }
}

impl BaseId {
    pub(crate) fn new(dir: &Path, settings: String) -> Self {
        Self { dir: dir.to_owned(), settings }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};
    use std::thread;

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
            let name = BaseId::new(Path::new(dir), "s".to_owned());
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
        get("b");
        get("a");
        assert_eq!(reads.get(), 5, "by turns, the first stays");
        get("b");
        get("b");
        get("b");
        assert_eq!(reads.get(), 7, "the one that is asked for again takes its place");
        kept.state().most = 10;
        get("a");
        get("a");
        get("a");
        assert_eq!(reads.get(), 10, "it takes more than is allowed");
        assert!(kept.state().last.is_none());
        assert!(kept.state().reading.is_empty());
    }

    /// Each read goes on only when the other has begun.
    #[test]
    fn two_bases_are_read_at_once_and_one_base_once() {
        let kept = KeptBase::new();
        kept.state().most = 1 << 20;
        let both = Barrier::new(2);
        let reads = AtomicUsize::new(0);
        thread::scope(|scope| {
            for dir in ["a", "b"] {
                let read = || {
                    both.wait();
                    reads.fetch_add(1, Ordering::SeqCst);
                    Ok(model(1))
                };
                let kept = &kept;
                scope.spawn(move || {
                    kept.get(&BaseId::new(Path::new(dir), String::new()), 4, read).unwrap()
                });
            }
        });
        assert_eq!(reads.load(Ordering::SeqCst), 2);
        let name = BaseId::new(Path::new("c"), String::new());
        let (begun, begin) = mpsc::channel();
        thread::scope(|scope| {
            let (kept, name) = (&kept, &name);
            scope.spawn(move || {
                let read = || {
                    begun.send(()).unwrap();
                    // Until the other stage waits for this one: it holds the slot, too.
                    while Arc::strong_count(&kept.state().reading[0].1) < 3 {
                        thread::yield_now();
                    }
                    Ok(model(1))
                };
                kept.get(name, 4, read).unwrap();
            });
            begin.recv().unwrap();
            kept.get(name, 4, || panic!("it is read already")).unwrap();
        });
        assert!(kept.state().reading.is_empty());
    }

    #[test]
    fn other_settings_of_one_folder_are_another_base() {
        let kept = KeptBase::new();
        kept.state().most = 1 << 20;
        let name = |settings: &str| BaseId::new(Path::new("a"), settings.to_owned());
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
