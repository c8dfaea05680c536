//! A selector of the user's own rows, with the model of a folder.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::bail;
use seal_data::RowId;
use seal_files::Inputs;
use seal_model::{
    Chosen, LoadedModel, ModelRequest, Row, Source, read_rows, write_kept, write_selector_file,
};
use seal_study::remembered_digests;

use super::Options;
use super::figures::SelectorSummary;
use crate::files::{add_template, prepare};
use crate::given::GivenOptions;
use crate::logging::Log;
use crate::model_args::{say_batch, say_dropped, say_left_out, say_lost, say_template};
use crate::plain;
use crate::steps::StepProgress;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Where a selector of --model goes that was given no --file.
const DEFAULT_FILE: &str = "selector.jsonl";

/// Trains on own rows with the model of a folder.
pub(super) fn run(
    options: &Options,
    model: &Path,
    data: &Source,
    verbosity: Verbosity,
    given: &GivenOptions,
) -> anyhow::Result<SelectorSummary> {
    Log::start(verbosity);
    let settings = options.stage.load(&options.config.set)?;
    if options.safe.is_none() && given.has("seeds") {
        let way = "without --safe: nothing is drawn";
        bail!(UsageError::NoEffect { option: "seeds".to_owned(), way });
    }
    let seed = match options.config.seeds.as_deref() {
        None => 0,
        Some([seed]) => *seed,
        Some(_) => bail!(UsageError::One { option: "--seeds", way: "with --model" }),
    };
    let file = match &options.file {
        Some(file) => file.clone(),
        // A name that nobody gave writes over nothing.
        None if Path::new(DEFAULT_FILE).exists() => {
            bail!(UsageError::DefaultExists { file: DEFAULT_FILE, option: "--file" })
        }
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
    let (rows, unusable) = (read.rows, read.left_out);
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
        digest_files: remembered_digests,
        ..ModelRequest::new(model)
    };
    let model = LoadedModel::open(&request, &settings)?;
    say_template(&model, &settings, options.stage.template.is_some(), verbosity)?;
    say_lost(&model.lost(&rows, &settings), verbosity)?;
    // A model of the hub lies in a cache, which is known by now.
    inputs.add("the model", model.folder());
    prepare(&inputs, &outputs)?;
    let steps = StepProgress::new(if safe.is_some() { "selector" } else { "scoring" }, verbosity);
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
    let counts = [("left_out", left_out.len()), ("unusable", unusable)];
    SelectorSummary::of(&selector, &rows, &counts, Some(&file))
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
