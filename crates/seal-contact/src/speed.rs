//! The step that measures speed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use seal_bench::{BenchJob, BenchWork, Case, Peer, STEPS, Sample, TorchMode};
use seal_device::{Backend, DeviceSpec};
use seal_lm::WeightFormat;

use crate::context::{Context, Known, parsed};
use crate::fault::StepFault;
use crate::nvidia::bf16_peak;
use crate::results::Results;
use crate::shapes::{LARGE, SMALL, fits, rate, seconds};
use crate::step::{Step, StepFound};
use crate::work::DeviceJob;

/// Seconds of the 50 steps of the trial from which on a device is slow, and gets fewer steps.
const SLOW: f64 = 5.0;
/// Steps that are timed on a slow device.
const FEW_STEPS: usize = 4;

pub(crate) struct Speed {
    pub(crate) device: DeviceSpec,
    /// Bytes of the device's memory, if they are known.
    pub(crate) memory: Option<u64>,
    /// A Python with torch, if one was named.
    pub(crate) python: Option<PathBuf>,
    /// Threads of a process.
    pub(crate) threads: usize,
}

impl Step for Speed {
    fn name(&self) -> &'static str {
        "speed"
    }

    fn title(&self) -> &'static str {
        "speed of training, scoring and generation"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["trial"]
    }

    fn until(&self) -> f64 {
        1.0
    }

    fn estimate(&self, known: &Known) -> Duration {
        Duration::from_secs_f64(3.0 + known.trial_seconds.unwrap_or(1.0))
    }

    fn run(
        &mut self,
        context: &mut Context<'_>,
        known: &mut Known,
    ) -> Result<StepFound, StepFault> {
        let file = |e: std::io::Error| StepFault::failed(format!("a folder for jobs: {e}"));
        let folder = tempfile::tempdir().map_err(file)?;
        let mut results = Results::default();
        let peers = self.peers(folder.path(), &mut results).map_err(file)?;
        let mut small = Case::named(SMALL).ok_or_else(|| StepFault::failed("no small shape"))?;
        if known.trial_seconds.is_some_and(|seconds| seconds > SLOW) {
            small.steps = FEW_STEPS;
        }
        let mut at = None;
        self.measure(
            &small,
            WeightFormat::F32,
            None,
            (context, folder.path(), &peers),
            &mut results,
        )?;
        if let Some(first) = results.measured.first() {
            at = rate(&first.sample);
        }
        let format = self.format(known);
        if let (Some(rate), None) = (at, &results.ended)
            && let Some(large) = self.largest(known, rate, context.left(), &mut results.left_out)
        {
            let place = (context, folder.path(), &peers[..]);
            self.measure(&large, format, Some(rate), place, &mut results)?;
        }
        Ok(results.found(self.peak(known), !self.format(known).is_f32()))
    }
}

impl Speed {
    /// The largest shape that the device's memory and the time take.
    fn largest(
        &self,
        known: &Known,
        rate: f64,
        left: Duration,
        left_out: &mut Vec<String>,
    ) -> Option<Case> {
        let has_kernels = self.device.backend == Backend::Flex;
        let threads = has_kernels.then_some(self.threads);
        let memory = self.memory_of(known);
        let format = self.format(known);
        for name in LARGE {
            let case = Case::named(name)?;
            let needed = seconds(&case, BenchWork::Selector, rate);
            let why = match memory {
                Some(memory) if !fits(&case, format, memory, threads) => {
                    "the device has too little memory for it".to_owned()
                }
                // Which of them fits is not known: the smallest of them does almost everywhere.
                None if name != LARGE[LARGE.len() - 1] => {
                    "the device's memory is not known".to_owned()
                }
                _ if needed > left.as_secs_f64() => {
                    let left = left.as_secs();
                    format!(
                        "its first measurement takes about {needed:.0} s, and {left} s are left"
                    )
                }
                _ => return Some(case),
            };
            left_out.push(format!("{name}: {why}"));
        }
        None
    }

    /// The forms of PyTorch that can be measured beside.
    fn peers(&self, folder: &Path, results: &mut Results) -> std::io::Result<Vec<Peer>> {
        let Some(python) = &self.python else {
            results.left_out.push("PyTorch: no Python was named".to_owned());
            return Ok(Vec::new());
        };
        let script = folder.join("steps.py");
        std::fs::write(&script, STEPS)?;
        let of = |form| Peer { python: python.clone(), script: script.clone(), form };
        let mut peers = vec![of(TorchMode::Lean), of(TorchMode::Usual)];
        peers.retain(|peer| match peer.check() {
            Ok(()) => true,
            Err(error) => {
                results.left_out.push(format!("PyTorch {}: {error}", peer.form));
                false
            }
        });
        let is_beside = match (self.device.backend, peers.first()) {
            (_, None) => true,
            (Backend::Flex | Backend::Tch, _) if self.device.is_host() => true,
            (Backend::Wgpu, _) => {
                results.left_out.push("PyTorch: it has no such backend".to_owned());
                false
            }
            (_, Some(peer)) => match peer.sees_cuda() {
                Ok(true) => true,
                Ok(false) => {
                    results.left_out.push("PyTorch: its torch sees no GPU".to_owned());
                    false
                }
                Err(error) => {
                    results.left_out.push(format!("PyTorch: {error}"));
                    false
                }
            },
        };
        if !is_beside {
            peers.clear();
        }
        Ok(peers)
    }

    /// Measures each kind of work of `case`, as long as the time lasts. A failure leaves the others.
    fn measure(
        &self,
        case: &Case,
        format: WeightFormat,
        rate: Option<f64>,
        (context, folder, peers): (&mut Context<'_>, &Path, &[Peer]),
        results: &mut Results,
    ) -> Result<(), StepFault> {
        let name = &case.name;
        let file = folder.join(format!("{name}.json"));
        let odd = |e: std::io::Error| StepFault::failed(format!("the file of a measurement: {e}"));
        let text = serde_json::to_vec(&BenchJob::drawn(case.clone())).map_err(|e| odd(e.into()))?;
        std::fs::write(&file, text).map_err(odd)?;
        // How much longer measurements took than was reckoned.
        let (mut factor, mut last) = (1.0, 0.0);
        for work in BenchWork::ALL {
            let reckoned = rate.map(|rate| seconds(case, work, rate));
            let needed = reckoned.map_or(last, |seconds| factor * seconds);
            let left = context.left().as_secs_f64();
            if results.ended.is_some() || needed > left {
                let why = format!("it takes about {needed:.0} s, and {left:.0} s are left");
                results.left_out.push(format!("{name} {work}: {why}"));
                results.late += 1;
                continue;
            }
            let by = format!("seal {}", self.device);
            context.note(&format!("{name} {work}: {by}"));
            let started = Instant::now();
            let device = self.device.to_string();
            let job = DeviceJob::Measure { device, file: file.clone(), work, format };
            let silence = context.left() + Duration::from_secs(1);
            let sample = context.answer(&job, silence);
            last = started.elapsed().as_secs_f64();
            if let Some(reckoned) = reckoned {
                factor = last / reckoned;
            }
            results.note((name, work, &by), sample, true);
            for peer in peers.iter().filter(|peer| peer.can(work)) {
                // It may take as long as this program did.
                if results.ended.is_some() || last > context.left().as_secs_f64() {
                    results.left_out.push(format!("{name} {work}: torch {}: no time", peer.form));
                    continue;
                }
                let by = format!("torch {}", peer.form);
                context.note(&format!("{name} {work}: {by}"));
                let on_gpu = !self.device.is_host();
                let mut command = peer.command(&file, work, format, on_gpu, self.threads);
                // The GPU that is tried is the only one that it sees.
                let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
                command.envs(self.device.variables(visible.as_deref()));
                let mut line = String::new();
                let silence = context.left() + Duration::from_secs(1);
                let ended = context.follow(command, silence, &mut |l| l.clone_into(&mut line));
                let sample = ended.and_then(|()| parsed::<Sample>(&line));
                results.note((name, work, &by), sample, false);
            }
        }
        Ok(())
    }

    /// Bytes of the device's memory. Which of several GPUs it is, is not known: the smallest counts.
    fn memory_of(&self, known: &Known) -> Option<u64> {
        let is_of_nvidia =
            matches!(self.device.backend, Backend::Cuda | Backend::Tch) && !self.device.is_host();
        let smallest = known.gpus.iter().map(|gpu| gpu.memory).min();
        self.memory.or_else(|| smallest.filter(|_| is_of_nvidia))
    }

    /// Number format of a large shape. The CPU has kernels for f32 alone.
    fn format(&self, known: &Known) -> WeightFormat {
        match known.has_bf16 && !self.device.is_host() {
            true => WeightFormat::Bf16,
            false => WeightFormat::F32,
        }
    }

    /// Operations a second of the device's data sheet, if all GPUs here are of one kind that is known.
    fn peak(&self, known: &Known) -> Option<f64> {
        if self.device.backend != Backend::Cuda {
            return None;
        }
        let first = known.gpus.first()?;
        known.gpus.iter().all(|gpu| gpu.name == first.name).then(|| bf16_peak(&first.name))?
    }
}

#[cfg(test)]
#[path = "speed_tests.rs"]
mod tests;
