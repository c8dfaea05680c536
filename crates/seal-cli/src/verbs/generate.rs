//! `seal generate`: a model's answers to the prompts of a file.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use seal_model::read_prompts;

use crate::files::{json_lines, prepare};
use crate::logging::Log;
use crate::own::{ModelArgs, Own, Steps, say_left_out};
use crate::plain;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} generate --model models/llama --data prompts.jsonl --file answers.jsonl
  {program} generate --model models/llama --adapter adapter --template chat \\
      --data prompts.csv --file answers.jsonl --set generate.temperature=0.7

One JSON object an answer: id, instruction, output, finish (stop, length, context). Prompts of
like length are answered together, so the order is not theirs: join by id. Answers are
written as they are made: the same command goes on where a killed one was, and does nothing
where all is there. A file with answers of another model, adapter, template or other settings
is refused, and so is one that another run is writing.";

/// Which prompts, which model, where to.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    model: ModelArgs,
    /// File that answers are added to.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Keys the draws of sampling, together with the row's id.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Adds what is missing to the file.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    Log::start(verbosity);
    let outputs = [("--file", options.file.as_path())];
    json_lines("--file", &options.file)?;
    prepare(&options.model.inputs(), &outputs)?;
    let Own { model, rows, settings, inputs } =
        options.model.open(read_prompts, false, verbosity)?;
    prepare(&inputs, &outputs)?;
    let steps = Steps::new("answering", verbosity);
    let mut progress = |done, of| steps.at(done, of);
    let made = model.generate(&rows, &settings, options.seed, &options.file, &mut progress)?;
    if !verbosity.quiet {
        let mut text = format!("{} answers added to {}", made.new, options.file.display());
        if made.before > 0 {
            text += &format!(", {} were there", made.before);
        }
        writeln!(plain::stderr(), "{text}")?;
        say_left_out(&made.left_out, verbosity)?;
    }
    Ok(())
}
