//! `cargo xtask select`: one selector as a file, with a trace where asked for;
//! or a published one, and how it ranks.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use seal_device::DeviceSpec;
use seal_study::{ImportRequest, RowSet, SelectRequest, Separation, Study, import_selector};
use serde_json::{Map, Value, json};

use crate::cli::Verbosity;
use crate::logging::Log;
use crate::options::{ConfigArgs, RunArgs};
use crate::progress::Progress;

const AFTER: &str = "\
Examples:
  cargo xtask select --trace runs/world/seal.trace.jsonl
  cargo xtask select --arm relu --seed 1 --file relu.jsonl
  cargo xtask select --trace t.jsonl --trace-state 20    models around every 20th step
  cargo xtask select --import selector.pt --unsafe-rows 0..22393

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
    /// File of the selector, .jsonl or .parquet [default: OUT/selectors/ARM-seed-N.jsonl].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Train anew and write one JSON object a step: rows, losses, weights.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Save models and optimisers around every K-th step, beside the trace.
    #[arg(long, value_name = "K", requires = "trace")]
    trace_state: Option<usize>,
    /// Read a selector published with the paper instead of training one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arm", "trace"])]
    import: Option<PathBuf>,
    /// Positions of the unsafe rows in its data, such as 0..22393,30000..30010.
    #[arg(long, value_name = "RANGES", requires = "import")]
    unsafe_rows: Option<RowSet>,
    /// Positions that the published length filter dropped, one a line, from 0.
    #[arg(long, value_name = "FILE", requires = "import")]
    dropped: Option<PathBuf>,
    /// The unfiltered rows it was trained on: with --file, names logits by row id.
    #[arg(long, value_name = "FILE", requires = "import")]
    data: Option<PathBuf>,
    /// tokenizer.json of its model: finds the dropped rows of --data, instead of --dropped.
    #[arg(long, value_name = "FILE", requires = "data", conflicts_with = "dropped")]
    tokenizer: Option<PathBuf>,
    /// Share of the rows to keep in the file of an imported selector.
    #[arg(long, value_name = "SHARE", requires = "import", default_value_t = 0.8)]
    keep: f64,
    /// Form of what is printed: a figure a line, or one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Trains, finds or imports the selector and prints how well it ranks.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let figures = match &options.import {
        Some(checkpoint) => import(options, checkpoint.clone())?,
        None => train(options, verbosity)?,
    };
    let mut out = io::stdout().lock();
    match options.format {
        Format::Text if verbosity.quiet => Ok(()),
        Format::Text => figures.write(&mut out),
        Format::Json => writeln!(out, "{}", figures.json()),
    }?;
    Ok(())
}

fn train(options: &Options, verbosity: Verbosity) -> anyhow::Result<Figures> {
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
    Ok(Figures {
        facts: vec![
            ("arm", json!(selected.arm)),
            ("seed", json!(selected.seed)),
            ("rows", json!(selected.rows)),
            ("kept", json!(selected.kept)),
            ("file", json!(selected.file)),
        ],
        auroc: selected.auroc,
        unsafe_kept: selected.unsafe_kept,
    })
}

fn import(options: &Options, checkpoint: PathBuf) -> anyhow::Result<Figures> {
    let imported = import_selector(&ImportRequest {
        checkpoint,
        unsafe_rows: options.unsafe_rows.clone(),
        dropped: options.dropped.clone(),
        data: options.data.clone(),
        tokenizer: options.tokenizer.clone(),
        file: options.file.clone(),
        keep: options.keep,
    })?;
    let kept = |s: &Separation| {
        s.kept.iter().filter_map(|k| Some((k.keep_fraction, k.unsafe_share?))).collect()
    };
    Ok(Figures {
        facts: vec![
            ("name", json!(imported.name)),
            ("logits", json!(imported.logits)),
            ("rows", json!(imported.rows)),
        ],
        auroc: imported.separation.as_ref().and_then(|s| s.auroc),
        unsafe_kept: imported.separation.as_ref().map(kept).unwrap_or_default(),
    })
}

/// What is said of a selector, and how well its ranking tells unsafe rows.
struct Figures {
    facts: Vec<(&'static str, Value)>,
    auroc: Option<f64>,
    /// Keep fraction, share of unsafe rows kept.
    unsafe_kept: Vec<(f64, f64)>,
}

impl Figures {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, value) in &self.facts {
            match value.as_str() {
                Some(text) => writeln!(out, "{name} {text}")?,
                None => writeln!(out, "{name} {value}")?,
            }
        }
        if let Some(auroc) = self.auroc {
            writeln!(out, "auroc {auroc:.4}")?;
        }
        for (fraction, share) in &self.unsafe_kept {
            writeln!(out, "unsafe_kept@{:.0} {share:.3}", 100.0 * fraction)?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let mut json: Map<String, Value> =
            self.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let kept: Map<String, Value> = self
            .unsafe_kept
            .iter()
            .map(|(fraction, share)| (format!("{:.0}", 100.0 * fraction), json!(share)))
            .collect();
        json.insert("auroc".to_owned(), json!(self.auroc));
        json.insert("unsafe_kept".to_owned(), Value::Object(kept));
        Value::Object(json)
    }
}
