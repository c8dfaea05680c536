//! `seal judge`: judges answers and pairs of answers, and figures of judged pairs. Each way is one
//! file.

mod again;
mod annotations;
mod answer_options;
mod answers;
mod endpoint;
mod failure;
mod guard;
mod pair_figures;
mod pair_options;
mod pairs;
mod point_figures;
mod reward;
mod rubric;
mod watcher;

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::logging::Log;
use crate::verbosity::Verbosity;
use again::AgainOptions;
use answer_options::AnswerOptions;
use pair_options::PairOptions;

pub(crate) use failure::JudgeFailure;

const AFTER: &str = "\
Examples:
  {program} judge --annotations annotations.json
  {program} judge --candidate a.json --reference b.json --judge judge.toml --file verdicts.jsonl
  {program} judge --answers answers.jsonl --judge guard.toml --file verdicts.jsonl
  {program} judge --again judge.toml --out runs/own

A judge sees each pair in both orders. Two equal verdicts are a win or a loss, others a tie. What it
does not answer, refuses or words otherwise is missing and never a loss. A run that is stopped goes
on where it was: give the same command again. The key of an endpoint comes from the variable of the
environment that the table names in api_key_env.

--answers judges each answer of one file by itself. The kind of the table says how: guard, a model
that says whether an answer does harm, reward, a model that scores it, or rubric, a model behind an
endpoint that rates it from 1 to 5. The first two are model folders and run here. The file is a list
of AlpacaEval's model outputs or what `generate` wrote. harm_rate is the share of harmful answers
among those with a verdict, low_mass counts answers whose verdict tokens are unlikely, and mean_score
is in the model's own unit, or a rating. docs/guards.md and docs/pairwise.md explain the tables.

One figure a line, rates in percent. win_rate is that of the candidate, output_2, against the
reference, output_1. length_controlled_minimal is the same for answers of equal lengths. A pair
without a preference is missing and counts in no rate. Intervals (_lo, _hi) are at 95 %.";

/// What is judged.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
#[command(group = ArgGroup::new("way").required(true).args(["annotations", "candidate", "answers", "again"]))]
pub(crate) struct Options {
    /// Preferences in AlpacaEval's format: a JSON list of objects with instruction, output_1,
    /// output_2 and preference (1 to 2, 1.5 a tie, null missing).
    #[arg(long, value_name = "FILE", conflicts_with_all = PairOptions::NAMES)]
    annotations: Option<PathBuf>,
    #[command(flatten)]
    again: AgainOptions,
    #[command(flatten)]
    pairs: PairOptions,
    #[command(flatten)]
    answers: AnswerOptions,
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
    if let Some(request) = options.again.request() {
        return again::run(&options.again, &request, options.dry_run, verbosity, &log);
    }
    match &options.answers.answers {
        Some(file) => {
            let (answers, pairs) = (&options.answers, &options.pairs);
            answers::run(file, answers, (pairs, options.dry_run), verbosity)
        }
        None => pairs::run(&options.pairs, options.dry_run, verbosity),
    }
}
