//! How the models of a study are trained, as far as memory depends on it.

use seal_bilevel::SftSettings;
use seal_lm::LoraConfig;

use crate::config::Config;

/// How a model is trained: what of it, and with how many rows on the tape.
pub(crate) struct Training<'a> {
    pub(crate) lora: Option<&'a LoraConfig>,
    pub(crate) rows: usize,
    pub(crate) recompute: bool,
    /// Whether the device has kernels: parts of a batch take turns on the tape.
    pub(crate) kernels: bool,
}

/// How what is fine-tuned is trained, and how the selector's model is.
pub(crate) fn trainings(config: &Config, kernels: bool) -> (Training<'_>, Training<'_>) {
    // The model that learns the selector has the larger step: two batches.
    let selector = Training {
        lora: config.bilevel.lora.as_ref(),
        rows: selector_rows(config),
        recompute: config.bilevel.recompute,
        kernels,
    };
    let sft = Training {
        lora: config.sft.lora.as_ref(),
        rows: sft_rows(config),
        recompute: config.sft.recompute,
        kernels,
    };
    (sft, selector)
}

/// How the base is trained.
pub(crate) fn base_training(of: &SftSettings, kernels: bool) -> Training<'_> {
    let SftSettings { batch, micro_batch, recompute, lora, .. } = of;
    let (rows, recompute) = (micro_batch.unwrap_or(*batch), *recompute);
    Training { lora: lora.as_ref(), rows, recompute, kernels }
}

fn selector_rows(config: &Config) -> usize {
    config.bilevel.micro_batch.unwrap_or(2 * config.bilevel.batch)
}

fn sft_rows(config: &Config) -> usize {
    config.sft.micro_batch.unwrap_or(config.sft.batch)
}
