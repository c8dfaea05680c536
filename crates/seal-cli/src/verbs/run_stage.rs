//! `seal run-stage`: one stage of a stored plan by itself.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use seal_device::DeviceSpec;
use seal_launch::{LaunchError, LaunchFolder, LaunchStage, StagePlan, forget, note};
use seal_study::{Event, Observer, PlannedError, Study, StudyError, stage_by_key};

use crate::logging::Log;
use crate::reading::ReadingProgress;
use crate::verbosity::Verbosity;
use crate::{exit_code, interrupt, plain};

const AFTER: &str = "\
Examples:
  {program} ablate --launch script --out runs/world    store the plan, write scripts
  {program} run-stage --out runs/world 4f1c            the stage whose key begins so
  {program} run-stage --out runs/world --results       results, once all stages are there

Launchers call this verb: ablate --launch local, slurm, hyperqueue, script. The plan of the last
launch is OUT/launch/study.json, and each launch has its own in OUT/launch/ID. It lists the stages
with their keys and inputs. The stage is made where its key comes out as planned.

Exit codes beside those of every verb:
  0  the stage is in the store, made now or before
  2  no such stage, or its key is another one now: the message says which setting differs
  5  the store lacks an input, and the message names it: make that stage first, or try again";

/// Which stages of which plan.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Run folder with the stored plan.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Id of the plan; without it, the plan of the last launch.
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
    /// Keys of stages, or beginnings of keys.
    #[arg(value_name = "KEY", required_unless_present = "results")]
    keys: Vec<String>,
    /// Make the results of finished stages.
    #[arg(long, conflicts_with = "keys")]
    results: bool,
}

/// Makes the stages, and says which were there.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let log = Log::start(verbosity);
    let plan = StagePlan::read(&options.out, options.plan.as_deref())?;
    if !seal_files::same_file(&options.out, &plan.out) {
        // Nothing is written into the folder that the plan is of.
        let (planned, now) = (plan.out, options.out.clone());
        return Err(StudyError::from(PlannedError::Moved { planned, now }).into());
    }
    let asked = options.keys.iter().map(|key| stage_by_key(&plan, key).map_err(StudyError::from));
    let asked: Vec<usize> = asked.collect::<Result<_, _>>()?;
    // Relative paths of the study start from there.
    std::env::set_current_dir(&plan.folder).map_err(StudyError::io(&plan.folder))?;
    let lines = LineObserver { is_quiet: verbosity.quiet };
    if let Err(error) = interrupt::listen(|| ()) {
        tracing::warn!(%error, "signals cannot be handled");
    }
    let made = make(&plan, &asked, options.results, verbosity, &lines, &log);
    let stages: Vec<&LaunchStage> = asked.iter().map(|i| &plan.stages[*i]).collect();
    // A record is beside what became of the stages, and never in its place.
    if let Err(error) = remember(&plan.launch_folder(), &stages, &made) {
        writeln!(plain::stderr(), "warning: {error}")?;
    }
    made
}

fn make(
    plan: &StagePlan,
    asked: &[usize],
    results: bool,
    verbosity: Verbosity,
    lines: &LineObserver,
    log: &Log,
) -> anyhow::Result<()> {
    let reading = ReadingProgress::start(verbosity);
    let (study, options) = Study::of_plan(plan)?;
    drop(reading);
    let mut out = plain::stdout();
    if results {
        log.open(&plan.out);
        let outcome = study.make_results(plan, &options, lines)?;
        writeln!(out, "results in {}", outcome.out.display())?;
        return Ok(());
    }
    for i in asked {
        if let Some(device) = &plan.stages[*i].device {
            device.parse::<DeviceSpec>()?.open()?;
        }
    }
    let made = study.make_stages(plan, asked, &options, lines)?;
    if !verbosity.quiet {
        for i in asked {
            writeln!(out, "{} is in the store", plan.stages[*i].name())?;
        }
        writeln!(out, "made: {}, found: {}", made.made, made.found)?;
    }
    Ok(())
}

/// Notes stages that could not be made, and forgets those that were noted and are made now.
fn remember(
    folder: &LaunchFolder,
    stages: &[&LaunchStage],
    made: &anyhow::Result<()>,
) -> Result<(), LaunchError> {
    let Err(error) = made else {
        return stages.iter().try_for_each(|stage| forget(folder, stage));
    };
    let study = error.downcast_ref::<StudyError>();
    if study.is_some_and(StudyError::is_cancelled) {
        return Ok(());
    }
    let (code, message) = (exit_code::of(error), crate::message::message(error));
    let lacking = matches!(study, Some(StudyError::Planned(PlannedError::Lacking { .. })));
    let failed = match study {
        Some(StudyError::Stage { label, .. }) => Some(label),
        _ => None,
    };
    for stage in stages.iter().filter(|stage| failed.is_none_or(|name| *name == stage.name())) {
        note(folder, stage, (code, &message, lacking))?;
    }
    Ok(())
}

/// A line for each event.
struct LineObserver {
    is_quiet: bool,
}

impl Observer for LineObserver {
    fn is_cancelled(&self) -> bool {
        interrupt::is_asked()
    }

    fn event(&self, event: &Event) {
        let line = match event {
            Event::Started { stage, label, .. } => format!("{stage} {label}: started"),
            Event::Finished { seconds, .. } => format!("finished ({seconds:.1} s)"),
            Event::Failed { message, .. } => format!("failed: {message}"),
            Event::Notice { message } => format!("note: {message}"),
            Event::Planned { .. } | Event::Progress { .. } | Event::Report { .. } => return,
        };
        if !self.is_quiet {
            // A closed stderr is no reason to stop training.
            let _ = writeln!(plain::stderr(), "{line}");
        }
    }
}
