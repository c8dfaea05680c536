//! `cargo xtask findings`: a page of findings from the results of some runs.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use seal_report::{Report, findings};

/// Which runs, and where the page goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Run folders, such as runs/world runs/paper runs/reviewers.
    #[arg(required = true, value_name = "DIR")]
    runs: Vec<PathBuf>,
    /// File to write [default: standard output].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Reads the stored results and writes the page.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let reports = options
        .runs
        .iter()
        .map(|dir| Ok(Report::read(dir)?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let page = findings(&reports);
    match &options.file {
        Some(file) => fs::write(file, page).with_context(|| format!("{}", file.display())),
        None => Ok(io::stdout().lock().write_all(page.as_bytes())?),
    }
}
