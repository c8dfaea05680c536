//! What Slurm's queue says of the jobs of a launch, and how they are cancelled.

use std::process::Command;

use super::{Slurm, said};
use crate::error::LaunchError;
use crate::jobs::Jobs;

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

/// Cancels jobs.
pub(crate) fn scancel(ids: &[String]) -> Result<(), LaunchError> {
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
