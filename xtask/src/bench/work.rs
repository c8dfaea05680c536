//! The kinds of work that are measured.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What one step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// A step of Algorithm 2: safe and fine-tuning rows, model and selector.
    Selector,
    /// A step of fine-tuning.
    Sft,
    /// The losses of a batch, without gradients.
    Score,
    /// Greedy answers to a batch of prompts.
    Generate,
}

impl Work {
    /// All of them.
    pub(crate) const ALL: [Work; 4] = [Work::Selector, Work::Sft, Work::Score, Work::Generate];
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Work::Selector => "selector",
            Work::Sft => "sft",
            Work::Score => "score",
            Work::Generate => "generate",
        })
    }
}
