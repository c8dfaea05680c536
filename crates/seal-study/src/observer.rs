//! What a run tells while it runs.

use std::path::PathBuf;

/// Something that happened. Costs are relative: 1 is about a second on one
/// core of a small machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What is ahead.
    Planned {
        /// Stages in all.
        stages: usize,
        /// Of these, found in the store.
        found: usize,
        /// Cost of what is left.
        cost: f64,
    },
    /// A stage began.
    Started {
        /// Its number.
        node: usize,
        /// Its stage.
        stage: &'static str,
        /// Arm and seed.
        label: String,
        /// Its cost.
        cost: f64,
        /// The device that it has for itself, where there are several.
        device: Option<String>,
    },
    /// A stage went on.
    Progress {
        /// Its number.
        node: usize,
        /// Share done, 0 to 1.
        done: f64,
    },
    /// A stage is done and stored.
    Finished {
        /// Its number.
        node: usize,
        /// Wall-clock time it took.
        seconds: f64,
        /// Its cost.
        cost: f64,
    },
    /// A stage failed; what depends on it will not run.
    Failed {
        /// Its number.
        node: usize,
        /// Why.
        message: String,
    },
    /// Something was found that the user should know, and the run goes on: a damaged file
    /// that is made again, a file that is no longer of the study.
    Notice {
        /// What, where, and what was done about it.
        message: String,
    },
    /// A file of the report was written.
    Report {
        /// The file.
        path: PathBuf,
    },
}

/// Receives events, from several threads.
pub trait Observer: Sync {
    /// Called at each event.
    fn event(&self, event: &Event);

    /// Whether to stop. Stages that run keep what they have, and no other begins: the run ends
    /// with [`StudyError::Cancelled`](crate::StudyError::Cancelled), and a later one goes on.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event) {}
}
