//! The number of devices that share a step changes no bit of a result.

mod common;

use std::sync::Arc;

use common::{bilevel, lora, model, rows, settings, supervised};
use proptest::prelude::*;
use seal_bilevel::{
    Algorithm, Bilevel, BilevelError, BilevelSettings, Gamma, GammaUnit, Observer, SftSettings,
    Silent, StepTrace, Supervised, Trainer, TrainerState, TrainingTask,
};
use seal_data::{Example, RowId};
use seal_device::{DeviceGroup, DeviceSpec};
use seal_lm::{Architecture, Lm, LmConfig, OptimConfig};

/// So many places on the CPU, with the memory of each by itself if `apart`.
fn group(devices: usize, apart: bool) -> Arc<DeviceGroup> {
    let place = |i: usize| format!("flex:{i}").parse().unwrap();
    let specs: Vec<DeviceSpec> = (0..devices).map(place).collect();
    let group = DeviceGroup::open_on(&specs, devices).unwrap();
    Arc::new(if apart { group.with_memory_apart() } else { group })
}

/// Keeps what it is told of every step.
#[derive(Default)]
struct Steps(Vec<StepTrace>);

impl Observer for Steps {
    fn step(&mut self, step: &StepTrace) -> Result<(), BilevelError> {
        self.0.push(step.clone());
        Ok(())
    }
}

/// The losses of all steps, and the state at the end: weights, moments, logits.
fn end<T: TrainingTask>(trainer: Trainer<T>) -> (Vec<StepTrace>, Vec<u8>) {
    let (mut steps, all) = (Steps::default(), trainer.steps());
    let end = trainer.run_until(all, &mut steps).unwrap();
    (steps.0, end.state().to_bytes().unwrap())
}

/// Holds the run of `task` on several devices against that on one, which knows of no group.
fn same_on_all<T: TrainingTask>(name: &str, task: impl Fn() -> T) {
    let one = end(Trainer::new(task()).unwrap());
    for (devices, apart) in [(1, false), (2, false), (2, true), (3, true), (4, false), (4, true)] {
        let trainer = Trainer::new(task()).unwrap().on(&group(devices, apart));
        assert!(end(trainer) == one, "{name}: {devices} devices, apart: {apart}");
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn fine_tuning(
        micro_batch in prop::option::of(1_usize..4),
        dropout in prop::option::of(prop::sample::select(vec![0.0, 0.3])),
        recompute in any::<bool>(),
        n in 3_usize..14,
    ) {
        let rows = rows("d", n);
        let settings = SftSettings { micro_batch, recompute, lora: dropout.map(lora), ..sft() };
        same_on_all(&format!("{settings:?}"), || supervised(&rows, &settings, 3));
    }

    #[test]
    fn selectors(
        algorithm in prop::sample::select(vec![Algorithm::One, Algorithm::Two, Algorithm::Released]),
        micro_batch in prop::option::of(1_usize..4),
        dropout in prop::option::of(prop::sample::select(vec![0.0, 0.3])),
        recompute in any::<bool>(),
        starts_at_0 in any::<bool>(),
        (n, n_safe) in (5_usize..13, 5_usize..9),
    ) {
        let (data, safe) = (rows("d", n), rows("safe", n_safe));
        let growing = Gamma::Growing { start: 0.0, increment: 0.03, per: GammaUnit::Epoch };
        let rate = matches!(algorithm, Algorithm::Released).then_some(0.02);
        let settings = BilevelSettings {
            algorithm,
            micro_batch,
            recompute,
            rate,
            lora: dropout.map(lora),
            gamma: if starts_at_0 { growing } else { settings().gamma },
            ..settings()
        };
        same_on_all(&format!("{settings:?}"), || bilevel(&data, &safe, &settings));
    }
}

/// Large enough for batches to be cut into parts.
fn wide() -> Lm {
    let config = LmConfig {
        vocab_size: 512,
        hidden_size: 128,
        num_hidden_layers: 1,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 256,
        max_position_embeddings: 64,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        initializer_range: 0.1,
        architecture: Architecture::default(),
    };
    Lm::init(&config, 0, &DeviceSpec::default().open().unwrap().autodiff()).unwrap()
}

#[test]
fn batches_that_are_cut() {
    let row = |i: u32| {
        let tokens = (0..41 + i % 3).map(|t| (t * 31 + i * 7) % 512).collect();
        Example::new(RowId::of("row", "", i), tokens, 20)
    };
    let rows: Vec<Example> = (0..100).map(row).collect();
    for (micro_batch, lora) in [(None, Some(lora(0.3))), (Some(60), Some(lora(0.0))), (None, None)]
    {
        let settings = SftSettings { batch: 100, micro_batch, lora, ..sft() };
        let (examples, settings) = (&rows[..], &settings);
        let task = || Supervised { model: wide(), examples, settings, seed: 0 };
        same_on_all("wide", task);
    }
}

/// A state is taken on so many devices and gone on with on so many others.
#[test]
fn a_run_goes_on_with_another_number_of_devices() {
    let (data, safe) = (rows("d", 13), rows("safe", 7));
    let settings = BilevelSettings {
        algorithm: Algorithm::One,
        micro_batch: Some(2),
        lora: Some(lora(0.3)),
        ..settings()
    };
    let task = || bilevel(&data, &safe, &settings);
    let one = end(Trainer::new(task()).unwrap());
    for (before, after) in [(1, 3), (2, 1), (2, 4), (4, 2)] {
        for stop in [1, 2, 4] {
            let first = Trainer::new(task()).unwrap().on(&group(before, true));
            let bytes = first.run_until(stop, &mut Silent).unwrap().state().to_bytes().unwrap();
            let state = TrainerState::from_bytes(&bytes).unwrap();
            let second = Trainer::resume(task(), state).unwrap().on(&group(after, true));
            let (steps, state) = end(second);
            assert_eq!(steps, one.0[stop..], "{before} {after} {stop}");
            assert!(state == one.1, "{before} {after} {stop}");
        }
    }
}

/// The error names the same step, figure and row on any number of devices.
#[test]
fn a_run_that_diverges_says_the_same() {
    let rows = rows("d", 13);
    let optim = OptimConfig { lr: 1e30, max_grad_norm: 0.0, ..sft().optim };
    let settings = SftSettings { micro_batch: Some(2), optim, ..sft() };
    let error = |devices: usize| {
        let task = Supervised { model: model(), ..supervised(&rows, &settings, 3) };
        let trainer = Trainer::new(task).unwrap().on(&group(devices, true));
        trainer.run(&mut Silent).unwrap_err().to_string()
    };
    let one = error(1);
    assert!(one.contains("step"), "{one}");
    assert_eq!([error(2), error(4)], [one.clone(), one]);
}

#[test]
fn an_observer_sees_the_model_of_the_first_device() {
    let (data, safe) = (rows("d", 7), rows("safe", 7));
    let settings = BilevelSettings { micro_batch: Some(1), ..settings() };
    let learned = |devices| {
        let task = Bilevel { model: model(), ..bilevel(&data, &safe, &settings) };
        Trainer::new(task).unwrap().on(&group(devices, true)).run(&mut Silent).unwrap()
    };
    assert_eq!(learned(1), learned(3));
}
