//! `seal judge --again`: judges a finished run by another judge.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use seal_study::{AgainRequest, RunOptions, Study, study_of_folder};

use super::JudgeFailure;
use super::pair_options::PairOptions;
use crate::logging::Log;
use crate::progress::StudyProgress;
use crate::stores::{Access, store_of_run};
use crate::verbosity::Verbosity;
use crate::verbs::judging_plan;
use crate::{command, plain, summary};

/// Folder of a run for results of other judges.
const AGAIN: &str = "again";

/// Which run, by which judge.
#[derive(Clone, Debug, Args)]
pub(super) struct AgainOptions {
    /// Judge a finished run by the judge of this table. Nothing is trained or generated. The
    /// largest cost is the table's max_cost: --max-cost is refused here.
    #[arg(long, value_name = "TABLE", requires = "out", conflicts_with_all = PairOptions::NAMES)]
    again: Option<PathBuf>,
    /// Run folder. The results go into its folder again/, beside those that are there.
    #[arg(long, value_name = "DIR", requires = "again")]
    #[arg(conflicts_with_all = ["annotations", "answers", "candidate"])]
    out: Option<PathBuf>,
    /// Tests to judge [default: those whose answers were generated].
    #[arg(long, value_name = "NAME,..", requires = "again", value_delimiter = ',')]
    #[arg(conflicts_with_all = ["annotations", "answers", "candidate"])]
    test: Vec<String>,
    /// Store of the run [default: the store of the last run into OUT].
    #[arg(long, value_name = "DIR", requires = "again")]
    #[arg(conflicts_with_all = ["annotations", "answers", "candidate"])]
    store: Option<PathBuf>,
    /// Do not find out before the first question whether the endpoint of the judge is there.
    #[arg(long, requires = "again", conflicts_with_all = ["annotations", "answers", "candidate"])]
    no_probe: bool,
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
    refuse_results(&request.out)?;
    let store = store_of_run(options.store.as_deref(), &request.out, Access::Makes, verbosity)?;
    refuse_no_store(store.as_deref(), &request.out)?;
    let (study, name) = Study::again(request)?;
    let run = RunOptions {
        store,
        jobs: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        command: command::text(),
        probe: !options.no_probe,
        ..RunOptions::new(&request.out)
    };
    let plan = study.plan(&run);
    if dry_run {
        return Ok(judging_plan::write(&mut plain::stdout(), &plan.judging)?);
    }
    let progress = StudyProgress::new(verbosity, log.clone(), &plan, &run.out);
    let outcome = study.judge_again(&name, &run, &progress);
    progress.finish();
    let outcome = outcome?;
    if verbosity.quiet {
        return Ok(());
    }
    let mut out = plain::stdout();
    summary::write(&mut out, &outcome.results)?;
    summary::write_doubts(&mut out, &outcome.results)?;
    let report = outcome.out.join("report.html");
    writeln!(out, "\nreport         {}", report.display())?;
    Ok(writeln!(out, "all else       {}", outcome.out.display())?)
}

/// Refuses a folder with results of another judge: the answers are in the store of its run.
fn refuse_results(out: &Path) -> anyhow::Result<()> {
    let Ok(whole) = out.canonicalize() else { return Ok(()) };
    let Some(folder) = whole.parent().filter(|folder| folder.ends_with(AGAIN)) else {
        return Ok(());
    };
    let Some(run) = folder.parent() else { return Ok(()) };
    match study_of_folder(run)? {
        Some(_) => {
            let (out, run) = (out.to_owned(), run.to_owned());
            Err(JudgeFailure::OutIsAgain { out, run }.into())
        }
        None => Ok(()),
    }
}

/// Refuses a run whose store is not there, before an empty one is made.
fn refuse_no_store(named: Option<&Path>, out: &Path) -> Result<(), JudgeFailure> {
    let own = || RunOptions::new(out).store_dir();
    match named {
        Some(named) if !named.exists() => Err(JudgeFailure::NoSuchStore { path: named.to_owned() }),
        // A run folder that is none is said to be none.
        None if out.is_dir() && !own().exists() => Err(JudgeFailure::NoStore { path: own() }),
        _ => Ok(()),
    }
}
