//! A run that is stopped at any step and gone on with ends bit by bit as one that was not.

mod common;

use common::{bilevel, lora, rows, run, settings, supervised};
use seal_bilevel::{
    Algorithm, Bilevel, BilevelError, BilevelSettings, EpochEnd, Gamma, GammaUnit, Observer,
    RunStart, SelectorOptim, SftSettings, Silent, StateError, StepFigure, StepTrace, Trainer,
    TrainerState, TrainingTask,
};
use seal_lm::OptimConfig;
use seal_select::{Normalise, SelectorFunction};

/// Keeps a checkpoint of every step, and what it was told of.
#[derive(Default)]
struct Keep {
    states: Vec<Vec<u8>>,
    starts: Vec<RunStart>,
    steps: Vec<StepTrace>,
    epochs: Vec<EpochEnd>,
}

impl Observer for Keep {
    fn start(&mut self, start: &RunStart) -> Result<(), BilevelError> {
        self.starts.push(start.clone());
        Ok(())
    }

    fn step(&mut self, step: &StepTrace) -> Result<(), BilevelError> {
        self.steps.push(step.clone());
        Ok(())
    }

    fn epoch(&mut self, end: &EpochEnd) -> Result<(), BilevelError> {
        self.epochs.push(end.clone());
        Ok(())
    }

    fn wants_checkpoint(&mut self, _done: usize) -> bool {
        true
    }

    fn checkpoint(&mut self, state: &TrainerState) -> Result<(), BilevelError> {
        self.states.push(state.to_bytes()?);
        Ok(())
    }
}

/// Stops the run of `task` after every step, goes on from the bytes in another trainer, and
/// holds the end against that of the whole run.
fn stops_anywhere<T: TrainingTask>(
    name: &str,
    task: impl Fn() -> T,
    same: impl Fn(T::Output, T::Output),
) {
    let mut whole = Keep::default();
    let trainer = Trainer::new(task()).unwrap();
    let (start, steps) = (trainer.state().to_bytes().unwrap(), trainer.steps());
    let end = trainer.run_until(steps, &mut whole).unwrap().state().to_bytes().unwrap();
    assert_eq!(whole.states.len(), steps, "{name}");
    assert!(whole.states.last() == Some(&end), "{name}");
    whole.states.insert(0, start);
    for (stopped, bytes) in whole.states.iter().enumerate() {
        let state = TrainerState::from_bytes(bytes).unwrap();
        assert_eq!((state.step(), state.steps()), (stopped, steps), "{name}");
        assert!(state.to_bytes().unwrap() == *bytes, "{name}, step {stopped}");
        let trainer = Trainer::resume(task(), state).unwrap();
        assert_eq!(trainer.step(), stopped, "{name}");
        let mut rest = Keep::default();
        let trainer = trainer.run_until(steps, &mut rest).unwrap();
        assert!(trainer.state().to_bytes().unwrap() == end, "{name}, stopped at {stopped}");
        assert_eq!(rest.steps, whole.steps[stopped..], "{name}, stopped at {stopped}");
        let start = RunStart { done: stopped, ..whole.starts[0].clone() };
        assert_eq!(rest.starts, [start], "{name}, stopped at {stopped}");
        let before = whole.epochs.len() - rest.epochs.len();
        assert_eq!(rest.epochs, whole.epochs[before..], "{name}, stopped at {stopped}");
        same(trainer.run(&mut Silent).unwrap(), run(task()).unwrap());
    }
}

fn sft() -> SftSettings {
    SftSettings {
        epochs: 2,
        batch: 5,
        micro_batch: None,
        recompute: false,
        optim: OptimConfig { lr: 2e-3, warmup: 0.2, weight_decay: 0.1, ..OptimConfig::default() },
        lora: None,
    }
}

#[test]
fn fine_tuning() {
    // Three steps an epoch, the last of them short.
    let rows = rows("d", 13);
    for (name, settings) in [
        ("whole", sft()),
        ("adapters", SftSettings { lora: Some(lora(0.0)), ..sft() }),
        ("dropout", SftSettings { lora: Some(lora(0.3)), ..sft() }),
        ("micro-batches", SftSettings { micro_batch: Some(2), recompute: true, ..sft() }),
    ] {
        stops_anywhere(
            name,
            || supervised(&rows, &settings, 3),
            |a, b| assert_eq!(a.losses, b.losses, "{name}"),
        );
    }
}

#[test]
fn selectors() {
    let (data, safe) = (rows("d", 13), rows("safe", 7));
    let growing = Gamma::Growing { start: 0.0, increment: 0.03, per: GammaUnit::Epoch };
    let adam = BilevelSettings {
        selector_optim: SelectorOptim::Adam,
        rate: Some(0.02),
        selector: SelectorFunction::Sigmoid,
        ..settings()
    };
    let released =
        BilevelSettings { algorithm: Algorithm::Released, rate: Some(0.02), ..settings() };
    for (name, settings) in [
        ("algorithm 2", settings()),
        ("gamma from 0", BilevelSettings { gamma: growing, ..settings() }),
        ("algorithm 1", BilevelSettings { algorithm: Algorithm::One, ..settings() }),
        ("dropout", BilevelSettings { lora: Some(lora(0.3)), ..settings() }),
        (
            "algorithm 1 with dropout",
            BilevelSettings {
                algorithm: Algorithm::One,
                lora: Some(lora(0.3)),
                micro_batch: Some(3),
                ..settings()
            },
        ),
        ("Adam", adam.clone()),
        ("Adam with dropout", BilevelSettings { lora: Some(lora(0.3)), ..adam }),
        ("released", released),
        (
            "tanh of mean 1",
            BilevelSettings {
                selector: SelectorFunction::Tanh,
                normalise: Normalise::Mean,
                baseline: true,
                ..settings()
            },
        ),
    ] {
        stops_anywhere(
            name,
            || bilevel(&data, &safe, &settings),
            |a, b| assert_eq!(a, b, "{name}"),
        );
    }
}

#[test]
fn an_observer_is_told_of_every_epoch() {
    let (data, safe) = (rows("d", 13), rows("safe", 7));
    let mut kept = Keep::default();
    let settings = settings();
    let trainer = Trainer::new(bilevel(&data, &safe, &settings)).unwrap();
    // In two runs of one trainer: told of the start once.
    let trainer = trainer.run_until(2, &mut kept).unwrap();
    let learned = trainer.run(&mut kept).unwrap();
    assert_eq!((kept.starts.len(), kept.steps.len()), (1, 6));
    assert_eq!(kept.starts[0].done, 0);
    let trace: Vec<_> = kept.epochs.iter().map(|end| end.trace.clone().unwrap()).collect();
    assert_eq!(trace, learned.trace);
    let mut kept = Keep::default();
    let settings = sft();
    let tuned = Trainer::new(supervised(&data, &settings, 0)).unwrap().run(&mut kept).unwrap();
    let losses: Vec<f64> = kept.epochs.iter().map(|end| end.loss).collect();
    assert_eq!(losses, tuned.losses);
    assert!(kept.epochs.iter().all(|end| end.trace.is_none()));
}

#[test]
fn a_divergence_names_its_step_and_rows() {
    let (data, safe) = (rows("d", 13), rows("safe", 7));
    let wild = OptimConfig { lr: 1e30, ..OptimConfig::default() };
    let diverges = BilevelSettings { optim: wild.clone(), ..settings() };
    let sft = SftSettings { optim: wild, ..sft() };
    // The rows of step 1, as a run that does not diverge meets them.
    let mut kept = Keep::default();
    let settings = settings();
    Trainer::new(bilevel(&data, &safe, &settings)).unwrap().run_until(2, &mut kept).unwrap();
    let met = &kept.steps[1];
    let ids = [&met.penalty.as_ref().unwrap().safe_ids[..], &met.ids].concat();
    let error = run(bilevel(&data, &safe, &diverges)).unwrap_err();
    let BilevelError::Diverged { step, epoch, figure, value, rows } = error else {
        panic!("{error}")
    };
    assert_eq!((step, epoch, figure, rows), (1, 1, StepFigure::GradientNorm, ids));
    assert!(value.is_nan());
    let error = run(supervised(&data, &sft, 3)).unwrap_err();
    let BilevelError::Diverged { step: 1, epoch: 1, rows, .. } = error else { panic!("{error}") };
    assert_eq!(rows.len(), 5);
}

#[test]
fn a_state_of_another_run_is_refused() {
    let (data, safe) = (rows("d", 13), rows("safe", 7));
    let settings = settings();
    let task = || bilevel(&data, &safe, &settings);
    let trainer = Trainer::new(task()).unwrap().run_until(2, &mut Silent).unwrap();
    let refusal = |task: Bilevel<'_>| {
        let error = Trainer::resume(task, trainer.state()).err().unwrap();
        let BilevelError::State(StateError::OtherRun { what }) = error else { panic!("{error}") };
        what
    };
    assert_eq!(refusal(Bilevel { seed: 2, ..task() }), "seed");
    assert_eq!(refusal(Bilevel { mean_loss: 6.0, ..task() }), "rate of the selector");
    assert_eq!(refusal(Bilevel { data: &safe, ..task() }), "fine-tuning set");
    assert_eq!(refusal(Bilevel { safe: &data, ..task() }), "safe set");
    let reversed: Vec<_> = data.iter().rev().cloned().collect();
    assert_eq!(refusal(Bilevel { data: &reversed, ..task() }), "fine-tuning set");
    // Another tokenizer may give as many tokens.
    let mut others = data.clone();
    others[0].tokens[0] ^= 1;
    assert_eq!(refusal(Bilevel { data: &others, ..task() }), "fine-tuning set");
    let other = BilevelSettings { gamma: Gamma::Constant(0.1), ..settings.clone() };
    assert_eq!(refusal(bilevel(&data, &safe, &other)), "set of settings");
    let tuning = sft();
    let error = Trainer::resume(supervised(&data, &tuning, 1), trainer.state()).err().unwrap();
    assert_eq!(error.to_string(), "the saved state belongs to a run with another task");
    // Another base under the same settings shows where its tensors are of other shapes.
    let small = Trainer::new(task()).unwrap().run_until(1, &mut Silent).unwrap();
    let adapted = Bilevel { model: common::model().with_lora(&lora(0.0), 0).unwrap(), ..task() };
    let error = Trainer::resume(adapted, small.state()).err().unwrap();
    assert!(matches!(error, BilevelError::State(StateError::Model(_))), "{error}");
}

#[test]
fn damaged_bytes_are_refused() {
    let (data, safe) = (rows("d", 13), rows("safe", 7));
    let settings = BilevelSettings { lora: Some(lora(0.0)), ..settings() };
    let trainer = Trainer::new(bilevel(&data, &safe, &settings)).unwrap();
    let bytes = trainer.run_until(1, &mut Silent).unwrap().state().to_bytes().unwrap();
    let error = |bytes: &[u8]| TrainerState::from_bytes(bytes).unwrap_err();
    for end in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        let cut = error(&bytes[..end]);
        assert!(matches!(cut, StateError::Container(_)), "{end} bytes: {cut}");
    }
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bytes = bytes.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        error(&bytes)
    };
    let newer = replaced("format_version\\\":1", "format_version\\\":9");
    assert_eq!(newer.to_string(), "the saved state has format 9, this version reads 1");
    let headless = replaced("\"trainer\"", "\"painter\"");
    assert!(matches!(headless, StateError::Header(_)), "{headless}");
    let without = replaced("\"omega\"", "\"alpha\"");
    assert!(matches!(&without, StateError::Tensor { name, .. } if name == "omega"), "{without}");
    let without = replaced("lora_A.weight.exp_avg\"", "lora_A.weight.exp_bvg\"");
    assert!(matches!(without, StateError::Tensor { .. }), "{without}");
}
