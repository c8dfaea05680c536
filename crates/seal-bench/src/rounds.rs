//! Measurements in alternation, each in a process of its own.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use seal_lm::WeightFormat;
use serde::Serialize;

use crate::child::{ChildError, Limits, sample_of};
use crate::job::{BenchJob, Sample};
use crate::peer::{Peer, PeerError};
use crate::work::BenchWork;

/// What to measure.
#[derive(Clone, Debug)]
pub struct BenchPlan {
    /// Shapes with their rows.
    pub jobs: Vec<BenchJob>,
    /// Kinds of work.
    pub works: Vec<BenchWork>,
    /// Names of devices, each a contestant.
    pub devices: Vec<String>,
    /// Other programs, each a contestant.
    pub peers: Vec<Peer>,
    /// How often each is measured, in turns.
    pub rounds: usize,
    /// Threads of each measurement.
    pub threads: usize,
    /// Number format of the weights.
    pub format: WeightFormat,
}

/// A measurement that a process of the caller's own program is to do, by [`crate::measure`].
#[derive(Clone, Copy, Debug)]
pub struct OwnJob<'a> {
    /// A file with a [`BenchJob`] as JSON.
    pub file: &'a Path,
    /// The kind of work.
    pub work: BenchWork,
    /// Name of the device, or of several with `+` between, which share each step of training.
    pub device: &'a str,
    /// Threads of the measurement.
    pub threads: usize,
    /// Number format of the weights.
    pub format: WeightFormat,
}

/// A measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The shape.
    pub case: String,
    /// The kind of work.
    pub work: BenchWork,
    /// `seal flex`, `torch lean`.
    pub by: String,
    /// From 0.
    pub round: usize,
    /// Times and memory.
    #[serde(flatten)]
    pub sample: Sample,
}

/// Measurements that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum RoundsError {
    /// A Python that cannot do the work.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The file of a job cannot be written.
    #[error("the file of a measurement")]
    File(#[source] io::Error),
    /// One measurement failed.
    #[error("{what}")]
    Measurement {
        /// Which.
        what: String,
        /// Why.
        source: ChildError,
    },
}

/// Measures all of `plan`; `said` is told of each before it starts. `own` gives the command by which the
/// caller's program does one measurement and prints its [`Sample`] as the last line.
///
/// # Errors
/// The first measurement that fails. A peer that lacks a module fails before anything is measured.
pub fn run(
    plan: &BenchPlan,
    own: &dyn Fn(&OwnJob<'_>) -> io::Result<Command>,
    mut said: impl FnMut(&str),
) -> Result<Vec<Measured>, RoundsError> {
    plan.peers.iter().try_for_each(Peer::check)?;
    let folder = tempfile::tempdir().map_err(RoundsError::File)?;
    let mut out = Vec::new();
    for job in &plan.jobs {
        let file = folder.path().join("job.json");
        let text = serde_json::to_vec(job).map_err(io::Error::from);
        text.and_then(|text| fs::write(&file, text)).map_err(RoundsError::File)?;
        for work in &plan.works {
            for round in 0..plan.rounds {
                for (by, command) in contestants(plan, *work, &file, own)? {
                    let name = &job.case.name;
                    said(&format!("{name} {work}: {by}, round {} of {}", round + 1, plan.rounds));
                    let failed = |source| {
                        let what = format!("{name} {work}: {by}");
                        RoundsError::Measurement { what, source }
                    };
                    let sample = sample_of(command, Limits::NONE).map_err(failed)?;
                    let (case, work) = (name.clone(), *work);
                    out.push(Measured { case, work, by, round, sample });
                }
            }
        }
    }
    Ok(out)
}

fn contestants(
    plan: &BenchPlan,
    work: BenchWork,
    file: &Path,
    own: &dyn Fn(&OwnJob<'_>) -> io::Result<Command>,
) -> Result<Vec<(String, Command)>, RoundsError> {
    let mut out = Vec::new();
    let threads = plan.threads.to_string();
    for device in &plan.devices {
        let job = OwnJob { file, work, device, threads: plan.threads, format: plan.format };
        let mut command = own(&job).map_err(RoundsError::File)?;
        command.env("RAYON_NUM_THREADS", &threads).env("OMP_NUM_THREADS", &threads);
        out.push((format!("seal {device}"), command));
    }
    // On the GPU where one of the devices is.
    let on_gpu = plan.devices.iter().any(|device| device.contains("cuda"));
    for peer in plan.peers.iter().filter(|peer| peer.can(work)) {
        let command = peer.command(file, work, plan.format, on_gpu, plan.threads);
        out.push((format!("torch {}", peer.form), command));
    }
    Ok(out)
}
