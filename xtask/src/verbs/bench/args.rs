//! Values of options, with what `--help` says of each.

use clap::ValueEnum;
use seal_bench::{BenchWork, TorchMode};

/// What one step does.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum WorkName {
    /// A step of Algorithm 2: safe and fine-tuning rows, model and selector.
    Selector,
    /// A step of fine-tuning.
    Sft,
    /// The losses of a batch, without gradients.
    Score,
    /// Greedy answers to a batch of prompts.
    Generate,
}

impl From<WorkName> for BenchWork {
    fn from(name: WorkName) -> Self {
        match name {
            WorkName::Selector => Self::Selector,
            WorkName::Sft => Self::Sft,
            WorkName::Score => Self::Score,
            WorkName::Generate => Self::Generate,
        }
    }
}

/// How PyTorch does the work.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormName {
    /// Written for speed; the loss is computed as in this project.
    Lean,
    /// Transformers and PEFT: all logits, two forward passes.
    Usual,
    /// Like usual, but one row at a time, with a fused AdamW.
    Loop,
    /// Like loop, with gradient checkpointing: the published Llama-3 script.
    Published,
}

impl From<FormName> for TorchMode {
    fn from(name: FormName) -> Self {
        match name {
            FormName::Lean => Self::Lean,
            FormName::Usual => Self::Usual,
            FormName::Loop => Self::Loop,
            FormName::Published => Self::Published,
        }
    }
}
