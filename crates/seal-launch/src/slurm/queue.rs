//! What Slurm's queue says of the jobs of a launch, and how they are cancelled.

use std::process::Command;

use super::{Slurm, said};
use crate::error::LaunchError;
use crate::folder::LaunchFolder;
use crate::hyperqueue::HyperQueue;
use crate::jobs::Jobs;
use crate::local::Local;
use crate::plan::Plan;
use crate::script::Script;

/// A job or a part of a job array that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id, with the numbers of the tasks for a part of an array.
    pub id: String,
    /// Its state in Slurm's words.
    pub state: String,
    /// Why it waits, or where it runs.
    pub reason: String,
}

/// Those of `jobs` that are in the queue.
///
/// # Errors
/// A cluster that cannot be asked.
pub fn queue(jobs: &Jobs) -> Result<Vec<Queued>, LaunchError> {
    if jobs.launcher != Slurm::NAME || jobs.jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = Command::new("squeue");
    command.args(["-h", "-o", "%i|%T|%R", "-j", &jobs.ids().join(",")]);
    match said(command) {
        Ok(text) => Ok(parsed(&text)),
        // Slurm forgets ids after a while, and then calls them invalid.
        Err(LaunchError::Refused { said, .. }) if said.contains("Invalid job id") => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// States of jobs that have ended.
const ENDS: [&str; 9] = [
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "TIMEOUT",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "BOOT_FAIL",
    "DEADLINE",
];

fn parsed(text: &str) -> Vec<Queued> {
    let one = |line: &str| {
        let mut parts = line.trim().splitn(3, '|').map(str::to_owned);
        Some(Queued { id: parts.next()?, state: parts.next()?, reason: parts.next()? })
    };
    // Those that have ended stay for some minutes.
    let has_ended = |queued: &Queued| ENDS.iter().any(|end| queued.state.starts_with(end));
    text.lines().filter_map(one).filter(|queued| !has_ended(queued)).collect()
}

/// Cancels the jobs of a launch. Gives the ids of the cancelled jobs.
///
/// # Errors
/// No jobs on record; a launcher without a program that cancels; a cluster that refuses.
pub fn cancel(folder: &LaunchFolder) -> Result<Vec<String>, LaunchError> {
    let Some(jobs) = Jobs::read(folder)? else {
        return Err(LaunchError::NoJobs { path: folder.jobs(), launched: launcher(folder) });
    };
    if jobs.launcher != Slurm::NAME {
        let ids = jobs.ids();
        return Err(LaunchError::NotCancelled { launcher: jobs.launcher, jobs: ids });
    }
    let ids = match queue(&jobs) {
        Ok(left) => waiting(&jobs, &left),
        Err(_) => jobs.ids(),
    };
    scancel(&ids)?;
    Ok(ids)
}

/// The launcher of the last launch, which recorded no jobs. What it wrote tells which it was.
fn launcher(folder: &LaunchFolder) -> Option<&'static str> {
    let out = folder.dir().parent()?;
    let plan = Plan::read(out, None).ok()?;
    let own = plan.launch_folder().own();
    let wrote = |name: &str| own.join(name).is_dir();
    match wrote(Script::NAME) {
        true => Some(Script::NAME),
        // One of these without a record has submitted nothing.
        false if wrote(Slurm::NAME) || wrote(HyperQueue::NAME) => None,
        false => Some(Local::NAME),
    }
}

/// Those of `jobs` that are in the queue. Slurm refuses to cancel jobs that it has forgotten.
fn waiting(jobs: &Jobs, left: &[Queued]) -> Vec<String> {
    let is_left = |id: &String| {
        let of = |queued: &Queued| queued.id.split(['_', '+']).next() == Some(id);
        left.iter().any(of)
    };
    jobs.ids().into_iter().filter(is_left).collect()
}

/// Cancels jobs.
pub(super) fn scancel(ids: &[String]) -> Result<(), LaunchError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("scancel");
    command.args(ids);
    said(command).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_have_ended_are_not_in_the_queue() {
        let text = "12_[3-4%2]|PENDING|(Dependency)\n12_1|RUNNING|node1\n12_0|COMPLETED|node1\n\n";
        let queued = parsed(text);
        let ids: Vec<&str> = queued.iter().map(|queued| queued.id.as_str()).collect();
        assert_eq!(ids, ["12_[3-4%2]", "12_1"]);
        assert_eq!((queued[0].state.as_str(), queued[1].reason.as_str()), ("PENDING", "node1"));
    }
}
