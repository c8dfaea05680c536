//! Starts the stages of a stored plan elsewhere: as processes of this machine, as jobs of Slurm, as
//! tasks of HyperQueue, or as scripts and manifests that a user starts.
//!
//! Invariant: the store alone says which stages are done. No launcher believes a scheduler: a stage
//! that a scheduler calls failed may be in the store, and one that it calls done may not. A stage may
//! be started twice, because a claim lets one process make it. The crate knows nothing of SEAL: a
//! stage is a key, its inputs, what it needs, and a command that makes it.
//!
//! A [`StagePlan`] is a file in the run folder. [`RemainingWork`] is what of it is still to be done, cut into
//! [`Task`]s: one process, one element of a job array, one task. Each way to start them is a
//! [`Launcher`] in a file of its own.

mod cancel;
mod error;
mod failed;
mod folder;
mod hyperqueue;
mod jobs;
mod launcher;
mod local;
mod plan;
mod script;
mod settings;
mod shell;
mod slurm;
mod tasks;

pub use cancel::cancel;
pub use error::{LaunchError, TaskFailure};
pub use failed::{Ending, Failed, GivenUp, failures, forget, forget_task, given_up, note};
pub use folder::LaunchFolder;
pub use hyperqueue::HyperQueue;
pub use jobs::{Jobs, Submitted};
pub use launcher::{Launched, Launcher};
pub use local::{Event, Local, Observer, OwnDevice};
pub use plan::{LaunchStage, StagePlan};
pub use script::Script;
pub use settings::{LaunchSettings, LauncherSetting, Request};
pub use slurm::{Queued, Slurm, queue, refuse_second};
pub use tasks::{RESULTS, RemainingWork, Task};
