//! Runs the stages of a study: the executor of `seal-store` with the errors and events of a
//! study.

use seal_store::{
    Capacity, Found, GraphError, Holder, InProcess, NoThread, PreviousHolder, StageError, Store,
    run_graph as run_stages,
};

use crate::config::Devices;
use crate::error::{Defect, StudyError};
use crate::kept_base::keep_base;
use crate::observer::{Event, Observer};
use crate::options::Workers;

pub(crate) use seal_store::{Done, Job};

/// A stage's work.
pub(crate) type Work<'a> = seal_store::Work<'a, StudyError>;

/// A stage of a study.
pub(crate) type Node<'a> = seal_store::Node<Work<'a>>;

/// As [`seal_store::run_graph`], in this process. Each stage that computes with a model has one of the
/// devices of `workers` for itself, if it has any.
///
/// # Errors
/// The first failure, after all that could run has run.
pub(crate) fn run_graph(
    nodes: &[Node<'_>],
    read: &[usize],
    store: &Store,
    workers: &Workers,
    observer: &dyn Observer,
) -> Result<Vec<Done>, StudyError> {
    let _kept = keep_base(workers.keep_base);
    let Workers { jobs, threads, keep_every, .. } = *workers;
    // One device needs no name in every line.
    let names_devices = workers.devices.len() > 1;
    let capacity = match workers.devices.is_empty() {
        true => Capacity::new(jobs, threads),
        false => Capacity::on_devices(jobs, threads, &workers.kind, workers.devices.clone()),
    };
    let capacity = Capacity { keep_every, ..capacity };
    let told = StageEvents { nodes, observer, names_devices };
    let runner = InProcess::cancelled_by(StudyError::is_cancelled);
    run_stages(nodes, read, store, &capacity, &runner, &told).map_err(StudyError::from)
}

/// The devices of a list, for stages to take. Where the store has all that needs one, none has to be
/// there.
///
/// # Errors
/// Devices that the machine does not have; a store that cannot be read.
pub(crate) fn to_take(
    nodes: &[Node<'_>],
    store: &Store,
    devices: &Devices,
    per_stage: usize,
) -> Result<Vec<String>, StudyError> {
    let error = match devices.to_take(per_stage) {
        Ok(devices) => return Ok(devices),
        Err(error) => error,
    };
    for node in nodes.iter().filter(|node| node.needs.device.is_some()) {
        if !matches!(store.find(node.stage, &node.key, &node.inputs)?, Found::Entry(_)) {
            return Err(error.into());
        }
    }
    Ok(Vec::new())
}

/// A process, for people.
fn place_of(holder: &Holder) -> String {
    format!("process {} on {}", holder.process, holder.host)
}

/// Tells a study's observer of the events of the executor.
struct StageEvents<'a, 'n> {
    nodes: &'a [Node<'n>],
    observer: &'a dyn Observer,
    /// Whether to say which device a stage has.
    names_devices: bool,
}

impl StageEvents<'_, '_> {
    fn started(&self, i: usize, devices: &[String]) {
        let node = &self.nodes[i];
        let (stage, label, cost) = (node.stage, node.label.clone(), node.cost);
        let is_named = self.names_devices && !devices.is_empty();
        let device = is_named.then(|| devices.join(" and "));
        self.observer.event(&Event::Started { node: i, stage, label, cost, device });
    }

    fn notice(&self, message: String) {
        self.observer.event(&Event::Notice { message });
    }
}

impl seal_store::Observer for StageEvents<'_, '_> {
    fn event(&self, event: &seal_store::Event<'_>) {
        use seal_store::Event as Of;
        match *event {
            Of::Planned { stages, found, cost } => {
                self.observer.event(&Event::Planned { stages, found, cost });
            }
            Of::Damaged { node, damage, aside } => {
                let (of, aside) = (&self.nodes[node], aside.display());
                let (stage, label) = (of.stage, &of.label);
                self.notice(format!(
                    "damaged, and made again: {stage} {label} ({damage}); the old one is now {aside}"
                ));
            }
            Of::Elsewhere { node, by } => {
                let of = &self.nodes[node];
                let by = by.map_or_else(String::new, |by| format!(" ({})", place_of(by)));
                self.notice(format!(
                    "{} {}: another run makes it{by}; this one waits for it if there is nothing \
                     else to do",
                    of.stage, of.label
                ));
            }
            Of::TakenOver { node, before } => {
                let of = &self.nodes[node];
                let whose = match before {
                    PreviousHolder::Ended(holder) => {
                        format!("{}, which has ended", place_of(holder))
                    }
                    PreviousHolder::Silent(Ok(holder)) => {
                        format!("{}, which gives no sign of life", place_of(holder))
                    }
                    PreviousHolder::Silent(Err(flaw)) => flaw.to_string(),
                };
                self.notice(format!("{} {}: taken over from {whose}", of.stage, of.label));
            }
            Of::Lost { node } => {
                let of = &self.nodes[node];
                self.notice(format!(
                    "{} {}: this run gave no sign of life for so long that another makes it; its \
                     own work on it is thrown away",
                    of.stage, of.label
                ));
            }
            Of::Resumed { node, unit, at, of } => {
                let stage = &self.nodes[node];
                self.notice(format!(
                    "{} {}: goes on after {unit} {at} of {of}, which an earlier run kept",
                    stage.stage, stage.label
                ));
            }
            Of::Started { node, devices } => self.started(node, devices),
            Of::Progress { node, done } => self.observer.event(&Event::Progress { node, done }),
            Of::Finished { node, seconds } => {
                if seconds.is_none() {
                    self.started(node, &[]);
                }
                let (seconds, cost) = (seconds.unwrap_or(0.0), self.nodes[node].cost);
                self.observer.event(&Event::Finished { node, seconds, cost });
            }
            Of::Failed { node, error } => {
                let of = &self.nodes[node];
                let message = format!("{} {}: {error}", of.stage, of.label);
                self.observer.event(&Event::Failed { node, message });
            }
            Of::Cancelled { node } => {
                let of = &self.nodes[node];
                self.notice(format!("{} {}: stopped on request", of.stage, of.label));
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        self.observer.is_cancelled()
    }
}

impl From<GraphError<StudyError>> for StudyError {
    fn from(error: GraphError<StudyError>) -> Self {
        match error {
            GraphError::Store(error) => error.into(),
            GraphError::Stage { stage, label, source } => {
                let source = match source {
                    StageError::Work(error) => error,
                    StageError::Store(error) => error.into(),
                    StageError::NoThread(error) => error.into(),
                    StageError::Cancelled => Self::Cancelled { stages: None },
                    StageError::Panicked { message } => Defect::Panicked { message }.into(),
                };
                Self::Stage { label: format!("{stage} {label}"), source: Box::new(source) }
            }
            GraphError::NoThread(error) => error.into(),
            GraphError::Cancelled { done, of } => Self::Cancelled { stages: Some((done, of)) },
            GraphError::NeverRun => Defect::NeverRun.into(),
        }
    }
}

impl From<NoThread> for StudyError {
    fn from(error: NoThread) -> Self {
        Self::NoThreads { reason: error.source.to_string() }
    }
}
