//! `seal judge`: judges answers and pairs of answers, and figures of judged pairs. Each way is one
//! file.

mod again;
mod annotations;
mod answer_files;
mod answer_options;
mod answers;
mod endpoint;
mod failure;
mod guard;
mod judge_ahead;
mod opened_judge;
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

The judge sees each pair in both orders. If both orders name the same winner, the pair is a win or a
loss, otherwise a tie. A refusal, a reply without a verdict or a question without a reply makes the
pair missing, and never a loss. A run that was stopped continues where it stopped: give the same
command again. The key of the endpoint comes from the variable of the environment that the table
names in api_key_env.

--answers judges each answer of one file by itself. The kind of the table says how. A guard is a
model that says whether an answer does harm. A reward model scores the answer. Both are model
folders and run here. A rubric rates the answer from 1 to 5. Judges of pairs and rubrics are models
behind an endpoint, or model folders that run here on --device: the table has [endpoint] or [model].
The file is a list of AlpacaEval's model outputs, or the output of `generate`. harm_rate is the
share of harmful answers among those with a verdict. low_mass counts answers whose verdict tokens
are unlikely. mean_score is in the model's own unit, or a rating. docs/guards.md and
docs/pairwise.md explain the tables.

The command prints one figure on each line. win_rate is the win rate of the candidate (output_2)
against the reference (output_1), in percent. length_controlled_minimal is the win rate at equal
lengths. flip_rate and first_slot_rate are shares from 0 to 1. A pair without a preference is
missing and counts in no rate. Intervals (_lo, _hi) are at 95 %.";

/// What is judged.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
#[command(group = ArgGroup::new("way").required(true).args(["annotations", "candidate", "answers", "again"]))]
pub(crate) struct Options {
    /// Preferences in AlpacaEval's format: a JSON list of objects with instruction, output_1,
    /// output_2 and preference (from 1 to 2; 1.5 is a tie, null is missing).
    #[arg(long, value_name = "FILE", conflicts_with_all = PairOptions::NAMES)]
    annotations: Option<PathBuf>,
    #[command(flatten)]
    again: AgainOptions,
    #[command(flatten)]
    pairs: PairOptions,
    #[command(flatten)]
    answers: AnswerOptions,
    /// Device of a judge that is a model on this machine: flex, cuda:N, tch, tch:cuda:N, wgpu,
    /// wgpu:N, wgpu:cpu
    /// [default: flex].
    #[arg(long, conflicts_with_all = ["annotations", "again"])]
    device: Option<String>,
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
    let device = options.device.as_deref();
    match &options.answers.answers {
        Some(file) => answers::run(file, device, (&options.pairs, options.dry_run), verbosity),
        None => pairs::run(&options.pairs, device, options.dry_run, verbosity),
    }
}
