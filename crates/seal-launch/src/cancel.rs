//! Cancels what a launch has submitted.

use crate::error::LaunchError;
use crate::folder::LaunchFolder;
use crate::hyperqueue::HyperQueue;
use crate::jobs::Jobs;
use crate::local::Local;
use crate::plan::StagePlan;
use crate::script::Script;
use crate::slurm::{Queued, Slurm, queue, scancel};

/// Cancels the jobs of a launch. Gives the ids of the cancelled jobs.
///
/// # Errors
/// No jobs on record; a launcher without a program that cancels; a cluster that refuses.
pub fn cancel(folder: &LaunchFolder) -> Result<Vec<String>, LaunchError> {
    let Some(jobs) = Jobs::read(folder)? else {
        let launched = launcher(folder);
        let submits = matches!(launched, Some(Slurm::NAME | HyperQueue::NAME));
        return Err(LaunchError::NoJobs { path: folder.jobs(), launched, submits });
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
    let plan = StagePlan::read(out, None).ok()?;
    let own = plan.launch_folder().plan_dir();
    let wrote = |name: &str| own.join(name).is_dir();
    match wrote(Script::NAME) {
        true => Some(Script::NAME),
        // One of these without a record has submitted nothing.
        false if wrote(Slurm::NAME) => Some(Slurm::NAME),
        false if wrote(HyperQueue::NAME) => Some(HyperQueue::NAME),
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
