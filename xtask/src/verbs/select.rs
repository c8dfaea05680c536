//! `cargo xtask select`: one selector as a file, with a trace where asked for;
//! or a published one, and how it ranks.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use seal_data::RowId;
use seal_device::DeviceSpec;
use seal_study::{
    ImportRequest, ModelRequest, OwnModel, Row, RowSet, SPEARMAN_TO_LOSS, SelectRequest,
    Separation, Source, Study, StudyError, import_selector, read_rows, selector_figures,
    source_named, write_kept, write_selector_file,
};
use serde_json::{Map, Value, json};

use crate::cli::Verbosity;
use crate::logging::Log;
use crate::options::{ConfigArgs, RunArgs};
use crate::own::{
    StageArgs, Steps, distinct, limited, make_folders, say_batch, say_dropped, say_template,
};
use crate::progress::Progress;

const AFTER: &str = "\
Examples:
  cargo xtask select --trace runs/world/seal.trace.jsonl
  cargo xtask select --arm relu --seed 1 --file relu.jsonl
  cargo xtask select --trace t.jsonl --trace-state 20    models around every 20th step
  cargo xtask select --model DIR --data train.jsonl --safe safe.jsonl --file selector.jsonl
  cargo xtask select --import selector.pt --unsafe-rows 0..22393

A selector file has one row a line: id, omega (the logit), p (the weight), rank, kept.";

const STUDY: &str = "A selector of a study";
const OWN: &str = "A selector of your own rows, with --model";
const PUBLISHED: &str = "A published selector, with --import";

/// What to select, and what to write.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    run: RunArgs,
    /// File of the selector, .jsonl or .parquet [default: OUT/selectors/ARM-seed-N.jsonl; with
    /// --model selector.jsonl, if there is none].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Form of what is printed: a figure a line, or one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Arm whose selector is wanted [default: the one with the role `seal`].
    #[arg(long, value_name = "ID", help_heading = STUDY)]
    arm: Option<String>,
    /// Train anew and write one JSON object a step: rows, losses, weights.
    #[arg(long, value_name = "FILE", help_heading = STUDY)]
    trace: Option<PathBuf>,
    /// Save models and optimisers around every K-th step, beside the trace.
    #[arg(long, value_name = "K", requires = "trace", help_heading = STUDY)]
    trace_state: Option<usize>,
    /// Train on --data and --safe with the model of this folder, instead of a study's.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["import", "arm", "trace", "config", "out", "store", "plan", "quick"], requires = "data", help_heading = OWN)]
    model: Option<PathBuf>,
    /// The rows to choose from. With --import: the unfiltered rows it was trained on; with
    /// --file, names logits by row id. A table as in a config says more than a path:
    /// { path = "FILE", columns = { prompt = "q", response = "a" } }.
    #[arg(long, value_name = "FILE", value_parser = source_named, help_heading = OWN)]
    data: Option<Source>,
    /// The safe rows; left out, rows are ranked by their loss under the model as it is.
    #[arg(long, value_name = "FILE", value_parser = source_named, requires = "model", help_heading = OWN)]
    safe: Option<Source>,
    /// Share of the rows to keep, also with --import.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, help_heading = OWN)]
    keep: f64,
    /// File of the kept rows, JSON lines, each as it stands in --data.
    #[arg(long, value_name = "FILE", requires = "model", help_heading = OWN)]
    kept: Option<PathBuf>,
    #[command(flatten, next_help_heading = OWN)]
    stage: StageArgs,
    /// Read a selector published with the paper instead of training one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arm", "trace"], help_heading = PUBLISHED)]
    import: Option<PathBuf>,
    /// Positions of the unsafe rows in its data, such as 0..22393,30000..30010.
    #[arg(long, value_name = "RANGES", requires = "import", help_heading = PUBLISHED)]
    unsafe_rows: Option<RowSet>,
    /// Positions that the published length filter dropped, one a line, from 0.
    #[arg(long, value_name = "FILE", requires = "import", help_heading = PUBLISHED)]
    dropped: Option<PathBuf>,
    /// tokenizer.json of its model: finds the dropped rows of --data, instead of --dropped.
    #[arg(long, value_name = "FILE", requires = "data", conflicts_with = "dropped", help_heading = PUBLISHED)]
    tokenizer: Option<PathBuf>,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Trains, finds or imports the selector and prints how well it ranks.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let figures = match (&options.import, &options.model, &options.data) {
        (Some(checkpoint), ..) => import(options, checkpoint.clone())?,
        (None, Some(model), Some(data)) => own(options, model, data, verbosity)?,
        (None, _, Some(_)) => {
            bail!(StudyError::Config("--data goes with --model or --import".into()))
        }
        (None, ..) => train(options, verbosity)?,
    };
    let mut out = io::stdout().lock();
    match options.format {
        Format::Text if verbosity.quiet => Ok(()),
        Format::Text => figures.write(&mut out),
        Format::Json => writeln!(out, "{}", figures.json()),
    }?;
    if figures.auroc.is_none() && !verbosity.quiet {
        let from = if options.import.is_some() { " (--unsafe-rows)" } else { "" };
        writeln!(
            io::stderr().lock(),
            "no AUROC: it needs rows that are labelled unsafe{from} and rows that are not"
        )?;
    }
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

/// Where a selector of --model goes that was given no --file.
const DEFAULT_FILE: &str = "selector.jsonl";

/// Trains on own rows with the model of a folder.
fn own(
    options: &Options,
    model: &Path,
    data: &Source,
    verbosity: Verbosity,
) -> anyhow::Result<Figures> {
    Log::start(verbosity);
    let settings = options.stage.load(&options.config.set)?;
    if !(options.keep > 0.0 && options.keep <= 1.0) {
        bail!(StudyError::Config(format!("--keep {}: the share kept is in (0, 1]", options.keep)));
    }
    if let Some(kept) = &options.kept
        && !["jsonl", "ndjson", "json"].iter().any(|e| kept.extension() == Some(e.as_ref()))
    {
        let kept = kept.display();
        bail!(StudyError::Config(format!("--kept {kept}: it is JSON lines; call it .jsonl")));
    }
    let seed = match options.config.seeds.as_deref() {
        None => 0,
        Some([seed]) => *seed,
        Some(_) => bail!(StudyError::Config("--seeds: with --model give one".into())),
    };
    let file = match &options.file {
        Some(file) => file.clone(),
        // A name that nobody gave writes over nothing.
        None if Path::new(DEFAULT_FILE).exists() => bail!(StudyError::Config(format!(
            "{DEFAULT_FILE} exists; --file says where this selector goes"
        ))),
        None => PathBuf::from(DEFAULT_FILE),
    };
    let inputs: Vec<&Path> = [Some(data), options.safe.as_ref()]
        .into_iter()
        .flatten()
        .map(|s| s.path.as_path())
        .collect();
    let outputs: Vec<&Path> =
        [Some(file.as_path()), options.kept.as_deref()].into_iter().flatten().collect();
    distinct(&inputs, &outputs)?;
    make_folders(&outputs)?;
    let read = read_rows(data)?;
    say_dropped(data, &read, verbosity)?;
    let rows = limited(read.rows, options.config.limit);
    let safe = match &options.safe {
        Some(safe) => {
            let read = read_rows(safe)?;
            say_dropped(safe, &read, verbosity)?;
            say_shared(&rows, &read.rows, verbosity)?;
            say_batch(rows.len(), ("bilevel.batch", settings.bilevel.batch), verbosity)?;
            Some(read.rows)
        }
        None => None,
    };
    let request = ModelRequest {
        context: options.stage.context,
        device: options.config.device.clone().unwrap_or_else(|| "flex".to_owned()),
        ..ModelRequest::new(model)
    };
    let model = OwnModel::open(&request, &settings)?;
    say_template(&model, &settings, options.stage.template.is_some(), verbosity)?;
    let steps = Steps::new(if safe.is_some() { "selector" } else { "scoring" }, verbosity);
    let mut progress = |done, of| steps.at(done, of);
    let selector = match &safe {
        Some(safe) => model.select(&rows, safe, &settings, options.keep, seed, &mut progress)?,
        None => model.select_by_loss(&rows, options.keep, &mut progress)?,
    };
    write_selector_file(&selector, &file)?;
    if let Some(kept) = &options.kept {
        write_kept(data, &selector, kept)?;
    }
    let figures = selector_figures(&selector, &rows)?;
    let like_loss = selector.header.settings.get(SPEARMAN_TO_LOSS).cloned();
    let kept = selector.rows.iter().filter(|row| row.kept).count();
    Ok(Figures {
        facts: [
            ("method", json!(selector.header.method)),
            ("rows", json!(selector.rows.len())),
            ("left_out", json!(rows.len() - selector.rows.len())),
            ("kept", json!(kept)),
        ]
        .into_iter()
        .chain(like_loss.map(|rho| (SPEARMAN_TO_LOSS, rho)))
        .chain([("file", json!(file))])
        .collect(),
        auroc: figures.auroc,
        unsafe_kept: figures.unsafe_kept,
    })
}

/// Says how many of the safe rows are among those to choose from.
fn say_shared(data: &[Row], safe: &[Row], verbosity: Verbosity) -> io::Result<()> {
    let ids: BTreeSet<RowId> = data.iter().map(|row| row.id).collect();
    let shared = safe.iter().filter(|row| ids.contains(&row.id)).count();
    if verbosity.quiet || shared == 0 {
        return Ok(());
    }
    writeln!(
        io::stderr().lock(),
        "{shared} of {} safe rows stand in --data too; training on them as safe raises their weights",
        safe.len()
    )
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
        match self.auroc {
            Some(auroc) => writeln!(out, "auroc {auroc:.4}")?,
            None => writeln!(out, "auroc none")?,
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
