//! `seal findings`: a page of findings from the results of some runs.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use seal_files::{Inputs, PendingFile};
use seal_report::{Report, findings};
use seal_study::{StudyError, findings_of_plans};

use crate::files::prepare;
use crate::plain;

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
pub(super) fn run(options: &Options, program: &str) -> anyhow::Result<()> {
    let mut inputs = Inputs::new();
    options.runs.iter().for_each(|dir| inputs.add("the run folder", dir));
    let outputs: Vec<_> = options.file.as_deref().map(|f| ("--file", f)).into_iter().collect();
    prepare(&inputs, &outputs)?;
    let reports = options
        .runs
        .iter()
        .map(|dir| {
            let report = Report::read(dir)?;
            super::say_unchecked(dir);
            Ok(report)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let command = format!("{program} findings");
    let page = findings(&reports, &findings_of_plans(&reports)?, &command);
    match &options.file {
        Some(file) => {
            let io = |e| StudyError::io(file)(e);
            let mut out = PendingFile::named_by_user(file).map_err(io)?;
            out.write_all(page.as_bytes()).map_err(io)?;
            Ok(out.commit().map_err(io)?)
        }
        None => Ok(plain::stdout().write_all(page.as_bytes())?),
    }
}
