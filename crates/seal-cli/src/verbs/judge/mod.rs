//! `seal judge`: figures of a judge that compares answers. Each way is one file.

mod annotations;
mod failure;

use std::path::PathBuf;

use clap::Args;

pub(crate) use failure::JudgeFailure;

const AFTER: &str = "\
Examples:
  {program} judge --annotations annotations.json

One figure a line, rates in percent. win_rate is that of the candidate, output_2, against the
reference, output_1. length_controlled_minimal is the same for answers of equal lengths. A pair
without a preference is missing and counts in no rate. Intervals (_lo, _hi) are at 95 %.";

/// What is judged.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Preferences in AlpacaEval's format: a JSON list of objects with instruction, output_1,
    /// output_2 and preference (1 to 2, 1.5 a tie, null missing).
    #[arg(long, value_name = "FILE")]
    annotations: PathBuf,
}

/// Prints the figures, and on standard error what to know of them unless `quiet`.
pub(super) fn run(options: &Options, quiet: bool) -> anyhow::Result<()> {
    annotations::run(&options.annotations, quiet)
}
