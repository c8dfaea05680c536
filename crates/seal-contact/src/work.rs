//! What a process of its own does on the device. Each line that it prints is a JSON value.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::DType;
use seal_bench::{BenchJob, BenchWork, MeasureError, Sample, memory::resident};
use seal_bilevel::{BilevelError, Trial, TrialDifferences};
use seal_device::{Backend, DeviceError, DeviceSpec, TrialError, quietly};
use seal_lm::WeightFormat;
use seal_parity::{PathFault, Precision, checks, memory, precision_of};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Bytes that an allocator of the host takes at once.
const PAGE: u64 = 4 << 20;

/// What a process does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DeviceJob {
    /// Opens the device and multiplies: one line, an [`OpenAnswer`].
    Open {
        /// Name of the device.
        device: String,
    },
    /// 50 steps of Algorithm 2, twice on the device and once on the CPU: one line, a [`TrialAnswer`].
    Trial {
        /// Name of the device.
        device: String,
    },
    /// Compares every path of a model with the CPU: one line for each check.
    Checks {
        /// Name of the device.
        device: String,
    },
    /// Reads the memory of the device over many steps: one line, the traces.
    Memory {
        /// Name of the device.
        device: String,
        /// Steps.
        steps: usize,
        /// Steps between two readings.
        every: usize,
    },
    /// Measures one kind of work: one line, a [`seal_bench::Sample`].
    Measure {
        /// Name of the device.
        device: String,
        /// A file with a [`BenchJob`].
        file: PathBuf,
        /// The kind of work.
        work: BenchWork,
        /// Number format of the weights.
        format: WeightFormat,
    },
}

/// A job that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A device that cannot be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A device that computes nothing, or something wrong.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// Training that failed.
    #[error(transparent)]
    Training(#[from] BilevelError),
    /// A run over many steps that failed.
    #[error(transparent)]
    Memory(#[from] PathFault),
    /// A measurement that failed.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// A measurement in which something is no number.
    #[error("the {what} is {found}")]
    NoNumber {
        /// What.
        what: &'static str,
        /// What it is instead.
        found: f64,
    },
    /// A file that cannot be read, or an answer that cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file of another form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The backend panicked, as Burn's do where a driver or memory is missing.
    #[error("the backend stopped: {said}")]
    Panicked {
        /// The first line of what it said.
        said: String,
    },
}

/// A device that multiplies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenAnswer {
    /// Seconds until the product was there.
    pub seconds: f64,
    /// Number formats in which it computes.
    pub formats: Vec<String>,
    /// Devices that the backend shows, where it tells.
    pub shown: Vec<String>,
}

/// Two short runs on the device beside one on the CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialAnswer {
    /// Seconds of the first run, in which kernels are compiled.
    pub seconds: f64,
    /// Seconds of the second.
    pub seconds_again: f64,
    /// Whether both runs have the same bits.
    pub same_bits: bool,
    /// Greatest relative difference of a loss from the CPU's; `null` if it is not finite.
    pub losses: Option<f64>,
    /// The same of a gradient's norm.
    pub grad_norms: Option<f64>,
    /// The same of a logit of the selector, in standard deviations.
    pub omega: Option<f64>,
    /// Whether all are within what the device's precision allows.
    pub is_within: bool,
}

/// Does `job` and writes its answer to `out`.
///
/// # Errors
/// A device that cannot do it. A panic of the backend is an error, and its message is not printed.
pub fn perform(job: &DeviceJob, out: &mut dyn Write) -> Result<(), JobError> {
    let done = quietly(|| match job {
        DeviceJob::Open { device } => line(out, &opened(device.parse()?)?),
        DeviceJob::Trial { device } => line(out, &tried(device.parse()?)?),
        DeviceJob::Checks { device } => {
            let mut written = Ok(());
            seal_parity::run(&checks(), device.parse()?, &mut |outcome| {
                if written.is_ok() {
                    written = line(out, outcome);
                }
            })?;
            written
        }
        DeviceJob::Memory { device, steps, every } => {
            let device: DeviceSpec = device.parse()?;
            let mut held = || {
                let mib = resident().filter(|_| device.is_host())?;
                Some((mib * f64::from(1 << 20)) as u64)
            };
            let mut meter = memory::MemoryMeter { read: &mut held, grain: PAGE };
            let traces = memory::trace(device, *steps, *every, &mut meter)?;
            let told = traces.iter().map(|t| json!({"trace": t, "is_flat": t.is_flat()}));
            line(out, &told.collect::<Vec<_>>())
        }
        DeviceJob::Measure { device, file, work, format } => {
            let job: BenchJob = serde_json::from_slice(&std::fs::read(file)?)?;
            let devices = [device.parse()?];
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let sample = seal_bench::measure(&job, *work, (&devices, threads), *format)?;
            line(out, &checked(sample)?)
        }
    });
    done.unwrap_or_else(|said| Err(JobError::Panicked { said }))
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> Result<(), JobError> {
    writeln!(out, "{}", serde_json::to_string(value)?)?;
    Ok(out.flush()?)
}

/// Refuses what JSON would write as nothing.
fn checked(sample: Sample) -> Result<Sample, JobError> {
    let steps = sample.step_ms.iter().map(|ms| ("time of a step", *ms));
    let mut all = sample.first_loss.iter().map(|loss| ("first loss", *loss)).chain(steps);
    match all.find(|(_, number)| !number.is_finite()) {
        Some((what, found)) => Err(JobError::NoNumber { what, found }),
        None => Ok(sample),
    }
}

fn opened(spec: DeviceSpec) -> Result<OpenAnswer, JobError> {
    let started = Instant::now();
    spec.try_out()?;
    let seconds = started.elapsed().as_secs_f64();
    let device = spec.open()?;
    let known =
        [("f64", DType::F64), ("f32", DType::F32), ("f16", DType::F16), ("bf16", DType::BF16)];
    let formats = known.into_iter().filter(|(_, dtype)| device.supports_dtype(*dtype));
    let formats = formats.map(|(name, _)| name.to_owned()).collect();
    let shown = match spec.backend {
        Backend::Wgpu => seal_device::adapters_shown(),
        Backend::Flex | Backend::Cuda | Backend::Tch => Vec::new(),
    };
    let shown = shown.into_iter().map(|(device, name)| format!("{device}: {name}")).collect();
    Ok(OpenAnswer { seconds, formats, shown })
}

fn tried(spec: DeviceSpec) -> Result<TrialAnswer, JobError> {
    let reference = Trial::run(&DeviceSpec::default().open()?, None)?;
    let device = spec.open()?;
    let timed = || {
        let started = Instant::now();
        Ok::<_, JobError>((Trial::run(&device, None)?, started.elapsed().as_secs_f64()))
    };
    let ((first, seconds), (second, seconds_again)) = (timed()?, timed()?);
    let apart = first.agreement(&reference);
    let limit = match precision_of(spec) {
        Precision::F32 => TrialDifferences::F32,
        Precision::Tf32 => TrialDifferences::TF32,
    };
    let finite = |x: f64| x.is_finite().then_some(x);
    Ok(TrialAnswer {
        seconds,
        seconds_again,
        same_bits: first == second,
        losses: finite(apart.losses),
        grad_norms: finite(apart.grad_norms),
        omega: finite(apart.omega),
        is_within: apart.within(&limit) && second.agreement(&reference).within(&limit),
    })
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    fn answer(job: &DeviceJob) -> serde_json::Value {
        let mut out = Vec::new();
        perform(job, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_cpu_opens_and_agrees_with_itself() {
        let device = || "flex".to_owned();
        let open: OpenAnswer =
            serde_json::from_value(answer(&DeviceJob::Open { device: device() })).unwrap();
        assert!(open.formats.contains(&"f32".to_owned()), "{open:?}");
        let trial: TrialAnswer =
            serde_json::from_value(answer(&DeviceJob::Trial { device: device() })).unwrap();
        assert!(trial.is_within && trial.same_bits, "{trial:?}");
        assert_eq!(trial.losses, Some(0.0));
    }

    #[test]
    fn a_loss_that_is_no_number_is_an_error() {
        let sample = |loss| Sample {
            step_ms: vec![1.0],
            step_tokens: vec![1.0],
            step_flops: Vec::new(),
            start_mib: None,
            peak_mib: None,
            matmul_flops: None,
            first_loss: loss,
        };
        assert!(checked(sample(None)).is_ok() && checked(sample(Some(2.0))).is_ok());
        let error = checked(sample(Some(f64::NAN))).unwrap_err();
        assert_eq!(error.to_string(), "the first loss is NaN");
    }

    #[test]
    fn a_device_that_is_none_is_an_error() {
        let job = DeviceJob::Open { device: "abacus".to_owned() };
        let error = perform(&job, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, JobError::Device(DeviceError::Unknown { .. })), "{error}");
    }
}
