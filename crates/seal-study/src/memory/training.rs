//! How the models of a study are trained, as far as memory depends on it.

use seal_bilevel::{Algorithm, SftSettings};
use seal_lm::LoraConfig;

use crate::config::Config;

/// How a model is trained: what of it, and with how many rows on the tape.
pub(crate) struct Training<'a> {
    pub(crate) lora: Option<&'a LoraConfig>,
    pub(crate) rows: usize,
    pub(crate) recompute: bool,
    /// Whether a step is several such batches.
    pub(crate) accumulates: bool,
    /// Whether a second model is trained beside it.
    pub(crate) has_value: bool,
    /// Whether the moments are in the memory of the host.
    pub(crate) offload: bool,
    /// Devices that share a step.
    pub(crate) devices: usize,
    /// Whether the device has kernels: parts of a batch take turns on the tape.
    pub(crate) kernels: bool,
}

/// How what is fine-tuned is trained, and how the selector's model is.
pub(crate) fn trainings(config: &Config, kernels: bool) -> (Training<'_>, Training<'_>) {
    // The model that learns the selector has the larger step: two batches.
    let selector = Training {
        lora: config.bilevel.lora.as_ref(),
        rows: config.bilevel.micro_batch.unwrap_or(2 * config.bilevel.batch),
        recompute: config.bilevel.recompute,
        accumulates: accumulates(config.bilevel.micro_batch, 2 * config.bilevel.batch),
        has_value: config.bilevel.algorithm == Algorithm::One,
        offload: config.bilevel.optim.offload,
        devices: config.devices_per_stage,
        kernels,
    };
    let sft = Training {
        lora: config.sft.lora.as_ref(),
        rows: config.sft.micro_batch.unwrap_or(config.sft.batch),
        recompute: config.sft.recompute,
        accumulates: accumulates(config.sft.micro_batch, config.sft.batch),
        has_value: false,
        offload: config.sft.optim.offload,
        devices: config.devices_per_stage,
        kernels,
    };
    (sft, selector)
}

/// How the base is trained, by as many devices as `devices` says.
pub(crate) fn base_training(of: &SftSettings, kernels: bool, devices: usize) -> Training<'_> {
    let SftSettings { batch, micro_batch, recompute, lora, optim, .. } = of;
    Training {
        lora: lora.as_ref(),
        rows: micro_batch.unwrap_or(*batch),
        recompute: *recompute,
        accumulates: accumulates(*micro_batch, *batch),
        has_value: false,
        offload: optim.offload,
        devices,
        kernels,
    }
}

fn accumulates(micro_batch: Option<usize>, rows: usize) -> bool {
    micro_batch.is_some_and(|size| size < rows)
}
