//! `seal judge --again`: judges a finished run by another judge.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use seal_study::{AgainRequest, RunOptions, Study};

use super::pair_options::PairOptions;
use crate::logging::Log;
use crate::progress::Progress;
use crate::verbosity::Verbosity;
use crate::verbs::asked;
use crate::{command, plain, summary};

/// Which run, by which judge.
#[derive(Clone, Debug, Args)]
pub(super) struct AgainOptions {
    /// Judge a finished run by the judge of this table. Nothing is trained or generated.
    #[arg(long, value_name = "TABLE", requires = "out", conflicts_with_all = PairOptions::NAMES)]
    again: Option<PathBuf>,
    /// Run folder. The results go into its folder again/, beside those that are there.
    #[arg(long, value_name = "DIR", requires = "again")]
    #[arg(conflicts_with_all = ["annotations", "answers", "candidate"])]
    out: Option<PathBuf>,
    /// Tests to judge [default: those whose answers were generated].
    #[arg(long, value_name = "NAME,..", requires = "again", value_delimiter = ',')]
    test: Vec<String>,
    /// Store of the run [default: OUT/store].
    #[arg(long, value_name = "DIR", requires = "again")]
    store: Option<PathBuf>,
}

impl AgainOptions {
    /// The request; `None` where another way of judging is meant.
    pub(super) fn request(&self) -> Option<AgainRequest> {
        let (table, out) = (self.again.clone()?, self.out.clone()?);
        Some(AgainRequest { out, table, tests: self.test.clone() })
    }
}

/// Judges again, or says how many questions that would take.
pub(super) fn run(
    options: &AgainOptions,
    request: &AgainRequest,
    dry_run: bool,
    verbosity: Verbosity,
    log: &Log,
) -> anyhow::Result<()> {
    let (study, name) = Study::again(request)?;
    let run = RunOptions {
        store: options.store.clone(),
        jobs: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        command: command::text(),
        ..RunOptions::new(&request.out)
    };
    let plan = study.plan(&run);
    if dry_run {
        return Ok(asked::write(&mut plain::stdout(), &plan.judging)?);
    }
    let progress = Progress::new(verbosity, log.clone(), &plan, &run.out);
    let outcome = study.judge_again(&name, &run, &progress);
    progress.finish();
    let outcome = outcome?;
    if verbosity.quiet {
        return Ok(());
    }
    let mut out = plain::stdout();
    summary::write(&mut out, &outcome.results)?;
    let report = outcome.out.join("report.html");
    writeln!(out, "\nreport         {}", report.display())?;
    Ok(writeln!(out, "all else       {}", outcome.out.display())?)
}
