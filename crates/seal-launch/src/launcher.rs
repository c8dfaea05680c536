//! The one seam between a plan and those who start its stages.

use std::path::PathBuf;

use crate::error::LaunchError;
use crate::jobs::Submitted;
use crate::tasks::RemainingWork;

/// Starts the tasks of a plan somewhere.
///
/// This is no [`seal_store::Runner`]: a runner works for a process that holds the claim of the stage
/// and waits. A launcher may end before the first stage begins, so every claim is taken by the
/// process that makes the stage.
pub trait Launcher {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Starts or submits all tasks, or writes what starts them.
    ///
    /// # Errors
    /// A program that is missing or refuses; a file that cannot be written; a task that failed, where
    /// the launcher waits for them.
    fn launch(&self, work: &RemainingWork<'_>) -> Result<Launched, LaunchError>;
}

/// What a launch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launched {
    /// Every task has ended well.
    Done,
    /// The tasks wait or run, in these jobs.
    Submitted(Vec<Submitted>),
    /// A user starts the tasks by these files.
    Written(Vec<PathBuf>),
}
