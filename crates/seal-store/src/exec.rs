//! Runs a graph of stages, several at once, beside other processes that run theirs.

mod error;
mod scheduler;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use seal_files::Holder;

use self::scheduler::{Next, Scheduler, Status, Taken};
use crate::commit::Committed;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::halt::may_halt;
use crate::manifest::StoredFile;
use crate::node::{Job, Node};
use crate::observer::{Event, Observer};
use crate::resources::Capacity;
use crate::runner::{Runner, StageError};
use crate::store::{Begun, Store};
use crate::survey::survey;
use crate::threads::{NoThread, on_threads_of_their_own};

pub use self::error::GraphError;

/// How long to wait before asking again for what another process makes. Doubled each time in which
/// nothing happens, so that many who wait for hours do not keep a server busy. A claim without a
/// beat is noticed by asking, so it is asked for at least once a beat.
const ASK_AGAIN: Duration = Duration::from_millis(50);
const ASK_AGAIN_AT_MOST: Duration = Duration::from_secs(1);

/// What became of a stage.
#[derive(Clone, Debug)]
pub struct Done {
    /// Folder of its output.
    pub dir: PathBuf,
    /// Its files by name.
    pub files: Vec<StoredFile>,
    /// Wall-clock seconds; `None` where it was found, or another process made it.
    pub seconds: Option<f64>,
}

/// Runs every stage that the store lacks, some side by side: those of the lowest wave first
/// ([`Node::wave`]), and of these the longest remaining path. Where a stage fails, what depends on it
/// is left out and the rest goes on. What another process makes meanwhile is not made twice: other
/// stages come first, then it is waited for.
///
/// `read` are the stages whose outputs are read afterwards. What is found damaged is set
/// aside, said, and made again.
///
/// # Errors
/// The first failure, after all that could run has run; no thread to be had. Where the store can
/// only be read, nothing runs, and the first stage that it lacks is the failure. Where the observer
/// asks to stop, [`GraphError::Cancelled`] once the running stages have ended.
pub fn run_graph<W: Sync, R: Runner<W>>(
    nodes: &[Node<W>],
    read: &[usize],
    store: &Store,
    capacity: &Capacity,
    runner: &R,
    observer: &dyn Observer,
) -> Result<Vec<Done>, GraphError<R::Error>> {
    let survey = survey(nodes, read, store, capacity.threads).map_err(GraphError::Store)?;
    if store.read_only().is_some()
        && let Some(i) = survey.found.iter().position(Option::is_none)
    {
        let node = &nodes[i];
        if let Err(error) = store.begin(node.stage, &node.key, &node.inputs) {
            let (stage, label) = (node.stage, node.label.clone());
            return Err(GraphError::Stage { stage, label, source: StageError::Store(error) });
        }
    }
    let status: Vec<Status> = survey
        .found
        .into_iter()
        .map(|found| found.map_or(Status::Waiting, |entry| Status::Done(Done::of(entry, None))))
        .collect();
    let found = status.iter().filter(|s| matches!(s, Status::Done(_))).count();
    let left = nodes.iter().zip(&status).filter(|(_, s)| matches!(s, Status::Waiting));
    let cost = left.map(|(n, _)| n.cost).sum();
    observer.event(&Event::Planned { stages: nodes.len(), found, cost });
    let jobs = capacity.jobs.saturating_add(capacity.beside);
    let workers = jobs.clamp(1, (nodes.len() - found).max(1));
    let state = Scheduler::new(nodes, status, workers);
    let shared = (Mutex::new(state), Condvar::new());
    let exec = Executor { nodes, store, capacity, runner, observer, shared: &shared };
    // A study that is done needs no thread.
    let worked = match found < nodes.len() {
        true => on_threads_of_their_own(workers, || exec.work()),
        false => Ok(()),
    };
    let state = shared.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((i, source)) = state.error {
        let (stage, label) = (nodes[i].stage, nodes[i].label.clone());
        return Err(GraphError::Stage { stage, label, source });
    }
    let done: Option<Vec<Done>> = state.status.iter().map(Status::done).collect();
    done.ok_or_else(|| match (worked, state.no_thread) {
        _ if observer.is_cancelled() => {
            let done = state.status.iter().filter(|s| matches!(s, Status::Done(_))).count();
            GraphError::Cancelled { done, of: nodes.len() }
        }
        // Threads that were not to be had are missed only where the others did not do all.
        (Err(error), _) | (Ok(()), Some(error)) => GraphError::NoThread(error),
        (Ok(()), None) => GraphError::NeverRun,
    })
}

impl Done {
    fn of(entry: Entry, seconds: Option<f64>) -> Self {
        Self { dir: entry.dir, files: entry.files, seconds }
    }
}

/// What came of a try to run a stage.
enum Tried {
    Done(Done),
    /// Another process is at it: this one, if that is known.
    Elsewhere(Option<Holder>),
}

struct Executor<'a, W, R: Runner<W>> {
    nodes: &'a [Node<W>],
    store: &'a Store,
    capacity: &'a Capacity,
    runner: &'a R,
    observer: &'a dyn Observer,
    shared: &'a (Mutex<Scheduler<R::Error>>, Condvar),
}

impl<W: Sync, R: Runner<W>> Executor<'_, W, R> {
    fn state(&self) -> MutexGuard<'_, Scheduler<R::Error>> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One worker: takes stages until all are settled.
    fn work(&self) {
        while let Some(taken) = self.next() {
            let i = taken.node;
            // A panic in a backend must not take the other stages down.
            let tried = catch_unwind(AssertUnwindSafe(|| self.try_stage(&taken)))
                .unwrap_or_else(|panic| Err(StageError::Panicked { message: text_of(&*panic) }));
            let mut state = self.state();
            state.free(self.nodes, taken);
            match tried {
                Ok(Tried::Done(done)) => {
                    let seconds = done.seconds;
                    state.settle(i, done);
                    self.observer.event(&Event::Finished { node: i, seconds });
                }
                Ok(Tried::Elsewhere(by)) => {
                    if state.put_off(i) {
                        self.observer.event(&Event::Elsewhere { node: i, by: by.as_ref() });
                    }
                }
                Err(StageError::Cancelled) => {
                    tracing::info!(stage = self.nodes[i].stage, "stopped on request");
                    state.status[i] = Status::Waiting;
                    self.observer.event(&Event::Cancelled { node: i });
                }
                // The others have threads: they do the work of this one.
                Err(StageError::NoThread(error)) if state.workers > 1 => {
                    tracing::warn!(%error, jobs = state.workers - 1, "fewer jobs than asked for");
                    state.status[i] = Status::Waiting;
                    state.workers -= 1;
                    state.no_thread = Some(error);
                    drop(state);
                    self.shared.1.notify_all();
                    return;
                }
                Err(error) => {
                    let (stage, label) = (self.nodes[i].stage, &self.nodes[i].label);
                    tracing::error!(stage, cell = label, %error, "a stage failed");
                    self.observer.event(&Event::Failed { node: i, error: &error });
                    state.fail(self.nodes, i, error);
                }
            }
            drop(state);
            self.shared.1.notify_all();
        }
    }

    /// The next stage to run, or `None` when all is settled.
    fn next(&self) -> Option<Taken> {
        let mut state = self.state();
        loop {
            if self.observer.is_cancelled() {
                return None;
            }
            match state.next(self.nodes, self.capacity) {
                Next::Run(taken) => return Some(taken),
                Next::Nothing => return None,
                Next::Wait => {
                    let woken = self.shared.1.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                Next::AskAgain => {
                    let wait = state.asks_after(self.store.beat());
                    let woken = self.shared.1.wait_timeout(state, wait);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                    state.ask_again();
                }
            }
        }
    }

    fn try_stage(&self, taken: &Taken) -> Result<Tried, StageError<R::Error>> {
        let Taken { node: i, deps, devices } = taken;
        let (i, devices) = (*i, &devices[..]);
        let node = &self.nodes[i];
        let making = match self.store.begin(node.stage, &node.key, &node.inputs) {
            Ok(Begun::Making(making)) => making,
            Ok(Begun::Found(entry)) => return Ok(Tried::Done(Done::of(entry, None))),
            Ok(Begun::Held(by)) => return Ok(Tried::Elsewhere(by)),
            Err(StoreError::NoThread { source }) => return Err(NoThread::new(source).into()),
            Err(error) => return Err(error.into()),
        };
        if let Some((damage, aside)) = making.set_aside() {
            self.observer.event(&Event::Damaged { node: i, damage, aside });
        }
        if let Some(before) = making.taken_over() {
            self.observer.event(&Event::TakenOver { node: i, before });
        }
        may_halt("claimed");
        self.observer.event(&Event::Started { node: i, devices });
        let device = (!devices.is_empty()).then(|| devices.join(", "));
        tracing::info!(stage = node.stage, cell = node.label, key = %node.key, device, "started");
        let start = Instant::now();
        let progress = |done| self.observer.event(&Event::Progress { node: i, done });
        let goes_on = |unit, at, of| self.observer.event(&Event::Resumed { node: i, unit, at, of });
        let job = Job {
            dir: making.dir(),
            deps,
            unfinished: making.unfinished(),
            devices,
            progress: &progress,
            goes_on: &goes_on,
            keep_every: self.capacity.keep_every,
            is_cancelled: &|| self.observer.is_cancelled(),
        };
        match self.runner.run(node, &job) {
            // Its folders may be gone: what failed is not the work.
            Err(_) if !making.is_held()? => return Ok(self.lost(i)),
            other => other?,
        }
        may_halt("made");
        let entry = match self.store.commit(making)? {
            Committed::Made(entry) => entry,
            Committed::Found(entry) => return Ok(Tried::Done(Done::of(entry, None))),
            Committed::Lost => return Ok(self.lost(i)),
        };
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(stage = node.stage, cell = node.label, seconds, "finished");
        Ok(Tried::Done(Done::of(entry, Some(seconds))))
    }

    /// Another makes it by now.
    fn lost(&self, i: usize) -> Tried {
        self.observer.event(&Event::Lost { node: i });
        Tried::Elsewhere(None)
    }
}

/// The message of a panic.
fn text_of(panic: &(dyn std::any::Any + Send)) -> Option<String> {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
}
