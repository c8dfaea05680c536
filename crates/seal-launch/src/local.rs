//! Tasks as processes of this machine.
//!
//! Each process has a process group of its own. So a terminal's Ctrl-C reaches the launcher alone,
//! which passes it on once: a second signal would end a stage that is keeping its work. A launcher
//! that is killed leaves its processes at work. They end with their task, and what they made is in
//! the store.

mod memory;
mod process;

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use seal_store::may_halt;

use self::process::{Ended, Process};
use crate::error::{LaunchError, TaskFailure};
use crate::failed::{forget_task, give_up};
use crate::launcher::{Launched, Launcher};
use crate::tasks::RemainingWork;

/// How often processes are looked at.
const POLL: Duration = Duration::from_millis(10);
/// The unit of waits. Tests do not wait.
const UNIT: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(1) };
/// How long to wait before each further attempt after a failure that may pass, such as that of a
/// network.
const NETWORK: [u32; 3] = [5, 30, 120];
/// The same after a signal, such as that of a machine without memory.
const SIGNAL: [u32; 3] = [1, 2, 3];
/// A process that was ended by a signal has this plus the signal's number as its code, if a shell
/// tells it. The program itself says by such codes that it was asked to stop.
const OF_SIGNALS: i32 = 128;
/// The exit code of a failure that may pass.
const MAY_PASS: i32 = 5;

/// What happens to a task. `task` is its number in [`RemainingWork::tasks`].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Its process started.
    Started {
        /// The task.
        task: usize,
        /// The device or devices that it has for itself, if it needs one and there are several.
        device: Option<String>,
    },
    /// Its process ended well.
    Finished {
        /// The task.
        task: usize,
        /// Seconds of the last attempt.
        seconds: f64,
    },
    /// Its process failed in a way that may pass, and is started again.
    Again {
        /// The task.
        task: usize,
        /// The exit code; `None` after a signal.
        code: Option<i32>,
    },
    /// It failed. What depends on it is left out.
    Failed {
        /// The task.
        task: usize,
        /// Why.
        fault: TaskFailure,
    },
}

/// Is told of tasks.
pub trait Observer {
    /// Called at each event.
    fn event(&self, event: &Event);

    /// Whether to stop.
    fn is_cancelled(&self) -> bool;
}

/// A device of this machine, which one process at a time has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnDevice {
    /// Its name, for people.
    pub name: String,
    /// Variables of the environment by which a process sees it alone.
    pub variables: Vec<(String, String)>,
}

/// Runs tasks as processes of this machine, and waits for them.
pub struct Local<'a> {
    /// Is told of tasks.
    pub observer: &'a dyn Observer,
    /// The devices of which each task that computes on one has one, or as many as its stages ask for. As
    /// many tasks without one run beside them. Without any, tasks share what there is.
    pub devices: &'a [OwnDevice],
}

impl Local<'_> {
    /// Its name.
    pub const NAME: &'static str = "local";
    /// The settings that it reads.
    pub const READS: &'static [&'static str] = &["cpus", "memory", "group", "attempts"];
}

impl Launcher for Local<'_> {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn launch(&self, work: &RemainingWork<'_>) -> Result<Launched, LaunchError> {
        work.folder().make("logs")?;
        let left = (0..work.tasks.len()).collect();
        let memory = memory::of_machine();
        // Whoever asks for more jobs than there are cores gets them.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = cores.max(work.jobs.unwrap_or(1)) + self.devices.len();
        let (observer, done, running) = (self.observer, BTreeSet::new(), Vec::new());
        let (failed, devices) = (BTreeSet::new(), self.devices);
        let mut pool = Pool { work, observer, devices, cores, memory, left, done, failed, running };
        let outcome = pool.run();
        match outcome {
            Ok(None) => Ok(Launched::Done),
            Ok(Some(fault)) => Err(LaunchError::Failed(Box::new(fault))),
            Err(error) => {
                pool.stop();
                Err(error)
            }
        }
    }
}

/// A task that runs, or waits to be tried again.
struct RunningTask {
    task: usize,
    attempts: u32,
    process: Option<Process>,
    /// The places of its devices among those of the launcher.
    devices: Vec<usize>,
    /// When to start it again.
    again_at: Instant,
}

struct Pool<'a> {
    work: &'a RemainingWork<'a>,
    observer: &'a dyn Observer,
    devices: &'a [OwnDevice],
    /// Cores that tasks may have together.
    cores: usize,
    /// MiB of this machine, where it says.
    memory: Option<u64>,
    left: BTreeSet<usize>,
    done: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    running: Vec<RunningTask>,
}

impl Pool<'_> {
    /// Runs until nothing is left that can run. Gives the first failure.
    fn run(&mut self) -> Result<Option<TaskFailure>, LaunchError> {
        let mut first = None;
        while !(self.left.is_empty() && self.running.is_empty()) {
            if self.observer.is_cancelled() {
                self.stop();
                return Err(self.cancelled());
            }
            while let Some(task) = self.next() {
                self.left.remove(&task);
                let devices = self.free_devices(self.asks_for(task));
                let own = self.own(&devices);
                let names: Vec<&str> = own.iter().map(|own| own.name.as_str()).collect();
                let is_named = self.devices.len() > 1 && !names.is_empty();
                let device = is_named.then(|| names.join(" and "));
                self.observer.event(&Event::Started { task, device });
                let process = Some(Process::start(self.work, task, &own)?);
                let again_at = Instant::now();
                self.running.push(RunningTask { task, attempts: 1, process, devices, again_at });
                may_halt("launched");
            }
            for fault in self.poll()? {
                first.get_or_insert(fault);
            }
            sleep(POLL);
        }
        Ok(first)
    }

    fn cancelled(&self) -> LaunchError {
        let of = self.work.plan.stages.len();
        let stages = |task: &usize| self.work.tasks[*task].stages.len();
        let all: usize = (0..self.work.tasks.len()).map(|task| stages(&task)).sum();
        let done = of - all + self.done.iter().map(stages).sum::<usize>();
        LaunchError::Cancelled { done, of }
    }

    /// How many devices of the launcher's a task needs. One that needs more than there are has all.
    fn asks_for(&self, task: usize) -> usize {
        let stages = self.work.tasks[task].stages.iter();
        let most = stages.map(|i| self.work.plan.stages[*i].devices()).max();
        most.unwrap_or(0).min(self.devices.len())
    }

    /// The first devices that no task has, up to `n`.
    fn free_devices(&self, n: usize) -> Vec<usize> {
        let is_taken = |device: &usize| self.running.iter().any(|r| r.devices.contains(device));
        (0..self.devices.len()).filter(|device| !is_taken(device)).take(n).collect()
    }

    fn own(&self, devices: &[usize]) -> Vec<&OwnDevice> {
        devices.iter().map(|device| &self.devices[*device]).collect()
    }

    /// Whether another task may run: tasks without a device take no job from those that have one.
    fn has_job(&self, task: usize) -> bool {
        let jobs = self.work.jobs.unwrap_or(1);
        let on_device = self.running.iter().filter(|running| !running.devices.is_empty()).count();
        match (self.devices.len(), self.asks_for(task)) {
            (0, _) => self.running.len() < jobs,
            (most, 0) => self.running.len() - on_device < most,
            (_, n) => on_device < jobs && self.free_devices(n).len() == n,
        }
    }

    /// The first task that may start. No later one takes a device that an earlier one waits for.
    fn next(&self) -> Option<usize> {
        let is_ready = |task: &&usize| {
            let task = &self.work.tasks[**task];
            let has_ended = |before| self.done.contains(before) || self.failed.contains(before);
            task.after.iter().all(has_ended)
        };
        let has_all = |task: &usize| self.has_job(*task) && self.has_room(*task);
        let mut waits_for_devices = false;
        for task in self.left.iter().filter(is_ready) {
            let asks = self.asks_for(*task);
            if has_all(task) && !(waits_for_devices && asks > 0) {
                return Some(*task);
            }
            waits_for_devices |= asks > 1;
        }
        None
    }

    /// Whether cores, memory and services leave room beside the tasks that run. A task that asks for
    /// more than there is runs alone.
    fn has_room(&self, task: usize) -> bool {
        if self.running.is_empty() {
            return true;
        }
        let task = &self.work.tasks[task];
        let of = |running: &RunningTask| &self.work.tasks[running.task];
        let asks_too = |r: &RunningTask| task.network.is_some() && of(r).network == task.network;
        let cores: usize = self.running.iter().map(|running| of(running).needs.cpus).sum();
        let used: u64 = self.running.iter().filter_map(|running| of(running).needs.memory).sum();
        let fits = |most| used.saturating_add(task.needs.memory.unwrap_or(0)) <= most;
        !self.running.iter().any(asks_too)
            && cores + task.needs.cpus <= self.cores
            && self.memory.is_none_or(fits)
    }

    /// Takes note of the processes that have ended, and starts those that are tried again.
    fn poll(&mut self) -> Result<Vec<TaskFailure>, LaunchError> {
        let mut faults = Vec::new();
        let mut i = 0;
        while i < self.running.len() {
            let running = &mut self.running[i];
            let task = running.task;
            let ended = match &mut running.process {
                Some(process) => process.ended()?,
                None if Instant::now() < running.again_at => None,
                None => {
                    let devices = running.devices.iter().map(|device| &self.devices[*device]);
                    let own: Vec<&OwnDevice> = devices.collect();
                    running.process = Some(Process::start(self.work, task, &own)?);
                    running.attempts += 1;
                    None
                }
            };
            let Some(Ended { code, seconds }) = ended else {
                i += 1;
                continue;
            };
            if code == Some(0) {
                self.running.swap_remove(i);
                self.done.insert(task);
                forget_task(&self.work.folder(), &self.work.tasks[task].name)?;
                may_halt("ended");
                self.observer.event(&Event::Finished { task, seconds });
            } else if may_pass(code) && running.attempts < self.work.settings.attempts() {
                let waits = if code == Some(MAY_PASS) { NETWORK } else { SIGNAL };
                let wait = UNIT * waits[(running.attempts - 1).min(2) as usize];
                running.again_at = Instant::now() + wait;
                running.process = None;
                self.observer.event(&Event::Again { task, code });
                i += 1;
            } else {
                let attempts = running.attempts;
                self.running.swap_remove(i);
                self.leave_out(task);
                let fault = process::fault(self.work, task, code, attempts);
                // It is told below, too, so a record that cannot be written changes nothing.
                let ended = (code, attempts);
                let _ = give_up(&self.work.folder(), &self.work.arguments(task), ended);
                self.observer.event(&Event::Failed { task, fault: fault.clone() });
                faults.push(fault);
            }
        }
        Ok(faults)
    }

    /// Leaves out what depends on a stage that a failed task did not make. It may have made others
    /// of its stages, and what depends on those goes on.
    fn leave_out(&mut self, failed: usize) {
        let plan = self.work.plan;
        let is_made = |stage: &usize| {
            let stage = &plan.stages[*stage];
            // Whether the entry is whole, the process that reads it finds out.
            plan.store.join(&stage.stage).join(&stage.key).join("manifest.json").is_file()
        };
        let lacks = |stage: &&usize| !is_made(stage);
        let mut lost: BTreeSet<usize> =
            self.work.tasks[failed].stages.iter().filter(lacks).copied().collect();
        self.failed.insert(failed);
        for (number, task) in self.work.tasks.iter().enumerate().skip(failed + 1) {
            let mut deps = task.stages.iter().flat_map(|stage| &plan.stages[*stage].deps);
            if deps.any(|dep| lost.contains(dep)) {
                lost.extend(&task.stages);
                self.left.remove(&number);
            }
        }
    }

    /// Asks every process to keep its work and to end, and waits for them.
    fn stop(&mut self) {
        for running in &self.running {
            if let Some(process) = &running.process {
                process.ask_to_stop();
            }
        }
        for running in &mut self.running {
            if let Some(process) = &mut running.process {
                process.wait();
            }
        }
        self.running.clear();
    }
}

/// Whether the same process may end well another time: after a signal that this launcher did not
/// send, or where the program says so.
fn may_pass(code: Option<i32>) -> bool {
    code.is_none_or(|code| code == MAY_PASS || code > OF_SIGNALS)
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
