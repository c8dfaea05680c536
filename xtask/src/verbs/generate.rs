//! `cargo xtask generate`: a model's answers to the prompts of a file.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use seal_study::read_prompts;

use crate::cli::Verbosity;
use crate::logging::Log;
use crate::own::{ModelArgs, Own, Steps, distinct, make_folders};

const AFTER: &str = "\
Examples:
  cargo xtask generate --model models/llama --data prompts.jsonl --file answers.jsonl
  cargo xtask generate --model models/llama --adapter adapter --template chat \\
      --data prompts.csv --file answers.jsonl --set generate.temperature=0.7

One JSON object an answer: id, instruction, output, finish (stop, length, context). Prompts of
like length are answered together, so the order is not theirs: join by id. Answers are written as they are made: the same command goes on
where a killed one was, and does nothing where all is there. A file with answers of another
model, adapter, template or other settings is refused.";

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
    distinct(&[&options.model.data.path], &[&options.file])?;
    make_folders(&[&options.file])?;
    let Own { model, rows, settings } = options.model.open(read_prompts, false, verbosity)?;
    let steps = Steps::new("answering", verbosity);
    let mut progress = |done, of| steps.at(done, of);
    let (before, too_long) =
        model.generate(&rows, &settings, options.seed, &options.file, &mut progress)?;
    if !verbosity.quiet {
        let new = rows.len() - before - too_long;
        let mut text = format!("{new} answers added to {}", options.file.display());
        if before > 0 {
            text += &format!(", {before} were there");
        }
        if too_long > 0 {
            text += &format!(", {too_long} prompts too long for the context");
        }
        writeln!(io::stderr().lock(), "{text}")?;
    }
    Ok(())
}
