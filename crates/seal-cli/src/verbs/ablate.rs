//! `seal ablate`: the whole study, from data to report.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use seal_launch::{LaunchFolder, RESULTS, forget_task};
use seal_report::{Report, SplitSummary};
use seal_study::RunOptions;
use seal_track::Server;

use crate::logging::{self, Log};
use crate::options::StudyArgs;
use crate::plain;
use crate::progress::StudyProgress;
use crate::stores::Access;
use crate::tracking::{self, TrackerUri};
use crate::usage::UsageError;
use crate::verbosity::Verbosity;
use crate::verbs::launch::{self, LaunchArgs, LauncherKind};
use crate::{summary, verbs};

/// A study, and who is told of its results.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    study: StudyArgs,
    /// Log the results to an MLflow server at the end: mlflow=URL, or mlflow, and MLFLOW_TRACKING_URI
    /// names the server. A server that fails is a warning, not a failure of the study.
    #[arg(long, value_name = "TRACKER")]
    track: Option<TrackerUri>,
    /// Do not find out before the training, by a reply of one token, whether the endpoints of judges
    /// are there and take key and model.
    #[arg(long)]
    no_probe: bool,
    /// Run the first seed of all arms first, and write its results to OUT/screening as soon as they are
    /// there, marked as partial. The results at the end are the same.
    #[arg(long, conflicts_with = "launch")]
    screen: bool,
    #[command(flatten)]
    launch: LaunchArgs,
}

/// Runs what is missing and closes with the figures and where the report is.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    // An address that cannot be used is said before the work.
    let server = options.track.as_ref().map(TrackerUri::server).transpose()?;
    if let (Some(_), Some(_)) =
        (&options.track, options.launch.launcher().and_then(LauncherKind::detached))
    {
        let (option, way) =
            ("track".to_owned(), "before there are results: give it to `report` then");
        return Err(UsageError::NoEffect { option, way }.into());
    }
    if options.study.folder.dry_run {
        return verbs::plan::run(&options.study, verbosity);
    }
    let Some(out) = study(options, verbosity)? else { return Ok(()) };
    if let Some(server) = server
        && let Err(error) = log(&server, &out, verbosity)
    {
        writeln!(
            plain::stderr(),
            "warning: the results are whole in {} and were not logged: {error:#}; `report` with the \
             same --track logs them",
            out.display()
        )?;
    }
    Ok(())
}

fn log(server: &Server, out: &Path, verbosity: Verbosity) -> anyhow::Result<()> {
    tracking::log(server, &Report::read(out)?, verbosity)
}

/// Runs the study and gives the run folder; `None` where others run it, and it is not done.
fn study(asked: &Options, verbosity: Verbosity) -> anyhow::Result<Option<PathBuf>> {
    let launch = &asked.launch;
    let log = Log::start(verbosity);
    let (study, options) = asked.study.of_other_study()?.resolve(Access::Makes, verbosity)?;
    let options = RunOptions { probe: !asked.no_probe, screen: asked.screen, ..options };
    // Of a folder of another study nothing is read, and nothing is planned for it.
    study.check_folder(&options)?;
    // Results of a newer program are not written over, and it is said at once.
    Report::check_versions(&options.out)?;
    let launcher = launch.launcher();
    let detached = launcher.and_then(LauncherKind::detached);
    if detached.is_none() {
        // A missing backend is said now, not by the first stage that needs it.
        study.config().device.set()?.first().open()?;
    }
    if let Some(launcher) = detached {
        launch::detached(&study, &options, (launcher, launch, asked.study.jobs()), verbosity)?;
        return Ok(None);
    }
    let plan = study.plan(&options);
    let progress = StudyProgress::new(verbosity, log.clone(), &plan, &options.out);
    let outcome = match launcher {
        None => study.run(&options, &progress).map_err(anyhow::Error::from),
        Some(_) => launch::here(&study, &options, launch, &plan, &progress),
    };
    progress.finish();
    let outcome = outcome?;
    // A job that could not make the results is of no account any more.
    forget_task(&LaunchFolder::of_run(&options.out), RESULTS)?;
    if verbosity.quiet {
        return Ok(Some(outcome.out));
    }
    let mut out = plain::stdout();
    summary::write(&mut out, &outcome.results)?;
    summary::write_doubts(&mut out, &outcome.results)?;
    verbs::left_out(&mut out, &study)?;
    let set = |(name, split): (&String, &SplitSummary)| {
        let n = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        let rows = (n(split.rows), n(split.unsafe_rows.unwrap_or(0)), n(split.dropped));
        verbs::data_set(name, rows)
    };
    let sets: Vec<String> = outcome.results.data.splits.iter().map(set).collect();
    writeln!(out, "\ndata: {}", sets.join(", "))?;
    let all = outcome.out.join(logging::FILE);
    log.warnings().write(&mut out, &all.display().to_string())?;
    writeln!(out, "{} stages run, {} found\n", outcome.ran, outcome.found)?;
    for file in &outcome.files {
        if file.extension().is_some_and(|kind| kind == "html") {
            writeln!(out, "report         {}", file.display())?;
        }
    }
    if let (Some(seal), Some(seed)) = (outcome.results.seal(), outcome.results.seeds.first()) {
        let cell = outcome.out.join("cells").join(&seal.id).join(format!("seed-{seed}"));
        writeln!(out, "filtered data  {}", cell.join("kept.jsonl").display())?;
    }
    let left_out = outcome.out.join("left-out.jsonl");
    if left_out.exists() {
        writeln!(out, "rows left out  {}", left_out.display())?;
    }
    writeln!(out, "all else       {}", outcome.out.display())?;
    if outcome.results.quick {
        writeln!(out, "\nquick run: not a result")?;
    }
    Ok(Some(outcome.out))
}
