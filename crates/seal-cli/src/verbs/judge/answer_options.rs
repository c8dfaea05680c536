//! Options of judging answers one by one.

use std::path::PathBuf;

use clap::Args;

/// Which answers, on which device.
#[derive(Clone, Debug, Args)]
pub(crate) struct AnswerOptions {
    /// Answers to judge one by one: AlpacaEval's model outputs, or what generate wrote.
    #[arg(long, value_name = "FILE", requires_all = ["judge", "file"])]
    pub(super) answers: Option<PathBuf>,
    /// Device of a judge that is a model: flex, cuda:N, tch, tch:cuda:N, wgpu.
    #[arg(long, default_value = "flex", requires = "answers")]
    #[arg(conflicts_with_all = ["annotations", "candidate", "again"])]
    pub(super) device: String,
}
