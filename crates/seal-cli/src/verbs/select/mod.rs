//! `seal select`: one selector as a file, with a trace where asked for; a published
//! one, and how it ranks; or a stored one, on other rows. Each way is one file.

mod figures;
mod model;
mod published;
mod stored;
mod study;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use seal_model::Source;
use seal_select::RowSet;

use crate::files::json_lines;
use crate::given::GivenOptions;
use crate::model_args::{StageArgs, source_parser};
use crate::options::{ConfigArgs, RunArgs};
use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} select --trace runs/world/seal.trace.jsonl
  {program} select --arm relu --seed 1 --file relu.jsonl
  {program} select --trace t.jsonl --trace-state 20    models around every 20th step
  {program} select --model DIR --data train.jsonl --safe safe.jsonl --file selector.jsonl
  {program} select --selector selector.jsonl --data part.jsonl --kept kept.jsonl
  {program} select --import selector.pt --unsafe-rows 0..22393

A selector file has one row a line: id, omega (the logit), p (the weight), rank, kept.";

const STUDY: &str = "A selector of a study";
const OWN: &str = "A selector of your own rows, with --model";
const STORED: &str = "A stored selector on other rows, with --selector";
const PUBLISHED: &str = "A published selector, with --import";

/// A way of working, with the options that have an effect in it.
struct SelectMode {
    name: &'static str,
    options: &'static [&'static str],
}

const WITH_A_STUDY: SelectMode = SelectMode {
    name: "on a study's selector",
    options: &[
        "config",
        "set",
        "device",
        "seeds",
        "plan",
        "limit",
        "quick",
        "out",
        "store",
        "jobs",
        "file",
        "format",
        "arm",
        "trace",
        "trace-state",
    ],
};
const WITH_A_MODEL: SelectMode = SelectMode {
    name: "with --model",
    options: &[
        "model", "data", "safe", "keep", "kept", "file", "format", "context", "template",
        "settings", "set", "device", "seeds", "limit",
    ],
};
const WITH_A_SELECTOR: SelectMode = SelectMode {
    name: "with --selector",
    options: &["selector", "data", "keep", "kept", "file", "format", "limit"],
};
const WITH_AN_IMPORT: SelectMode = SelectMode {
    name: "with --import",
    options: &[
        "import",
        "unsafe-rows",
        "dropped",
        "tokenizer",
        "data",
        "keep",
        "kept",
        "file",
        "format",
    ],
};

/// What to select, and what to write.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    run: RunArgs,
    /// File of the selector, .jsonl or .parquet [default: OUT/selectors/ARM-seed-N.jsonl; with
    /// --model it is selector.jsonl, which must not exist].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Form of the output: one figure on each line, or one JSON object.
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Arm whose selector is wanted [default: the one with the role `seal`].
    #[arg(long, value_name = "ID", help_heading = STUDY)]
    arm: Option<String>,
    /// Train again, and write one JSON object for each step: rows, losses, weights.
    #[arg(long, value_name = "FILE", help_heading = STUDY)]
    trace: Option<PathBuf>,
    /// Save models and optimisers before and after every K-th step, in a folder beside the trace.
    #[arg(long, value_name = "K", requires = "trace", help_heading = STUDY)]
    trace_state: Option<usize>,
    /// Train on --data and --safe with the model of this folder, without a study.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["import", "selector"], requires = "data", help_heading = OWN)]
    model: Option<PathBuf>,
    /// The rows to choose from. With --import: the unfiltered rows that the selector was trained
    /// on; they give each logit a row id. For options, give a table as in a config: { path =
    /// "FILE", columns = { prompt = "q", response = "a" } }.
    #[arg(long, value_name = "FILE", value_parser = source_parser(), help_heading = OWN)]
    data: Option<Source>,
    /// The safe rows. Without them, rows are ranked by their loss under the model as it is.
    #[arg(long, value_name = "FILE", value_parser = source_parser(), help_heading = OWN)]
    safe: Option<Source>,
    /// Share of the rows to keep; a study uses its selection.keep instead.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, help_heading = OWN)]
    keep: f64,
    /// File of the kept rows, JSON lines, each as it stands in --data.
    #[arg(long, value_name = "FILE", help_heading = OWN)]
    kept: Option<PathBuf>,
    #[command(flatten, next_help_heading = OWN)]
    stage: StageArgs,
    /// Rank --data by a selector file that this program wrote as JSON lines. Rows are found by id,
    /// so --data may be a part of the selector's rows, in any order.
    #[arg(long, value_name = "FILE", requires = "data", conflicts_with = "import", help_heading = STORED)]
    selector: Option<PathBuf>,
    /// Read a selector published with the paper instead of training one.
    #[arg(long, value_name = "FILE", help_heading = PUBLISHED)]
    import: Option<PathBuf>,
    /// Positions of the unsafe rows in the selector's data, such as 0..22393,30000..30010.
    #[arg(long, value_name = "RANGES", requires = "import", help_heading = PUBLISHED)]
    unsafe_rows: Option<RowSet>,
    /// Positions that the published length filter dropped, one a line, from 0.
    #[arg(long, value_name = "FILE", requires = "import", help_heading = PUBLISHED)]
    dropped: Option<PathBuf>,
    /// tokenizer.json of the selector's model. It finds the dropped rows of --data, in place of
    /// --dropped.
    #[arg(long, value_name = "FILE", requires = "data", conflicts_with = "dropped", help_heading = PUBLISHED)]
    tokenizer: Option<PathBuf>,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
}

/// Trains, finds or imports the selector and prints how well it ranks.
pub(super) fn run(
    options: &Options,
    verbosity: Verbosity,
    given: &GivenOptions,
) -> anyhow::Result<()> {
    let way = match (&options.import, &options.selector, &options.model) {
        (Some(_), ..) => WITH_AN_IMPORT,
        (None, Some(_), _) => WITH_A_SELECTOR,
        (None, None, Some(_)) => WITH_A_MODEL,
        (None, None, None) if options.data.is_some() => {
            bail!(UsageError::GoesWith {
                option: "--data",
                others: "--model, --selector or --import"
            })
        }
        (None, None, None) => WITH_A_STUDY,
    };
    given.only(way.name, way.options)?;
    let share = options.keep;
    if !(share > 0.0 && share <= 1.0) {
        bail!(UsageError::Share { option: "--keep", share });
    }
    if let Some(kept) = &options.kept {
        json_lines("--kept", kept)?;
    }
    if let Some(file) = options.file.as_ref().filter(|file| !is_parquet(file)) {
        json_lines("--file", file)?;
    }
    let figures = match (&options.import, &options.selector, &options.model, &options.data) {
        (Some(checkpoint), ..) => published::run(options, checkpoint, given)?,
        (None, Some(selector), _, Some(data)) => stored::run(options, selector, data, verbosity)?,
        (None, _, Some(model), Some(data)) => model::run(options, model, data, verbosity, given)?,
        _ => study::run(options, verbosity)?,
    };
    let mut out = plain::stdout();
    match options.format {
        OutputFormat::Text if verbosity.quiet => Ok(()),
        OutputFormat::Text => figures.write(&mut out),
        OutputFormat::Json => writeln!(out, "{}", plain::json(&figures.json())?),
    }?;
    if figures.auroc.is_none() && !verbosity.quiet {
        let from = if options.import.is_some() { " (--unsafe-rows)" } else { "" };
        writeln!(
            plain::stderr(),
            "no AUROC: it needs a label for each row{from}, and both kinds of rows"
        )?;
    }
    Ok(())
}

/// The files among `files` that are named, each with its option.
fn outputs<'a>(files: &[(&'static str, &'a Option<PathBuf>)]) -> Vec<(&'static str, &'a Path)> {
    files.iter().filter_map(|(option, file)| Some((*option, file.as_deref()?))).collect()
}

fn is_parquet(file: &Path) -> bool {
    file.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
}
