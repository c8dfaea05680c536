//! `cargo xtask select`: one selector as a file, with a trace where asked for.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use seal_device::DeviceSpec;
use seal_study::{SelectRequest, Study};
use serde_json::json;

use crate::cli::Verbosity;
use crate::logging::Log;
use crate::options::{ConfigArgs, RunArgs};
use crate::progress::Progress;

const AFTER: &str = "\
Examples:
  cargo xtask select --trace runs/world/seal.trace.jsonl
  cargo xtask select --arm relu --seed 1 --file relu.jsonl
  cargo xtask select --trace t.jsonl --trace-state 20    models around every 20th step

A selector file has one row a line: id, omega (the logit), p (the weight), rank, kept.";

/// What to select, and what to write.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    run: RunArgs,
    /// Arm whose selector is wanted [default: the one with the role `seal`].
    #[arg(long, value_name = "ID")]
    arm: Option<String>,
    /// File of the selector [default: OUT/selectors/ARM-seed-N.jsonl].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Train anew and write one JSON object a step: rows, losses, weights.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Save models and optimisers around every K-th step, beside the trace.
    #[arg(long, value_name = "K", requires = "trace")]
    trace_state: Option<usize>,
    /// Form of what is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A figure a line: name, space, value.
    Text,
    /// One JSON object.
    Json,
}

/// Trains or finds the selector and prints how well it ranks.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let log = Log::start(verbosity);
    let study = Study::load(&options.config.source())?;
    let run = options.run.options(&study);
    study.config().device.parse::<DeviceSpec>()?.open()?;
    let request = SelectRequest {
        arm: options.arm.clone(),
        seed: None,
        file: options.file.clone(),
        trace: options.trace.clone(),
        trace_state: options.trace_state,
    };
    let progress = Progress::new(verbosity, log, &study.plan(&run), &run.out);
    let selected = study.select(&request, &run, &progress);
    progress.finish();
    let selected = selected?;
    let mut out = io::stdout().lock();
    if options.format == Format::Text && !verbosity.quiet {
        writeln!(out, "{} seed {}", selected.arm, selected.seed)?;
        writeln!(out, "rows {}", selected.rows)?;
        writeln!(out, "kept {}", selected.kept)?;
    }
    let figures = Figures { auroc: selected.auroc, unsafe_kept: &selected.unsafe_kept };
    match options.format {
        Format::Text if verbosity.quiet => {}
        Format::Text => {
            figures.write(&mut out)?;
            writeln!(out, "{}", selected.file.display())?;
        }
        Format::Json => {
            let mut json = figures.json();
            json["arm"] = json!(selected.arm);
            json["seed"] = json!(selected.seed);
            json["rows"] = json!(selected.rows);
            json["kept"] = json!(selected.kept);
            json["file"] = json!(selected.file);
            writeln!(out, "{json}")?;
        }
    }
    Ok(())
}

/// How well a ranking tells unsafe rows.
struct Figures<'a> {
    auroc: Option<f64>,
    unsafe_kept: &'a [(u32, f64)],
}

impl Figures<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(auroc) = self.auroc {
            writeln!(out, "auroc {auroc:.4}")?;
        }
        for (percent, share) in self.unsafe_kept {
            writeln!(out, "unsafe_kept@{percent} {share:.3}")?;
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Value {
        let kept: serde_json::Map<String, serde_json::Value> = self
            .unsafe_kept
            .iter()
            .map(|(percent, share)| (percent.to_string(), json!(share)))
            .collect();
        json!({ "auroc": self.auroc, "unsafe_kept": kept })
    }
}
