//! A short run that any device can do, to compare devices with.
//!
//! Weights, rows and orders are drawn on the host, so that two devices are given
//! the same numbers and differ by their arithmetic alone.

use burn::tensor::Device;
use rand::RngExt as _;
use seal_data::{Example, RowId, seed::rng};
use seal_lm::{Architecture, Lm, LmConfig, Ops, OptimConfig, WeightFormat};
use seal_select::{Normalise, SelectorFunction};

use crate::{
    Algorithm, Bilevel, BilevelError, BilevelSettings, Gamma, Observer, StepTrace, Trainer,
};

/// Token ids of the model.
const VOCABULARY: u32 = 128;
/// Rows of each set, of a batch, and passes: 50 steps.
const ROWS: usize = 50;
const BATCH: usize = 5;
const EPOCHS: usize = 5;

/// What a run of Algorithm 2 over 50 steps came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Loss of each fine-tuning row that was visited, in nats a token, step by step.
    pub losses: Vec<f64>,
    /// Norm of each step's gradient.
    pub grad_norms: Vec<f64>,
    /// Selector logit of each row at the end.
    pub omega: Vec<f64>,
}

/// Greatest differences between two trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialDifferences {
    /// Of a loss, relative.
    pub losses: f64,
    /// Of a gradient's norm, relative.
    pub grad_norms: f64,
    /// Of a logit, in standard deviations of the logits.
    pub omega: f64,
}

impl TrialDifferences {
    /// Differences that f32 leaves after 50 steps, where products are taken in
    /// f32: most are a tenth of it.
    pub const F32: Self = Self { losses: 1e-4, grad_norms: 1e-3, omega: 1e-3 };
    /// The same where a device takes products with fewer digits (TF32).
    pub const TF32: Self = Self { losses: 1e-2, grad_norms: 5e-2, omega: 5e-2 };

    /// Whether no difference exceeds that of `limit`.
    pub fn within(&self, limit: &Self) -> bool {
        self.losses <= limit.losses
            && self.grad_norms <= limit.grad_norms
            && self.omega <= limit.omega
    }
}

impl Trial {
    /// Runs on `device`, which need not be one with autodiff; with `ops` where
    /// the device has a choice.
    ///
    /// # Errors
    /// As [`crate::Trainer::run`].
    pub fn run(device: &Device, ops: Option<Ops>) -> Result<Self, BilevelError> {
        let device = device.clone().autodiff();
        let model = Lm::init_as(&shape(), 0, &device, WeightFormat::F32)?;
        let model = match ops {
            Some(ops) => model.with_ops(ops),
            None => model,
        };
        let (data, safe) = (rows("data"), rows("safe"));
        let mut steps = Steps::default();
        let (data, safe, settings) = (&data[..], &safe[..], &settings());
        let task = Bilevel { model, data, safe, settings, mean_loss: 5.0, seed: 0 };
        let learned = Trainer::new(task)?.run(&mut steps)?;
        Ok(Self { losses: steps.losses, grad_norms: steps.grad_norms, omega: learned.omega })
    }

    /// How far this trial is from `reference`.
    pub fn agreement(&self, reference: &Self) -> TrialDifferences {
        // What is no number, or not there, is infinitely far.
        let most = |a: &[f64], b: &[f64], unit: fn(f64) -> f64| {
            if a.len() != b.len() {
                return f64::INFINITY;
            }
            let apart = a.iter().zip(b).map(|(a, b)| ((a - b) / unit(*b)).abs());
            apart.fold(0.0, |most, x| if x.is_finite() { f64::max(most, x) } else { f64::INFINITY })
        };
        let n = reference.omega.len() as f64;
        let mean = reference.omega.iter().sum::<f64>() / n;
        let spread = reference.omega.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n;
        TrialDifferences {
            losses: most(&self.losses, &reference.losses, |b| b),
            grad_norms: most(&self.grad_norms, &reference.grad_norms, |b| b),
            omega: most(&self.omega, &reference.omega, |_| 1.0) / spread.sqrt(),
        }
    }
}

#[derive(Default)]
struct Steps {
    losses: Vec<f64>,
    grad_norms: Vec<f64>,
}

impl Observer for Steps {
    fn step(&mut self, step: &StepTrace) -> Result<(), BilevelError> {
        self.losses.extend(&step.losses);
        self.grad_norms.push(step.grad_norm);
        Ok(())
    }
}

fn shape() -> LmConfig {
    LmConfig {
        vocab_size: VOCABULARY as usize,
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 96,
        max_position_embeddings: 64,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        // Attention far from uniform, logits far from flat.
        initializer_range: 0.2,
        architecture: Architecture::default(),
    }
}

fn settings() -> BilevelSettings {
    BilevelSettings {
        algorithm: Algorithm::Two,
        gamma: Gamma::Constant(0.2),
        selector: SelectorFunction::Softmax,
        normalise: Normalise::None,
        baseline: false,
        selector_optim: Default::default(),
        kappa: 0.4,
        rate: None,
        epochs: EPOCHS,
        batch: BATCH,
        micro_batch: None,
        recompute: false,
        optim: OptimConfig { lr: 1e-3, ..OptimConfig::default() },
        lora: None,
    }
}

fn rows(name: &str) -> Vec<Example> {
    let row = |i: usize| {
        let mut rng = rng(&["trial".into(), name.into(), (i as u64).into()]);
        let (prompt, answer) = (rng.random_range(2..12), rng.random_range(1..12));
        let tokens = (0..prompt + answer).map(|_| rng.random_range(0..VOCABULARY)).collect();
        Example::new(RowId::of(name, "", i as u32), tokens, prompt)
    };
    (0..ROWS).map(row).collect()
}
