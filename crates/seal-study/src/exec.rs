//! Runs a graph of stages on a few threads.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::observer::{Event, Observer};
use crate::store::{Entry, StoredFile};
use crate::survey::survey;
use crate::threads::{no_threads, on_threads_of_their_own};
use crate::{Key, Store, StudyError};

/// What a stage gets to work with.
pub(crate) struct Job<'a> {
    /// Empty folder for its output.
    pub(crate) dir: &'a Path,
    /// Folders of the stages it depends on, in their order.
    pub(crate) deps: &'a [PathBuf],
    /// Folder for finished parts of its output, to be made by it; outlives a kill.
    pub(crate) unfinished: &'a Path,
    /// Told the share done.
    pub(crate) progress: &'a dyn Fn(f64),
}

pub(crate) type Work<'a> = Box<dyn Fn(&Job<'_>) -> Result<(), StudyError> + Send + Sync + 'a>;

/// A stage of a graph.
pub(crate) struct Node<'a> {
    pub(crate) stage: &'static str,
    pub(crate) label: String,
    pub(crate) key: Key,
    pub(crate) inputs: Value,
    pub(crate) deps: Vec<usize>,
    pub(crate) cost: f64,
    pub(crate) work: Work<'a>,
}

/// What became of a stage.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) dir: PathBuf,
    /// Its files by name.
    pub(crate) files: Vec<StoredFile>,
    /// Wall-clock seconds; `None` where it was found.
    pub(crate) seconds: Option<f64>,
}

/// How many stages run side by side, and on how many threads each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers {
    pub(crate) jobs: usize,
    pub(crate) threads: usize,
}

#[derive(Clone)]
enum Status {
    Waiting,
    Running,
    Done(Done),
    Failed,
}

struct State {
    status: Vec<Status>,
    error: Option<StudyError>,
}

/// Runs every stage that the store lacks, some side by side, the longest remaining path
/// first. Where a stage fails, what depends on it is left out and the rest goes on.
///
/// `read` are the stages whose outputs are read afterwards. What is found damaged is set
/// aside, said, and made again.
///
/// # Errors
/// The first failure, after all that could run has run; no thread to be had.
pub(crate) fn run_graph(
    nodes: &[Node<'_>],
    read: &[usize],
    store: &Store,
    workers: Workers,
    observer: &dyn Observer,
) -> Result<Vec<Done>, StudyError> {
    let priority = priorities(nodes);
    let survey = survey(nodes, read, store, workers)?;
    for (i, damage) in &survey.damaged {
        let node = &nodes[*i];
        let aside = store.set_aside(node.stage, &node.key)?;
        let (file, reason) = (damage.file.display(), &damage.reason);
        observer.event(&Event::Notice {
            message: format!(
                "damaged, and made again: {} {} ({file}: {reason}); the old one is now {}",
                node.stage,
                node.label,
                aside.display()
            ),
        });
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
    let shared = (Mutex::new(State { status, error: None }), Condvar::new());
    let mut worked = Ok(());
    if found < nodes.len() {
        let Workers { jobs, threads } = workers;
        let runner =
            Runner { nodes, store, observer, threads, priority: &priority, shared: &shared };
        let jobs = jobs.clamp(1, nodes.len() - found);
        worked = on_threads_of_their_own(jobs, || runner.work());
    }
    let state = shared.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = state.error {
        return Err(error);
    }
    // A worker that got no threads is missed only where the others did not do all.
    let is_done = |status: &Status| matches!(status, Status::Done(_));
    if !state.status.iter().all(is_done) {
        worked?;
    }
    state
        .status
        .into_iter()
        .map(|s| match s {
            Status::Done(done) => Ok(done),
            _ => Err(StudyError::Defect("a stage was never run".into())),
        })
        .collect()
}

impl Done {
    fn of(entry: Entry, seconds: Option<f64>) -> Self {
        Self { dir: entry.dir, files: entry.files, seconds }
    }
}

/// Cost of the longest path from each stage to an end.
fn priorities(nodes: &[Node<'_>]) -> Vec<f64> {
    let mut below = vec![0.0f64; nodes.len()];
    for i in (0..nodes.len()).rev() {
        below[i] += nodes[i].cost;
        for d in &nodes[i].deps {
            below[*d] = below[*d].max(below[i]);
        }
    }
    below
}

struct Runner<'a, 'n> {
    nodes: &'a [Node<'n>],
    store: &'a Store,
    observer: &'a dyn Observer,
    threads: usize,
    priority: &'a [f64],
    shared: &'a (Mutex<State>, Condvar),
}

impl Runner<'_, '_> {
    fn work(&self) -> Result<(), StudyError> {
        // A pool of its own: small models, with one thread each, lose more than they
        // gain by sharing. No result depends on the number of threads.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.max(1))
            .build()
            .map_err(|e| no_threads(&e))?;
        while let Some((i, deps)) = self.next() {
            let result = pool.install(|| self.run(i, &deps));
            let (lock, changed) = self.shared;
            let mut state = lock.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(done) => {
                    self.observer.event(&Event::Finished {
                        node: i,
                        seconds: done.seconds.unwrap_or(0.0),
                        cost: self.nodes[i].cost,
                    });
                    state.status[i] = Status::Done(done);
                }
                Err(error) => {
                    let node = &self.nodes[i];
                    let label = format!("{} {}", node.stage, node.label);
                    let error = StudyError::Stage { label, source: Box::new(error) };
                    tracing::error!(%error, "a stage failed");
                    self.observer.event(&Event::Failed { node: i, message: error.to_string() });
                    self.fail(&mut state, i);
                    state.error.get_or_insert(error);
                }
            }
            changed.notify_all();
        }
        Ok(())
    }

    fn fail(&self, state: &mut State, i: usize) {
        state.status[i] = Status::Failed;
        for (j, node) in self.nodes.iter().enumerate().skip(i + 1) {
            let waits = matches!(state.status[j], Status::Waiting);
            if waits && node.deps.iter().any(|d| matches!(state.status[*d], Status::Failed)) {
                state.status[j] = Status::Failed;
            }
        }
    }

    /// The next stage to run with its inputs, or `None` when all is settled.
    fn next(&self) -> Option<(usize, Vec<PathBuf>)> {
        let (lock, changed) = self.shared;
        let mut state = lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut best: Option<usize> = None;
            let mut waiting = false;
            for (i, node) in self.nodes.iter().enumerate() {
                if !matches!(state.status[i], Status::Waiting) {
                    continue;
                }
                waiting = true;
                let ready = node.deps.iter().all(|d| matches!(state.status[*d], Status::Done(_)));
                if ready && best.is_none_or(|b| self.priority[i] > self.priority[b]) {
                    best = Some(i);
                }
            }
            if let Some(i) = best {
                state.status[i] = Status::Running;
                let deps = self.nodes[i].deps.iter().filter_map(|d| match &state.status[*d] {
                    Status::Done(done) => Some(done.dir.clone()),
                    _ => None,
                });
                return Some((i, deps.collect()));
            }
            if !waiting {
                return None;
            }
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, i: usize, deps: &[PathBuf]) -> Result<Done, StudyError> {
        let node = &self.nodes[i];
        self.observer.event(&Event::Started {
            node: i,
            stage: node.stage,
            label: node.label.clone(),
            cost: node.cost,
        });
        tracing::info!(stage = node.stage, cell = node.label, key = %node.key, "started");
        let start = Instant::now();
        let dir = self.store.begin(node.stage, &node.key)?;
        let progress = |done| self.observer.event(&Event::Progress { node: i, done });
        let unfinished = self.store.unfinished(node.stage, &node.key);
        let job = Job { dir: &dir, deps, unfinished: &unfinished, progress: &progress };
        // A panic in a backend must not take the other cells down.
        catch_unwind(AssertUnwindSafe(|| (node.work)(&job)))
            .unwrap_or_else(|panic| Err(StudyError::Defect(panic_text(&*panic))))?;
        let entry = self.store.commit(node.stage, &node.key, &node.inputs, &dir)?;
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(stage = node.stage, cell = node.label, seconds, "finished");
        Ok(Done::of(entry, Some(seconds)))
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    format!("panicked: {}", seal_device::panic_message(panic).unwrap_or("no message"))
}
