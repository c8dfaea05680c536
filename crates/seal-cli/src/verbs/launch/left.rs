//! What a launch has left: failures, and jobs that have not ended.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use seal_launch::{
    Ending, GivenUp, Jobs, LaunchFolder, LaunchStage, RESULTS, StagePlan, failures, given_up, queue,
};
use seal_study::PlanView;

/// Stages of a launch that could not be made.
#[derive(Debug, Default)]
pub(crate) struct Failed {
    /// A line for each failure. It begins with the exit code or the signal.
    pub(crate) lines: Vec<String>,
    /// How many stages only wait for an input.
    pub(crate) lacking: usize,
}

/// Says what the last launch of the run in `dir` has left. Failures come first, and then how many
/// stages only wait for an input.
pub(crate) fn status(out: &mut dyn Write, dir: &Path, view: &PlanView) -> anyhow::Result<()> {
    let folder = LaunchFolder::of_run(dir);
    if !folder.plan().exists() {
        return Ok(());
    }
    let plan = StagePlan::read(dir, None)?;
    let made = view.stages.iter().filter(|s| s.found).map(|s| s.key.as_str()).collect();
    let failed = of_plan(&folder, &plan, &made)?;
    for line in failed.lines {
        writeln!(out, "failed with {line}")?;
    }
    if failed.lacking > 0 {
        writeln!(out, "stages that lack an input: {}", failed.lacking)?;
    }
    let Some(jobs) = Jobs::read(&folder)? else { return Ok(()) };
    let ids = jobs.ids().join(", ");
    writeln!(out, "launched: {} {} jobs ({ids})", jobs.jobs.len(), jobs.launcher)?;
    match queue(&jobs) {
        Ok(left) => {
            for job in left {
                writeln!(out, "  {} {} {}", job.id, job.state, job.reason)?;
            }
        }
        // The records above are the run's own; the queue is beside them.
        Err(error) => writeln!(out, "  the queue cannot be asked: {error}")?,
    }
    Ok(())
}

/// The failures of the last launch of the run in `dir`. Stages whose keys are among `made` are none any
/// more.
pub(crate) fn failed(dir: &Path, made: &BTreeSet<&str>) -> anyhow::Result<Failed> {
    let folder = LaunchFolder::of_run(dir);
    if !folder.plan().exists() {
        return Ok(Failed::default());
    }
    of_plan(&folder, &StagePlan::read(dir, None)?, made)
}

fn of_plan(
    folder: &LaunchFolder,
    plan: &StagePlan,
    made: &BTreeSet<&str>,
) -> anyhow::Result<Failed> {
    let mut lines = Vec::new();
    let is_missing = |stage: &&LaunchStage| !made.contains(stage.key.as_str());
    let missing: Vec<&LaunchStage> = plan.stages.iter().filter(is_missing).collect();
    let notes = failures(folder, missing.iter().copied())?;
    let mut lacking = notes.iter().filter(|note| note.lacking).count();
    for note in notes.iter().filter(|note| !note.lacking) {
        let first = note.message.lines().next().unwrap_or_default();
        lines.push(format!("exit code {}: {}: {first}", note.code, note.name));
    }
    for task in given_up(folder)? {
        let is_of = |stage: &&&LaunchStage| task.keys.contains(&stage.key);
        let stages: Vec<&&LaunchStage> = missing.iter().filter(is_of).collect();
        // A process that could say why has said so above.
        let is_noted = |stage: &&LaunchStage| {
            notes.iter().any(|note| {
                note.key == stage.key && Ending::Code(i32::from(note.code)) == task.ending
            })
        };
        let is_results = task.task == RESULTS && missing.is_empty();
        let unsaid: Vec<&&&LaunchStage> = stages.iter().filter(|s| !is_noted(s)).collect();
        if unsaid.is_empty() && !is_results {
            continue;
        }
        let is_noted = |key: &str| notes.iter().any(|note| note.lacking && note.key == key);
        lacking -= unsaid.iter().filter(|stage| is_noted(&stage.key)).count();
        let names: Vec<String> = unsaid.iter().map(|stage| stage.name()).collect();
        let names = if is_results { "the results".to_owned() } else { names.join(", ") };
        let GivenUp { task, ending, attempts, .. } = task;
        let log = folder.log(&task);
        lines.push(format!(
            "{ending}, attempt {attempts}: {names}: its process could not say why; all that it said \
             is in {}",
            log.display()
        ));
    }
    Ok(Failed { lines, lacking })
}
