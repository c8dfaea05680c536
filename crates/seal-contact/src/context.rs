//! What a step is given.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use seal_bench::{ChildError, Limits, lines_of};

use crate::fault::StepFault;
use crate::nvidia::Gpu;
use crate::work::DeviceJob;

/// What earlier steps found.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// GPUs of NVIDIA.
    pub gpus: Vec<Gpu>,
    /// What the device seems to lack, with what to type.
    pub lacking: Vec<String>,
    /// Whether the device computes with bf16.
    pub has_bf16: bool,
    /// Seconds of 50 steps of a small model, kernels compiled before.
    pub trial_seconds: Option<f64>,
}

/// What a step is given.
pub struct Context<'a> {
    ends: Instant,
    stop: &'a dyn Fn() -> bool,
    start: &'a dyn Fn(&Path) -> io::Result<Command>,
    note: &'a mut dyn FnMut(&str),
}

/// The longest text of a process that a message repeats.
const LONGEST: usize = 1500;

impl<'a> Context<'a> {
    /// `left` from now on; `stop` says whether a stop was asked for; `start` gives the command that does
    /// the [`DeviceJob`] of a file by [`crate::perform`]; `note` is told what is being done.
    pub fn new(
        left: Duration,
        stop: &'a dyn Fn() -> bool,
        start: &'a dyn Fn(&Path) -> io::Result<Command>,
        note: &'a mut dyn FnMut(&str),
    ) -> Self {
        Self { ends: Instant::now() + left, stop, start, note }
    }

    /// What is left for the step.
    pub fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Whether a stop was asked for.
    pub fn is_stopped(&self) -> bool {
        (self.stop)()
    }

    /// Says what is being done.
    pub fn note(&mut self, what: &str) {
        (self.note)(what);
    }

    /// Does `job` in a process of its own and hands on each line that it prints. The process is ended when
    /// the time of the step is used up, or after `silence` without a line.
    ///
    /// # Errors
    /// A process that fails, crashes, hangs or is stopped.
    pub fn lines(
        &mut self,
        job: &DeviceJob,
        silence: Duration,
        each: &mut dyn FnMut(&str),
    ) -> Result<(), StepFault> {
        let file = |e: io::Error| StepFault::failed(format!("a file for a process: {e}"));
        let folder = tempfile::tempdir().map_err(file)?;
        let path = folder.path().join("job.json");
        let text = serde_json::to_vec(job).map_err(|e| file(e.into()))?;
        std::fs::write(&path, text).map_err(file)?;
        let command = (self.start)(&path).map_err(file)?;
        self.follow(command, silence, each)
    }

    /// As [`Context::lines`], of a command.
    ///
    /// # Errors
    /// As [`Context::lines`].
    pub fn follow(
        &mut self,
        command: Command,
        silence: Duration,
        each: &mut dyn FnMut(&str),
    ) -> Result<(), StepFault> {
        let limits = Limits { whole: Some(self.left()), silence: Some(silence), stop: self.stop };
        lines_of(command, limits, each).map_err(fault)
    }

    /// The last line that `job` prints, as JSON.
    ///
    /// # Errors
    /// As [`Context::lines`]; a line that is no JSON.
    pub fn answer<T: serde::de::DeserializeOwned>(
        &mut self,
        job: &DeviceJob,
        silence: Duration,
    ) -> Result<T, StepFault> {
        let mut last = String::new();
        self.lines(job, silence, &mut |line| line.clone_into(&mut last))?;
        parsed(&last)
    }
}

/// A line of a process.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(line: &str) -> Result<T, StepFault> {
    let odd = |e| StepFault::failed(format!("no answer, but `{}`: {e}", short(line)));
    serde_json::from_str(line).map_err(odd)
}

fn fault(error: ChildError) -> StepFault {
    match error {
        ChildError::Stopped => StepFault::Stopped,
        ChildError::Whole { seconds } => {
            StepFault::Time { said: format!("ended after {seconds:.0} s") }
        }
        ChildError::Silent { .. } => StepFault::failed(format!("{error}: does the device hang?")),
        ChildError::Failed { status, said } => {
            let said = said.strip_prefix("error: ").unwrap_or(&said);
            match (said.is_empty(), status.code()) {
                (true, _) => StepFault::failed(format!("its process ended by itself: {status}")),
                (false, Some(1)) => StepFault::failed(short(said)),
                (false, _) => StepFault::failed(format!("{status}: {}", short(said))),
            }
        }
        ChildError::NotStarted { ref source, .. } => {
            StepFault::failed(format!("{error}: {source}"))
        }
        ChildError::Output(_) | ChildError::NoSample { .. } => StepFault::failed(error.to_string()),
    }
}

/// The end of a long text: what a process said last is what stopped it.
fn short(text: &str) -> String {
    let count = text.chars().count();
    match count > LONGEST {
        true => format!("…{}", text.chars().skip(count - LONGEST).collect::<String>()),
        false => text.to_owned(),
    }
}
