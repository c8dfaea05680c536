//! The steps of a selector's training as a file that anyone can replay.
//!
//! One JSON object a line: `start` with the settings, a `row` for each row of
//! both sets with its tokens, a `step` for each step, and `end` with the logits
//! by row id. Beside it, where asked for, a folder with the models and their
//! optimisers around every K-th step.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use seal_bilevel::{
    BilevelError, BilevelSettings, Learned, ModelState, Observer, RunStart, Snapshot, StepSide,
    StepTrace,
};
use seal_data::{Example, RowId};
use seal_lm::save_training_state;
use serde::Serialize;

use crate::error::{Defect, StudyError};

/// Version of the format.
const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum TraceLine<'a> {
    Start {
        format_version: u32,
        settings: &'a BilevelSettings,
        mean_loss: f64,
        #[serde(flatten)]
        run: &'a RunStart,
    },
    Row {
        set: &'static str,
        id: RowId,
        tokens: &'a [u32],
        /// Number of tokens before the answer.
        answer: usize,
        /// \[from, to) of the tokens after it that no loss is taken on.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        skip: Vec<[usize; 2]>,
    },
    Step(&'a StepTrace),
    End {
        omega: BTreeMap<RowId, f64>,
    },
}

/// Where a trace goes.
pub(crate) struct Traced<'a> {
    pub(crate) path: &'a Path,
    /// Save models and optimisers around every K-th step.
    pub(crate) state_every: Option<usize>,
    /// Whether to stop. The trace then ends after the step, unless that is the last.
    pub(crate) is_cancelled: &'a (dyn Fn() -> bool + Sync),
}

/// Writes a trace while a selector is trained.
pub(crate) struct TraceWriter<'a> {
    out: BufWriter<File>,
    path: PathBuf,
    /// Folder and interval of the saved states.
    states: Option<(PathBuf, usize)>,
    input: TraceInput<'a>,
    progress: &'a dyn Fn(f64),
    is_cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Steps in all.
    steps: usize,
}

/// What a traced run is made from.
#[derive(Clone, Copy)]
pub(crate) struct TraceInput<'a> {
    pub(crate) settings: &'a BilevelSettings,
    /// L0, nats a token.
    pub(crate) mean_loss: f64,
    pub(crate) data: &'a [Example],
    pub(crate) safe: &'a [Example],
}

impl<'a> TraceWriter<'a> {
    pub(crate) fn create(
        traced: &Traced<'a>,
        input: TraceInput<'a>,
        progress: &'a dyn Fn(f64),
    ) -> Result<Self, StudyError> {
        let Traced { path, state_every, is_cancelled } = *traced;
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(StudyError::io(parent))?;
        }
        let out = BufWriter::new(File::create(path).map_err(StudyError::io(path))?);
        let states = state_every.map(|every| (path.with_extension("states"), every));
        if let Some((folder, _)) = &states {
            remove_states(folder)?;
        }
        Ok(Self { out, path: path.to_owned(), states, input, progress, is_cancelled, steps: 0 })
    }

    fn line(&mut self, line: &TraceLine<'_>) -> Result<(), StudyError> {
        let text = serde_json::to_string(line).map_err(Defect::Json)?;
        writeln!(self.out, "{text}").map_err(StudyError::io(&self.path))
    }

    /// Writes the last line.
    pub(crate) fn finish(mut self, ids: &[RowId], learned: &Learned) -> Result<(), StudyError> {
        let omega = ids.iter().copied().zip(learned.omega.iter().copied()).collect();
        self.line(&TraceLine::End { omega })?;
        self.out.flush().map_err(StudyError::io(&self.path))
    }

    fn save(&self, side: StepSide, state: &Snapshot<'_>) -> Result<(), StudyError> {
        let Some((folder, _)) = &self.states else { return Ok(()) };
        // After a step its number is one higher than before it.
        let (step, side) = match side {
            StepSide::Before => (state.step, "before"),
            StepSide::After => (state.step - 1, "after"),
        };
        let dir = folder.join(format!("step-{step:06}"));
        fs::create_dir_all(&dir).map_err(StudyError::io(&dir))?;
        let save = |name: &str, s: &ModelState<'_>| {
            let path = dir.join(format!("{name}.{side}.safetensors"));
            save_training_state(s.model, s.optimizer, &path).map_err(StudyError::from)
        };
        save("theta", &state.theta)?;
        state.value.as_ref().map_or(Ok(()), |value| save("value", value))?;
        let path = dir.join(format!("omega.{side}.json"));
        fs::write(&path, serde_json::json!(state.omega).to_string()).map_err(StudyError::io(&path))
    }
}

/// Names of the files of a state, without the side of the step and the ending.
const STATE_FILES: [&str; 3] = ["theta", "value", "omega"];

/// Removes the states of an earlier trace of this name, which a replay would take for
/// those of the new one, and nothing else.
fn remove_states(folder: &Path) -> Result<(), StudyError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let dir = entry.map_err(StudyError::io(folder))?.path();
        let name = dir.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let step = name.strip_prefix("step-").unwrap_or_default();
        if step.len() < 6 || !step.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        for file in STATE_FILES {
            for end in ["before.safetensors", "after.safetensors", "before.json", "after.json"] {
                let path = dir.join(format!("{file}.{end}"));
                match fs::remove_file(&path) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StudyError::io(&path)(e));
                    }
                    _ => {}
                }
            }
        }
        // A folder with files of others stays.
        let _ = fs::remove_dir(&dir);
    }
    Ok(())
}

fn failed(error: StudyError) -> BilevelError {
    BilevelError::Observer(Box::new(error))
}

impl Observer for TraceWriter<'_> {
    fn start(&mut self, run: &RunStart) -> Result<(), BilevelError> {
        self.steps = run.steps;
        let TraceInput { settings, mean_loss, data, safe } = self.input;
        let start = TraceLine::Start { format_version: FORMAT_VERSION, settings, mean_loss, run };
        self.line(&start).map_err(failed)?;
        for (set, rows) in [("fine-tuning", data), ("safe", safe)] {
            for Example { id, tokens, answer, skip } in rows {
                let skip = skip.iter().map(|r| [r.start, r.end]).collect();
                let row = TraceLine::Row { set, id: *id, tokens, answer: *answer, skip };
                self.line(&row).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn wants_snapshot(&self, step: usize) -> bool {
        self.states.as_ref().is_some_and(|(_, every)| step.is_multiple_of(*every))
    }

    fn snapshot(&mut self, side: StepSide, state: &Snapshot<'_>) -> Result<(), BilevelError> {
        self.save(side, state).map_err(failed)
    }

    fn step(&mut self, step: &StepTrace) -> Result<(), BilevelError> {
        self.line(&TraceLine::Step(step)).map_err(failed)?;
        // What is left after the last step is a matter of seconds.
        match step.step + 1 < self.steps && (self.is_cancelled)() {
            true => Err(BilevelError::Cancelled),
            false => Ok(()),
        }
    }

    fn progress(&mut self, done: usize, total: usize) {
        (self.progress)(done as f64 / total as f64);
    }
}

#[cfg(test)]
mod tests {
    use seal_bilevel::{Algorithm, Gamma};
    use seal_select::{Normalise, SelectorFunction};

    use super::*;

    /// After the last step the selector is there.
    #[test]
    fn a_request_to_stop_ends_a_trace_after_each_step_but_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let settings = BilevelSettings {
            algorithm: Algorithm::Two,
            gamma: Gamma::Constant(0.2),
            selector: SelectorFunction::Softmax,
            normalise: Normalise::None,
            baseline: false,
            selector_optim: Default::default(),
            kappa: 0.4,
            rate: None,
            epochs: 1,
            batch: 1,
            micro_batch: None,
            recompute: false,
            optim: Default::default(),
            lora: None,
        };
        let input = TraceInput { settings: &settings, mean_loss: 1.0, data: &[], safe: &[] };
        let path = dir.path().join("trace.jsonl");
        let traced = Traced { path: &path, state_every: None, is_cancelled: &|| true };
        let mut writer = TraceWriter::create(&traced, input, &|_| ()).unwrap();
        let (ids, steps) = (Vec::new(), 2);
        writer.start(&RunStart { steps, done: 0, batch: 1, seed: 0, selector: None, ids }).unwrap();
        let step = |step| StepTrace {
            step,
            epoch: 1,
            ids: Vec::new(),
            losses: Vec::new(),
            grad_norm: 0.0,
            penalty: None,
        };
        assert!(matches!(writer.step(&step(0)), Err(BilevelError::Cancelled)));
        writer.step(&step(1)).unwrap();
    }

    #[test]
    fn states_of_an_earlier_trace_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        let gone = ["step-000000/theta.before.safetensors", "step-000020/omega.after.json"];
        let kept = ["step-000020/notes.txt", "step-one/theta.before.safetensors", "thesis.txt"];
        gone.iter().chain(&kept).for_each(|name| make(name));
        remove_states(dir.path()).unwrap();
        assert!(gone.iter().all(|name| !dir.path().join(name).exists()));
        assert!(!dir.path().join("step-000000").exists());
        assert!(kept.iter().all(|name| dir.path().join(name).exists()));
        remove_states(&dir.path().join("nowhere")).unwrap();
    }
}
