//! What an executor tells while it runs.

use std::error::Error;
use std::path::Path;

use seal_files::{Holder, PreviousHolder};

use crate::damage::Damage;

/// Something that happened. Stages are named by their numbers in the graph.
#[derive(Debug)]
pub enum Event<'a> {
    /// What is ahead.
    Planned {
        /// Stages in all.
        stages: usize,
        /// Of these, found in the store.
        found: usize,
        /// Cost of the others.
        cost: f64,
    },
    /// The entry of a stage cannot be used, and will be made again.
    Damaged {
        /// The stage.
        node: usize,
        /// What is wrong with the entry.
        damage: &'a Damage,
        /// Where it is now.
        aside: &'a Path,
    },
    /// Another process makes the output of a stage. Said once a stage.
    Elsewhere {
        /// The stage.
        node: usize,
        /// That process, if its claim says so.
        by: Option<&'a Holder>,
    },
    /// The output of a stage is taken over from a process that is gone.
    TakenOver {
        /// The stage.
        node: usize,
        /// That process.
        before: &'a PreviousHolder,
    },
    /// This process gave no sign of life for so long that another took over the output of a stage.
    /// Its own work on it is thrown away.
    Lost {
        /// The stage.
        node: usize,
    },
    /// A stage began.
    Started {
        /// The stage.
        node: usize,
        /// The devices that it has, if it needs one or more.
        devices: &'a [String],
    },
    /// A stage went on.
    Progress {
        /// The stage.
        node: usize,
        /// Share done, 0 to 1.
        done: f64,
    },
    /// A stage goes on where an earlier run left it.
    Resumed {
        /// The stage.
        node: usize,
        /// What is counted, such as steps.
        unit: &'static str,
        /// How many of them are done.
        at: usize,
        /// How many there are.
        of: usize,
    },
    /// The output of a stage is in the store.
    Finished {
        /// The stage.
        node: usize,
        /// Seconds that it took; `None` where another process made it.
        seconds: Option<f64>,
    },
    /// A stage failed. Stages that depend on it will not run.
    Failed {
        /// The stage.
        node: usize,
        /// Why.
        error: &'a dyn Error,
    },
    /// A stage stopped because the observer asked for it. It goes on in a later run.
    Cancelled {
        /// The stage.
        node: usize,
    },
}

/// Receives events, from several threads.
pub trait Observer: Sync {
    /// Called at each event.
    fn event(&self, event: &Event<'_>);

    /// Whether to stop. No stage is begun any more. Those that run are asked to keep what they
    /// have and to end ([`Job::is_cancelled`](crate::Job::is_cancelled)).
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}
