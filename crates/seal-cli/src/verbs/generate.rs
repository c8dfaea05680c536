//! `seal generate`: a model's answers to the prompts of a file.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use seal_model::read_prompts;

use crate::files::{json_lines, prepare};
use crate::logging::Log;
use crate::model_args::{ModelArgs, OpenedModel, say_left_out};
use crate::plain;
use crate::steps::StepProgress;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} generate --model models/llama --data prompts.jsonl --file answers.jsonl
  {program} generate --model models/llama --adapter adapter --template chat \\
      --data prompts.csv --file answers.jsonl --set generate.temperature=0.7

Each answer is one JSON object: id, instruction, output, finish (stop, length, context). Prompts
of similar length are answered together, so the answers have an order of their own: join by id.
Answers are written as they are made. The same command continues a run that was killed, and does
nothing if all answers are there. A file is refused if its answers are of another model, adapter,
template or settings, or if another run is writing it.";

/// Which prompts, which model, where to.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    model: ModelArgs,
    /// File that answers are added to.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Seed of sampling; the draws of a row also depend on its id.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Adds what is missing to the file.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    Log::start(verbosity);
    let outputs = [("--file", options.file.as_path())];
    json_lines("--file", &options.file)?;
    prepare(&options.model.inputs(), &outputs)?;
    let OpenedModel { model, rows, settings, inputs } =
        options.model.open(read_prompts, false, verbosity)?;
    prepare(&inputs, &outputs)?;
    let steps = StepProgress::new("answering", verbosity);
    let mut progress = |done, of| steps.at(done, of);
    let made = model.generate(&rows, &settings, options.seed, &options.file, &mut progress)?;
    if !verbosity.quiet {
        let mut text = format!("{} answers added to {}", made.new, options.file.display());
        if made.before > 0 {
            text += &format!(", {} were there", made.before);
        }
        if made.cut > 0 {
            text += &format!("; {} were cut at the limit of tokens", made.cut);
        }
        writeln!(plain::stderr(), "{text}")?;
        say_left_out(&made.left_out, verbosity)?;
    }
    Ok(())
}
