//! Options of judging answers one by one.

use std::path::PathBuf;

use clap::Args;

/// Which answers.
#[derive(Clone, Debug, Args)]
pub(crate) struct AnswerOptions {
    /// Answers to judge one by one: AlpacaEval's model outputs, or the output of generate.
    #[arg(long, value_name = "FILE", requires_all = ["judge", "file"])]
    pub(super) answers: Option<PathBuf>,
}
