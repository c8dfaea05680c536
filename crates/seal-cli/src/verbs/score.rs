//! `seal score`: the loss of each row under a model.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use seal_model::read_rows;

use crate::files::{json_lines, prepare, write_lines};
use crate::logging::Log;
use crate::model_args::{ModelArgs, OpenedModel, say_left_out};
use crate::plain;
use crate::steps::StepProgress;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} score --model models/pythia-70m --data train.jsonl --file losses.jsonl
  {program} score --model models/llama --adapter out/adapter --data test.parquet

Each row is one JSON object: id, nll (mean over the answer's tokens, in nats), tokens.
Rows that are longer than the context are counted and left out.";

/// Which rows, under which model.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    model: ModelArgs,
    /// File to write [default: standard output].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Writes the losses, and a line about them to stderr.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    Log::start(verbosity);
    let outputs: Vec<_> = options.file.as_deref().map(|f| ("--file", f)).into_iter().collect();
    if let Some(file) = &options.file {
        json_lines("--file", file)?;
    }
    prepare(&options.model.inputs(), &outputs)?;
    let OpenedModel { model, rows, inputs, .. } =
        options.model.open(read_rows, false, verbosity)?;
    prepare(&inputs, &outputs)?;
    let steps = StepProgress::new("scoring", verbosity);
    let scored = model.score(&rows, &mut |done, of| steps.at(done, of))?;
    write_lines(options.file.as_deref(), &scored.rows)?;
    if !verbosity.quiet {
        let tokens: usize = scored.rows.iter().map(|r| r.tokens).sum();
        let nll: f64 = scored.rows.iter().map(|r| r.nll).sum::<f64>() / scored.rows.len() as f64;
        writeln!(
            plain::stderr(),
            "{} rows; {tokens} answer tokens; mean over rows of their mean loss: {nll:.4} nats a \
             token",
            scored.rows.len()
        )?;
        say_left_out(&scored.left_out, verbosity)?;
    }
    Ok(())
}
