//! `seal judge`: judges pairs of answers, and figures of judged pairs. Each way is one file.

mod again;
mod annotations;
mod failure;
mod pair_figures;
mod pair_options;
mod pairs;
mod watcher;

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::logging::Log;
use crate::verbosity::Verbosity;
use again::AgainOptions;
use pair_options::PairOptions;

pub(crate) use failure::JudgeFailure;

const AFTER: &str = "\
Examples:
  {program} judge --annotations annotations.json
  {program} judge --candidate a.json --reference b.json --judge judge.toml --file verdicts.jsonl
  {program} judge --again judge.toml --out runs/own

The judge sees each pair in both orders. If both orders name the same winner, the pair is a win or a
loss, otherwise a tie. A refusal, a reply without a verdict or a question without a reply makes the
pair missing, and never a loss. A run that was stopped continues where it stopped: give the same
command again. The key of the endpoint comes from the variable of the environment that the table
names in api_key_env.

The command prints one figure on each line. win_rate is the win rate of the candidate (output_2)
against the reference (output_1), in percent. length_controlled_minimal is the win rate at equal
lengths. flip_rate and first_slot_rate are shares from 0 to 1. A pair without a preference is
missing and counts in no rate. Intervals (_lo, _hi) are at 95 %.";

/// What is judged.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
#[command(group = ArgGroup::new("way").required(true).args(["annotations", "candidate", "again"]))]
pub(crate) struct Options {
    /// Preferences in AlpacaEval's format: a JSON list of objects with instruction, output_1,
    /// output_2 and preference (from 1 to 2; 1.5 is a tie, null is missing).
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    #[command(flatten)]
    again: AgainOptions,
    #[command(flatten)]
    pairs: PairOptions,
    /// Say how many questions are left and what they cost at most, and ask none.
    #[arg(long, conflicts_with = "annotations")]
    dry_run: bool,
}

/// Prints the figures.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let log = Log::start(verbosity);
    if let Some(file) = &options.annotations {
        return annotations::run(file, verbosity.quiet);
    }
    match options.again.request() {
        Some(request) => again::run(&options.again, &request, options.dry_run, verbosity, &log),
        None => pairs::run(&options.pairs, options.dry_run, verbosity),
    }
}
