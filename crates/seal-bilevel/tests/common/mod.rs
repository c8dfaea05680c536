//! A small model, its rows and settings.

#![allow(dead_code, reason = "each test program uses a part")]

use std::path::PathBuf;

use burn::module::Module;
use rand::RngExt;
use seal_bilevel::{
    Algorithm, Bilevel, BilevelError, BilevelSettings, Gamma, Learned, SftSettings, Silent,
    Supervised, Trainer, TrainingTask,
};
use seal_data::{Batch, Example, RowId, seed};
use seal_device::DeviceSpec;
use seal_lm::{Architecture, Lm, LmConfig, LoraConfig, OptimConfig, load_weights, token_nll};
use seal_select::{Normalise, SelectorFunction};

/// The tiny model that transformers wrote for the tests of `seal-lm`: its
/// attention is far from uniform and its logits far from flat.
pub fn model() -> Lm {
    let config = LmConfig {
        vocab_size: 96,
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 48,
        max_position_embeddings: 64,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        initializer_range: 0.02,
        architecture: Architecture::default(),
    };
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../seal-lm/tests/golden/tied");
    let device = DeviceSpec::default().open().unwrap().autodiff();
    load_weights(&config, &dir, &device).unwrap()
}

/// Random rows of unequal length; `name` tells sets apart.
pub fn rows(name: &str, n: usize) -> Vec<Example> {
    let row = |i: usize| {
        let mut rng = seed::rng(&[name.into(), (i as u64).into()]);
        let (prompt, answer) = (rng.random_range(1..9), rng.random_range(1..7));
        Example::new(
            RowId::of(name, &i.to_string(), 0),
            (0..prompt + answer).map(|_| rng.random_range(0..96)).collect(),
            prompt,
        )
    };
    (0..n).map(row).collect()
}

/// Two epochs of Algorithm 2 at a constant gamma.
pub fn settings() -> BilevelSettings {
    BilevelSettings {
        algorithm: Algorithm::Two,
        gamma: Gamma::Constant(0.2),
        selector: SelectorFunction::Softmax,
        normalise: Normalise::None,
        baseline: false,
        selector_optim: Default::default(),
        kappa: 0.4,
        rate: None,
        epochs: 2,
        batch: 5,
        micro_batch: None,
        recompute: false,
        optim: OptimConfig { lr: 2e-3, ..OptimConfig::default() },
        lora: None,
    }
}

/// Adapters on two layers, with `dropout`.
pub fn lora(dropout: f64) -> LoraConfig {
    LoraConfig {
        r: 4,
        lora_alpha: 8.0,
        lora_dropout: dropout,
        target_modules: vec!["q_proj".into(), "v_proj".into()],
        ..LoraConfig::default()
    }
}

/// From [`model`], with a mean loss of 7 and seed 1.
pub fn bilevel<'a>(
    data: &'a [Example],
    safe: &'a [Example],
    settings: &'a BilevelSettings,
) -> Bilevel<'a> {
    Bilevel { model: model(), data, safe, settings, mean_loss: 7.0, seed: 1 }
}

/// From [`model`].
pub fn supervised<'a>(
    examples: &'a [Example],
    settings: &'a SftSettings,
    seed: u64,
) -> Supervised<'a> {
    Supervised { model: model(), examples, settings, seed }
}

/// All steps of `task`, unwatched.
pub fn run<T: TrainingTask>(task: T) -> Result<T::Output, BilevelError> {
    Trainer::new(task)?.run(&mut Silent)
}

/// [`run`] of [`bilevel`].
pub fn learn(data: &[Example], safe: &[Example], settings: &BilevelSettings) -> Learned {
    run(bilevel(data, safe, settings)).unwrap()
}

/// Losses of all answer tokens of `rows`.
pub fn token_losses(model: &Lm, rows: &[Example]) -> Vec<f64> {
    let batch = Batch::of(&rows.iter().collect::<Vec<_>>(), None);
    token_nll(&model.valid(), &batch, None).into_data().iter::<f64>().collect()
}
