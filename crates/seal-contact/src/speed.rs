//! The step that measures speed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use seal_bench::{
    BenchJob, BenchWork, Case, Measured, Peer, STEPS, Sample, Summary, TorchMode, summaries,
};
use seal_device::{Backend, DeviceSpec};
use seal_lm::WeightFormat;
use serde_json::json;

use crate::context::{Context, Known, parsed};
use crate::nvidia::bf16_peak;
use crate::report::Table;
use crate::shapes::{LARGE, SMALL, fits, rate, seconds};
use crate::step::{Step, StepFault, StepFound, Verdict};
use crate::work::DeviceJob;

pub(crate) struct Speed {
    pub(crate) device: DeviceSpec,
    /// Bytes of the device's memory, if they are known.
    pub(crate) memory: Option<u64>,
    /// A Python with torch, if one was named.
    pub(crate) python: Option<PathBuf>,
    /// Threads of a process.
    pub(crate) threads: usize,
}

/// What was measured so far.
#[derive(Default)]
struct Results {
    measured: Vec<Measured>,
    /// Measurements that failed, each with why.
    failed: Vec<[String; 3]>,
    /// Failures of PyTorch, which are not the device's.
    peer_failed: Vec<[String; 3]>,
    /// What was left out, each with why.
    left_out: Vec<String>,
    /// Why no further one was started.
    ended: Option<StepFault>,
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
        let small = Case::named(SMALL).ok_or_else(|| StepFault::failed("no small shape"))?;
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
        let format = if known.has_bf16 { WeightFormat::Bf16 } else { WeightFormat::F32 };
        if let (Some(rate), None) = (at, &results.ended)
            && let Some(large) = self.largest(format, rate, context.left(), &mut results.left_out)
        {
            let place = (context, folder.path(), &peers[..]);
            self.measure(&large, format, Some(rate), place, &mut results)?;
        }
        Ok(self.found(results, known))
    }
}

impl Speed {
    /// The largest shape that the device's memory and the time take.
    fn largest(
        &self,
        format: WeightFormat,
        rate: f64,
        left: Duration,
        left_out: &mut Vec<String>,
    ) -> Option<Case> {
        let has_kernels = self.device.backend == Backend::Flex;
        let threads = has_kernels.then_some(self.threads);
        for name in LARGE {
            let case = Case::named(name)?;
            let needed = seconds(&case, BenchWork::Selector, rate);
            let why = match self.memory {
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

    fn found(&self, results: Results, known: &Known) -> StepFound {
        let summaries = summaries(&results.measured);
        let peak = self.peak(known);
        let mut found = StepFound::passed("");
        let mut table = Table::new(
            "speed",
            &[
                "shape",
                "work",
                "by",
                "tokens/s",
                "step ms",
                "MFU",
                "of a product",
                "peak MiB",
                "against PyTorch",
            ],
        );
        let mut figures = Vec::new();
        for summary in &summaries {
            let measured = results.measured.iter().find(|m| is_of(m, summary));
            let mfu =
                measured.and_then(|m| mfu(&m.sample, peak)).filter(|_| is_half(summary, known));
            table.rows.push(row(summary, &summaries, mfu));
            if summary.by.starts_with("seal") {
                let (case, work) = (&summary.case, summary.work);
                found.figure(format!("{case} {work}"), summary.tokens_per_s, "tokens/s");
                if let Some(loss) = summary.first_loss {
                    found.figure(format!("{case} {work}, first loss"), loss, "nats");
                }
                figures.push(json!({"case": case, "work": work, "mfu": mfu}));
            }
        }
        found.tables.push(table);
        for (title, rows) in [
            ("measurements that failed", &results.failed),
            ("of PyTorch, which failed", &results.peer_failed),
        ] {
            if !rows.is_empty() {
                let mut table = Table::new(title, &["measurement", "by", "said"]);
                table.rows = rows.iter().map(|row| row.to_vec()).collect();
                found.tables.push(table);
            }
        }
        if !results.left_out.is_empty() {
            let mut table = Table::new("left out", &["what"]);
            table.rows = results.left_out.iter().map(|what| vec![what.clone()]).collect();
            found.tables.push(table);
        }
        let peak_words = peak.map_or("its peak is not known here".to_owned(), |peak| {
            format!("MFU is of {:.0} TFLOP/s in bf16", peak / 1e12)
        });
        found.said = format!("{} measurements; {peak_words}", results.measured.len());
        found.verdict = match (results.failed.len(), results.ended) {
            (0, None) if results.measured.is_empty() => {
                Verdict::Unfinished("no measurement in the time that was left".to_owned())
            }
            (0, None) => Verdict::Passed,
            (0, Some(fault)) => Verdict::Unfinished(fault.to_string()),
            (count, _) => {
                let [what, _, said] = &results.failed[0];
                Verdict::Failed(format!("{count} measurements failed, the first is {what}: {said}"))
            }
        };
        found.data = json!({
            "peak_flops": peak,
            "summaries": summaries,
            "measurements": results.measured,
            "mfu": figures,
            "failed": results.failed,
            "torch_failed": results.peer_failed,
            "left_out": results.left_out,
        });
        found
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

impl Results {
    fn note(
        &mut self,
        (case, work, by): (&str, BenchWork, &str),
        sample: Result<Sample, StepFault>,
        is_own: bool,
    ) {
        match sample {
            Ok(sample) => self.measured.push(Measured {
                case: case.to_owned(),
                work,
                by: by.to_owned(),
                round: 0,
                sample,
            }),
            Err(StepFault::Failed { said }) => {
                let list = if is_own { &mut self.failed } else { &mut self.peer_failed };
                list.push([format!("{case} {work}"), by.to_owned(), said]);
            }
            Err(fault @ (StepFault::Time { .. } | StepFault::Stopped)) => {
                self.left_out.push(format!("{case} {work}: {by}: {fault}"));
                self.ended.get_or_insert(fault);
            }
        }
    }
}

fn is_of(measured: &Measured, summary: &Summary) -> bool {
    (&measured.case, measured.work, &measured.by) == (&summary.case, summary.work, &summary.by)
}

/// Whether the shape was measured in bf16, of which the peak is.
fn is_half(summary: &Summary, known: &Known) -> bool {
    known.has_bf16 && summary.case != SMALL
}

/// Operations that the model needs over those of the data sheet.
fn mfu(sample: &Sample, peak: Option<f64>) -> Option<f64> {
    let seconds = sample.step_ms.iter().sum::<f64>() / 1e3;
    let share = sample.step_flops.iter().sum::<f64>() / seconds / peak?;
    Some(share).filter(|share| share.is_finite() && *share > 0.0)
}

fn row(summary: &Summary, all: &[Summary], mfu: Option<f64>) -> Vec<String> {
    let share = |x: Option<f64>| {
        x.filter(|x| *x > 0.0).map_or(String::new(), |x| format!("{:.1} %", 100.0 * x))
    };
    // Of this program, beside each form of PyTorch that did the same.
    let same = |s: &&Summary| s.case == summary.case && s.work == summary.work;
    let beside = all.iter().filter(same).filter(|s| s.by != summary.by);
    let beside: Vec<String> = match summary.by.starts_with("seal") {
        true => beside
            .map(|s| format!("{:.2}x of {}", summary.tokens_per_s / s.tokens_per_s, s.by))
            .collect(),
        false => Vec::new(),
    };
    vec![
        summary.case.clone(),
        summary.work.to_string(),
        summary.by.clone(),
        format!("{:.0}", summary.tokens_per_s),
        format!("{:.1}", summary.step_ms),
        share(mfu),
        share(summary.utilisation),
        summary.peak_mib.map_or("not told".to_owned(), |mib| format!("{mib:.0}")),
        beside.join(", "),
    ]
}

#[cfg(test)]
#[path = "speed_tests.rs"]
mod tests;
