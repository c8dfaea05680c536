//! A stored selector, on other rows than it was trained on.

use std::path::Path;

use seal_files::Inputs;
use seal_model::{Source, apply_selector, read_rows, write_kept, write_selector_file};

use super::figures::SelectorSummary;
use super::{Options, outputs};
use crate::files::prepare;
use crate::logging::Log;
use crate::model_args::say_dropped;
use crate::verbosity::Verbosity;

/// Ranks rows by a stored selector.
pub(super) fn run(
    options: &Options,
    stored: &Path,
    data: &Source,
    verbosity: Verbosity,
) -> anyhow::Result<SelectorSummary> {
    Log::start(verbosity);
    let mut inputs = Inputs::new();
    inputs.add("the rows", &data.path);
    inputs.add("the selector", stored);
    prepare(&inputs, &outputs(&[("--file", &options.file), ("--kept", &options.kept)]))?;
    let data = &data.limited(options.config.limit);
    let read = read_rows(data)?;
    say_dropped(data, &read, verbosity)?;
    let (rows, unusable) = (read.rows, read.left_out);
    let applied = apply_selector(stored, &rows, options.keep)?;
    if let Some(file) = &options.file {
        write_selector_file(&applied.selector, file)?;
    }
    if let Some(kept) = &options.kept {
        write_kept(data, &applied.selector, kept)?;
    }
    let counts = [("unknown", applied.unknown), ("unusable", unusable)];
    SelectorSummary::of(&applied.selector, &rows, &counts, options.file.as_deref())
}
