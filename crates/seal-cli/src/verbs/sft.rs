//! `seal sft`: fine-tunes a model on a file.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use seal_model::read_rows;

use crate::logging::Log;
use crate::model_args::{ModelArgs, OpenedModel, say_batch, say_left_out};
use crate::plain;
use crate::steps::StepProgress;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} sft --model models/pythia-70m --data kept.jsonl --out adapter
  {program} sft --model models/llama --data kept.jsonl --out adapter --set sft.epochs=3

The adapter is in PEFT's format. seal-training.json beside it has the template, the settings
and the losses. configs/stages.toml has the settings and their defaults. To train all weights
instead of an adapter, give --settings a file without [sft.lora].";

/// Which rows, which model, where to.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    model: ModelArgs,
    /// Folder of the adapter or model; new or empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Fixes the order of rows, initial adapters and dropout.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Trains and writes the adapter.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    Log::start(verbosity);
    let OpenedModel { model, rows, settings, .. } =
        options.model.open(read_rows, true, verbosity)?;
    say_batch(rows.len(), ("sft.batch", settings.sft.batch), verbosity)?;
    if let (Some(lora), false) = (model.trains_on(), verbosity.quiet) {
        writeln!(
            plain::stderr(),
            "training goes on from the adapter: rank {}, alpha {}, on {}; sft.lora is not used",
            lora.r,
            lora.lora_alpha,
            lora.target_modules.join(", ")
        )?;
    }
    let steps = StepProgress::new("fine-tuning", verbosity);
    let mut progress = |done, of| steps.at(done, of);
    let tuned = model.fine_tune(&rows, &settings, options.seed, &options.out, &mut progress)?;
    if !verbosity.quiet {
        let used = tuned.rows;
        let out = options.out.display();
        let losses: Vec<String> = tuned.losses.iter().map(|l| format!("{l:.4}")).collect();
        writeln!(
            plain::stderr(),
            "{used} rows; mean training loss by epoch, in nats a token: {}; written: {out}",
            losses.join(", ")
        )?;
        say_left_out(&tuned.left_out, verbosity)?;
    }
    Ok(())
}
