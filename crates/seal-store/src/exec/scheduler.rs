//! What became of each stage so far, and which is next.

use std::path::PathBuf;
use std::time::Duration;

use super::{ASK_AGAIN, ASK_AGAIN_AT_MOST, Done};
use crate::node::Node;
use crate::resources::{Capacity, InUse};
use crate::runner::StageError;
use crate::threads::NoThread;

#[derive(Clone)]
pub(super) enum Status {
    Waiting,
    /// Another process was at it when it was last asked for.
    Elsewhere,
    Running,
    Done(Done),
    Failed,
}

impl Status {
    pub(super) fn done(&self) -> Option<Done> {
        match self {
            Self::Done(done) => Some(done.clone()),
            _ => None,
        }
    }
}

/// What a worker does next.
pub(super) enum Next {
    /// Runs this stage.
    Run(Taken),
    /// Waits until another worker is done with a stage.
    Wait,
    /// As `Wait`, and asks again for what another process makes.
    AskAgain,
    /// Ends: nothing is left to start.
    Nothing,
}

/// A stage that was chosen, with what it works on.
pub(super) struct Taken {
    pub(super) node: usize,
    /// The folders that it reads.
    pub(super) deps: Vec<PathBuf>,
    /// The devices that it computes on, if it does.
    pub(super) devices: Vec<String>,
}

pub(super) struct Scheduler<E> {
    pub(super) status: Vec<Status>,
    /// The first failure.
    pub(super) error: Option<(usize, StageError<E>)>,
    /// Workers that have not ended for want of threads.
    pub(super) workers: usize,
    /// Why the last of the others ended.
    pub(super) no_thread: Option<NoThread>,
    in_use: InUse,
    /// Stages of which it was said that another process makes them.
    said: Vec<bool>,
    /// Rounds in which nothing was to be done but to ask for stages of other processes.
    idle: u32,
    priority: Vec<Priority>,
}

impl<E> Scheduler<E> {
    pub(super) fn new<W>(nodes: &[Node<W>], status: Vec<Status>, workers: usize) -> Self {
        let said = vec![false; status.len()];
        let priority = priorities(nodes);
        let in_use = InUse::default();
        Self { status, error: None, workers, no_thread: None, in_use, said, idle: 0, priority }
    }

    /// Chooses a stage among those whose inputs are there and whose needs are free, and takes these:
    /// one of the lowest wave, and of its wave the one with the longest remaining path. No stage takes
    /// a device that an earlier one waits for, which needs several.
    pub(super) fn next<W>(&mut self, nodes: &[Node<W>], capacity: &Capacity) -> Next {
        let is_done = |d: &usize| matches!(self.status[*d], Status::Done(_));
        let waits_for_devices = self.waits_for_devices(nodes, capacity);
        let is_held_back = |i: usize| {
            let before = |first: usize| self.priority[first].is_before(self.priority[i]);
            nodes[i].needs.device.is_some() && waits_for_devices.is_some_and(before)
        };
        let mut best: Option<usize> = None;
        let (mut waits, mut is_elsewhere) = (false, false);
        for (i, node) in nodes.iter().enumerate() {
            match self.status[i] {
                Status::Waiting => waits = true,
                Status::Elsewhere => {
                    is_elsewhere = true;
                    continue;
                }
                Status::Running | Status::Done(_) | Status::Failed => continue,
            }
            if best.is_none_or(|b| self.priority[i].is_before(self.priority[b]))
                && node.deps.iter().all(is_done)
                && self.in_use.leaves_room(&node.needs, capacity)
                && !is_held_back(i)
            {
                best = Some(i);
            }
        }
        let Some(i) = best else {
            return match (is_elsewhere, waits && self.runs()) {
                (true, _) => Next::AskAgain,
                (false, true) => Next::Wait,
                (false, false) => Next::Nothing,
            };
        };
        self.status[i] = Status::Running;
        let devices = self.in_use.take(&nodes[i].needs, capacity);
        let deps = nodes[i].deps.iter().filter_map(|d| Some(self.status[*d].done()?.dir));
        Next::Run(Taken { node: i, deps: deps.collect(), devices })
    }

    /// The first stage in order that needs several devices, of which too few are free now.
    fn waits_for_devices<W>(&self, nodes: &[Node<W>], capacity: &Capacity) -> Option<usize> {
        let is_done = |d: &usize| matches!(self.status[*d], Status::Done(_));
        let waits = |i: &usize| {
            let node = &nodes[*i];
            node.needs.devices > 1
                && matches!(self.status[*i], Status::Waiting)
                && node.deps.iter().all(is_done)
                && !self.in_use.leaves_room(&node.needs, capacity)
        };
        let earlier = |a: usize, b: usize| match self.priority[b].is_before(self.priority[a]) {
            true => b,
            false => a,
        };
        (0..nodes.len()).filter(waits).reduce(earlier)
    }

    fn runs(&self) -> bool {
        self.status.iter().any(|status| matches!(status, Status::Running))
    }

    /// Gives back what a stage needed while it ran.
    pub(super) fn free<W>(&mut self, nodes: &[Node<W>], taken: Taken) {
        self.in_use.give_back(&nodes[taken.node].needs, taken.devices);
    }

    /// Leaves a stage to another process for now. True the first time.
    pub(super) fn put_off(&mut self, i: usize) -> bool {
        self.status[i] = Status::Elsewhere;
        !std::mem::replace(&mut self.said[i], true)
    }

    /// How long to wait until stages of other processes are asked for again.
    pub(super) fn asks_after(&self, beat: Duration) -> Duration {
        let most = ASK_AGAIN_AT_MOST.min(beat).max(ASK_AGAIN);
        ASK_AGAIN.saturating_mul(1 << self.idle.min(10)).min(most)
    }

    /// A stage is done.
    pub(super) fn settle(&mut self, i: usize, done: Done) {
        self.status[i] = Status::Done(done);
        self.idle = 0;
    }

    /// Stages of other processes may be asked for again.
    pub(super) fn ask_again(&mut self) {
        self.idle += 1;
        for status in self.status.iter_mut().filter(|s| matches!(s, Status::Elsewhere)) {
            *status = Status::Waiting;
        }
    }

    /// Notes a failure, and leaves out all that depends on the stage.
    pub(super) fn fail<W>(&mut self, nodes: &[Node<W>], i: usize, error: StageError<E>) {
        self.status[i] = Status::Failed;
        // A stage comes after all that it depends on: one pass finds all.
        for (j, node) in nodes.iter().enumerate() {
            let waits = matches!(self.status[j], Status::Waiting);
            if waits && node.deps.iter().any(|d| matches!(self.status[*d], Status::Failed)) {
                self.status[j] = Status::Failed;
            }
        }
        self.error.get_or_insert((i, error));
    }
}

/// What decides which of two stages starts first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Priority {
    /// The lowest wave of the stage and of all that depend on it.
    wave: usize,
    /// Cost of the longest path from the stage to an end.
    path: f64,
}

impl Priority {
    fn is_before(self, other: Self) -> bool {
        self.wave < other.wave || self.wave == other.wave && self.path > other.path
    }
}

fn priorities<W>(nodes: &[Node<W>]) -> Vec<Priority> {
    let of = |node: &Node<W>| Priority { wave: node.wave, path: 0.0 };
    let mut all: Vec<Priority> = nodes.iter().map(of).collect();
    for i in (0..nodes.len()).rev() {
        all[i].path += nodes[i].cost;
        let Priority { wave, path } = all[i];
        for d in &nodes[i].deps {
            all[*d].path = all[*d].path.max(path);
            all[*d].wave = all[*d].wave.min(wave);
        }
    }
    all
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
