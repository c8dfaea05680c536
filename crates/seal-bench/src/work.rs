//! The kinds of work that are measured.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What one step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BenchWork {
    /// A step of Algorithm 2: safe and fine-tuning rows, model and selector.
    Selector,
    /// A step of fine-tuning.
    Sft,
    /// The losses of a batch, without gradients.
    Score,
    /// Greedy answers to a batch of prompts.
    Generate,
}

impl BenchWork {
    /// All of them.
    pub const ALL: [BenchWork; 4] =
        [BenchWork::Selector, BenchWork::Sft, BenchWork::Score, BenchWork::Generate];
}

impl fmt::Display for BenchWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BenchWork::Selector => "selector",
            BenchWork::Sft => "sft",
            BenchWork::Score => "score",
            BenchWork::Generate => "generate",
        })
    }
}
