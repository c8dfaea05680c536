//! `cargo xtask select`: one selector as a file, with a trace where asked for; a published
//! one, and how it ranks; or a stored one, on other rows.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use seal_data::RowId;
use seal_device::DeviceSpec;
use seal_files::Inputs;
use seal_study::{
    Chosen, ImportRequest, ModelRequest, OwnModel, Row, RowSet, SPEARMAN_TO_LOSS, SelectRequest,
    SelectorFile, Separation, Source, Study, StudyError, apply_selector, import_selector,
    read_rows, selector_figures, write_kept, write_selector_file,
};
use serde_json::{Map, Value, json};

use crate::cli::Verbosity;
use crate::files::{add_template, json_lines, prepare};
use crate::given::Given;
use crate::logging::Log;
use crate::options::{ConfigArgs, RunArgs};
use crate::own::{
    StageArgs, Steps, say_batch, say_dropped, say_left_out, say_lost, say_template, source,
};
use crate::plain;
use crate::progress::Progress;

const AFTER: &str = "\
Examples:
  cargo xtask select --trace runs/world/seal.trace.jsonl
  cargo xtask select --arm relu --seed 1 --file relu.jsonl
  cargo xtask select --trace t.jsonl --trace-state 20    models around every 20th step
  cargo xtask select --model DIR --data train.jsonl --safe safe.jsonl --file selector.jsonl
  cargo xtask select --selector selector.jsonl --data part.jsonl --kept kept.jsonl
  cargo xtask select --import selector.pt --unsafe-rows 0..22393

A selector file has one row a line: id, omega (the logit), p (the weight), rank, kept.";

const STUDY: &str = "A selector of a study";
const OWN: &str = "A selector of your own rows, with --model";
const STORED: &str = "A stored selector on other rows, with --selector";
const PUBLISHED: &str = "A published selector, with --import";

/// A way of working, with the options that have an effect in it.
struct Way {
    name: &'static str,
    options: &'static [&'static str],
}

const WITH_A_STUDY: Way = Way {
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
const WITH_A_MODEL: Way = Way {
    name: "with --model",
    options: &[
        "model", "data", "safe", "keep", "kept", "file", "format", "context", "template",
        "settings", "set", "device", "seeds", "limit",
    ],
};
const WITH_A_SELECTOR: Way = Way {
    name: "with --selector",
    options: &["selector", "data", "keep", "kept", "file", "format", "limit"],
};
const WITH_AN_IMPORT: Way = Way {
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
    #[arg(long, value_name = "DIR", conflicts_with_all = ["import", "selector"], requires = "data", help_heading = OWN)]
    model: Option<PathBuf>,
    /// The rows to choose from. With --import: the unfiltered rows it was trained on, which
    /// name logits by row id. A table as in a config says more than a path:
    /// { path = "FILE", columns = { prompt = "q", response = "a" } }.
    #[arg(long, value_name = "FILE", value_parser = source(), help_heading = OWN)]
    data: Option<Source>,
    /// The safe rows; left out, rows are ranked by their loss under the model as it is.
    #[arg(long, value_name = "FILE", value_parser = source(), help_heading = OWN)]
    safe: Option<Source>,
    /// Share of the rows to keep; of a study, its selection.keep says it.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, help_heading = OWN)]
    keep: f64,
    /// File of the kept rows, JSON lines, each as it stands in --data.
    #[arg(long, value_name = "FILE", help_heading = OWN)]
    kept: Option<PathBuf>,
    #[command(flatten, next_help_heading = OWN)]
    stage: StageArgs,
    /// Rank --data by a selector file that this program wrote as JSON lines. Rows are found
    /// by id, so that the file may be a part of those it was trained on, in any order.
    #[arg(long, value_name = "FILE", requires = "data", conflicts_with = "import", help_heading = STORED)]
    selector: Option<PathBuf>,
    /// Read a selector published with the paper instead of training one.
    #[arg(long, value_name = "FILE", help_heading = PUBLISHED)]
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
pub(super) fn run(options: &Options, verbosity: Verbosity, given: &Given) -> anyhow::Result<()> {
    let way = match (&options.import, &options.selector, &options.model) {
        (Some(_), ..) => WITH_AN_IMPORT,
        (None, Some(_), _) => WITH_A_SELECTOR,
        (None, None, Some(_)) => WITH_A_MODEL,
        (None, None, None) if options.data.is_some() => {
            bail!(StudyError::Config("--data goes with --model, --selector or --import".into()))
        }
        (None, None, None) => WITH_A_STUDY,
    };
    given.only(way.name, way.options)?;
    let share = options.keep;
    if !(share > 0.0 && share <= 1.0) {
        bail!(StudyError::Config(format!("--keep {share}: the share kept is in (0, 1]")));
    }
    if let Some(kept) = &options.kept {
        json_lines("--kept", kept)?;
    }
    if let Some(file) = options.file.as_ref().filter(|file| !is_parquet(file)) {
        json_lines("--file", file)?;
    }
    let figures = match (&options.import, &options.selector, &options.model, &options.data) {
        (Some(checkpoint), ..) => import(options, checkpoint, given)?,
        (None, Some(selector), _, Some(data)) => apply(options, selector, data, verbosity)?,
        (None, _, Some(model), Some(data)) => own(options, model, data, verbosity, given)?,
        _ => train(options, verbosity)?,
    };
    let mut out = plain::stdout();
    match options.format {
        Format::Text if verbosity.quiet => Ok(()),
        Format::Text => figures.write(&mut out),
        Format::Json => writeln!(out, "{}", plain::json(&figures.json())?),
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

fn train(options: &Options, verbosity: Verbosity) -> anyhow::Result<Figures> {
    let log = Log::start(verbosity);
    let config = options.config.of_folder(options.run.named_out())?;
    let study = Study::load(&config.source())?;
    let run = options.run.options(&study);
    let mut inputs = Inputs::new();
    for (role, path) in study.input_files() {
        inputs.add(role, &path);
    }
    if let Some(config) = &options.config.config {
        inputs.add("the config", config);
    }
    if let Some(trace) = &options.trace {
        json_lines("--trace", trace)?;
    }
    let outputs = [("--file", &options.file), ("--trace", &options.trace)];
    let outputs: Vec<(&str, &Path)> =
        outputs.iter().filter_map(|(option, file)| Some((*option, file.as_deref()?))).collect();
    prepare(&inputs, &outputs)?;
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
            ("file", json!(selected.file.display().to_string())),
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
    given: &Given,
) -> anyhow::Result<Figures> {
    Log::start(verbosity);
    let settings = options.stage.load(&options.config.set)?;
    if options.safe.is_none() && given.has("seeds") {
        bail!(StudyError::Config(
            "--seeds has no effect without --safe: nothing is drawn; leave it out".into()
        ));
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
    let mut inputs = Inputs::new();
    inputs.add("the rows", &data.path);
    if let Some(safe) = &options.safe {
        inputs.add("the safe rows", &safe.path);
    }
    inputs.add("the model", model);
    options.stage.add_to(&mut inputs);
    add_template(&mut inputs, &settings);
    let mut outputs = vec![("--file", file.as_path())];
    outputs.extend(options.kept.as_deref().map(|kept| ("--kept", kept)));
    prepare(&inputs, &outputs)?;
    let data = &data.limited(options.config.limit);
    let read = read_rows(data)?;
    say_dropped(data, &read, verbosity)?;
    let rows = read.rows;
    let safe = match &options.safe {
        Some(safe) => {
            let safe = &safe.limited(options.config.limit);
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
    say_lost(&model.lost(&rows, &settings), verbosity)?;
    // A model of the hub lies in a cache, which is known by now.
    inputs.add("the model", model.folder());
    prepare(&inputs, &outputs)?;
    let steps = Steps::new(if safe.is_some() { "selector" } else { "scoring" }, verbosity);
    let mut progress = |done, of| steps.at(done, of);
    let Chosen { selector, left_out } = match &safe {
        Some(safe) => model.select(&rows, safe, &settings, options.keep, seed, &mut progress)?,
        None => model.select_by_loss(&rows, options.keep, &mut progress)?,
    };
    write_selector_file(&selector, &file)?;
    if let Some(kept) = &options.kept {
        write_kept(data, &selector, kept)?;
    }
    say_left_out(&left_out, verbosity)?;
    Figures::of(&selector, &rows, ("left_out", left_out.len()), Some(&file))
}

/// Ranks rows by a stored selector.
fn apply(
    options: &Options,
    stored: &Path,
    data: &Source,
    verbosity: Verbosity,
) -> anyhow::Result<Figures> {
    Log::start(verbosity);
    let mut inputs = Inputs::new();
    inputs.add("the rows", &data.path);
    inputs.add("the selector", stored);
    let outputs = [("--file", &options.file), ("--kept", &options.kept)];
    let outputs: Vec<(&str, &Path)> =
        outputs.iter().filter_map(|(option, file)| Some((*option, file.as_deref()?))).collect();
    prepare(&inputs, &outputs)?;
    let data = &data.limited(options.config.limit);
    let read = read_rows(data)?;
    say_dropped(data, &read, verbosity)?;
    let rows = read.rows;
    let applied = apply_selector(stored, &rows, options.keep)?;
    if let Some(file) = &options.file {
        write_selector_file(&applied.selector, file)?;
    }
    if let Some(kept) = &options.kept {
        write_kept(data, &applied.selector, kept)?;
    }
    Figures::of(&applied.selector, &rows, ("unknown", applied.unknown), options.file.as_deref())
}

fn is_parquet(file: &Path) -> bool {
    file.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
}

/// Says how many of the safe rows are among those to choose from.
fn say_shared(data: &[Row], safe: &[Row], verbosity: Verbosity) -> io::Result<()> {
    let ids: BTreeSet<RowId> = data.iter().map(|row| row.id).collect();
    let shared = safe.iter().filter(|row| ids.contains(&row.id)).count();
    if verbosity.quiet || shared == 0 {
        return Ok(());
    }
    writeln!(
        plain::stderr(),
        "{shared} of {} safe rows stand in --data too; training on them as safe raises their weights",
        safe.len()
    )
}

fn import(options: &Options, checkpoint: &Path, given: &Given) -> anyhow::Result<Figures> {
    if given.has("keep") && options.file.is_none() && options.kept.is_none() {
        bail!(StudyError::Config(
            "--keep has no effect without --file or --kept; leave it out".into()
        ));
    }
    let mut inputs = Inputs::new();
    inputs.add("the selector", checkpoint);
    let data = options.data.as_ref().map(|data| &data.path);
    let read = [("the rows", data), ("the dropped rows", options.dropped.as_ref())];
    for (role, path) in read.into_iter().chain([("the tokenizer", options.tokenizer.as_ref())]) {
        if let Some(path) = path {
            inputs.add(role, path);
        }
    }
    let outputs = [("--file", &options.file), ("--kept", &options.kept)];
    let outputs: Vec<(&str, &Path)> =
        outputs.iter().filter_map(|(option, file)| Some((*option, file.as_deref()?))).collect();
    prepare(&inputs, &outputs)?;
    let imported = import_selector(&ImportRequest {
        checkpoint: checkpoint.to_owned(),
        unsafe_rows: options.unsafe_rows.clone(),
        dropped: options.dropped.clone(),
        data: options.data.clone(),
        tokenizer: options.tokenizer.clone(),
        file: options.file.clone(),
        kept: options.kept.clone(),
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
    /// Of a selector of some of `rows`; `apart` is a count of the others.
    fn of(
        selector: &SelectorFile,
        rows: &[Row],
        apart: (&'static str, usize),
        file: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let figures = selector_figures(selector, rows)?;
        let like_loss = selector.header.settings.get(SPEARMAN_TO_LOSS).cloned();
        let kept = selector.rows.iter().filter(|row| row.kept).count();
        Ok(Self {
            facts: [
                ("method", json!(selector.header.method)),
                ("rows", json!(selector.rows.len())),
                (apart.0, json!(apart.1)),
                ("kept", json!(kept)),
            ]
            .into_iter()
            .chain(like_loss.map(|rho| (SPEARMAN_TO_LOSS, rho)))
            .chain(file.map(|file| ("file", json!(file.display().to_string()))))
            .collect(),
            auroc: figures.auroc,
            unsafe_kept: figures.unsafe_kept,
        })
    }

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
