//! `seal devices`: which backends are compiled in, and whether they work.

mod checks;

use std::io::Write as _;

use burn::tensor::DType;
use clap::Args;
use seal_bilevel::{BilevelError, Trial, TrialDifferences};
use seal_device::{ACCELERATIONS, Backend, DeviceError, DeviceSpec, quietly};
use seal_parity::{Precision, precision_of};

use crate::memory;
use crate::plain;
use crate::table::{self, Align, headings};
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} devices                                    a short try of every backend
  {program} devices --device cuda:1                    of one device
  {program} devices --device wgpu:cpu --checks         every path of a model on it, some minutes
  {program} devices --device cuda:0 --checks --only gemma --only files/ --json
  {program} devices --device cuda:0 --memory 500       what it holds over 500 steps

The verb runs 50 steps of Algorithm 2 with a small model on each device. A device works if its \
losses, norms of gradients and selector logits agree with the CPU's. The column dtypes lists the \
number formats in which the device computes.

--checks takes every path that a study takes, twice on the device and once on the CPU: each family of \
models, gradients of all weights and of adapters, training, the selector, generation, judges, files, \
refusals. A line says passed, failed or skipped; the name of the check; the largest difference from the \
CPU and the largest that is allowed; whether two runs had the same bits; seconds of both. The exit code is \
1 if a check failed or memory grew.

Add a backend:
  flex      in every binary (CPU)
  cuda      {program+cuda} VERB --device cuda:0
            needs an NVIDIA driver and libnvrtc; building downloads LLVM
  tch       pip install torch==2.9.0 setuptools
            LIBTORCH_USE_PYTORCH=1 {program+tch} VERB --device tch
            (tch:cuda:0 for the GPU)
  wgpu      {program+wgpu} VERB --device wgpu";

/// Options of the verb.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Try this device only, such as cuda:1; fails if it does not work.
    #[arg(long)]
    device: Option<String>,
    /// Compare every path of a model on the device with the CPU.
    #[arg(long, requires = "device")]
    checks: bool,
    /// Checks with this in their name only (repeatable).
    #[arg(long, value_name = "TEXT", requires = "checks")]
    only: Vec<String>,
    /// Read the memory of the device over so many steps.
    #[arg(long, value_name = "STEPS", requires = "device", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    memory: Option<u32>,
    /// Print one JSON object instead of lines; of --checks and --memory.
    #[arg(long, requires = "device")]
    json: bool,
}

/// Tries one device, or each known backend. A backend that is missing is an
/// error only where it was asked for.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    if let Some(name) =
        options.device.as_ref().filter(|_| options.checks || options.memory.is_some())
    {
        return checks::run(name.parse()?, options, verbosity);
    }
    if options.json {
        let (option, others) = ("--json", "--checks or --memory");
        return Err(UsageError::GoesWith { option, others }.into());
    }
    let specs = match &options.device {
        Some(name) => vec![name.parse::<DeviceSpec>()?],
        None => Backend::ALL.iter().map(|b| b.name().parse()).collect::<Result<Vec<_>, _>>()?,
    };
    if let (Some(_), [asked]) = (&options.device, specs.as_slice()) {
        asked.open()?;
    }
    let reference = DeviceSpec::default();
    // Without the CPU's there is nothing to compare with.
    let reference = match reference.backend.is_compiled_in() {
        true => Some(trial(reference).map_err(|fault| BrokenDevice { device: reference, fault })?),
        false => None,
    };
    let mut rows = Vec::new();
    for spec in specs {
        let row = match spec.backend.is_compiled_in() {
            false => [
                format!("not compiled in: build with --features {}", spec.backend.name()),
                String::new(),
                String::new(),
                String::new(),
            ],
            true => match probe(spec, reference.as_ref()) {
                Ok(row) => row,
                Err(fault) if options.device.is_some() => {
                    return Err(BrokenDevice { device: spec, fault }.into());
                }
                Err(fault) => [
                    format!("does not work: {fault}{}", hint(spec)),
                    String::new(),
                    String::new(),
                    String::new(),
                ],
            },
        };
        rows.push([vec![spec.to_string()], row.to_vec()].concat());
    }
    let headings = headings(&[
        ("device", Align::Left),
        ("state", Align::Left),
        ("dtypes", Align::Left),
        ("memory", Align::Left),
        ("apart from flex: losses, gradients, omega", Align::Left),
    ]);
    let mut out = plain::stdout();
    table::write(&mut out, &headings, &rows)?;
    Ok(writeln!(out, "\n{}", accelerations())?)
}

/// Which of Burn's ways to run faster are in this binary.
fn accelerations() -> String {
    let state = |(name, on): (&str, bool)| format!("{name} {}", if on { "on" } else { "off" });
    format!("of cuda and wgpu: {}", ACCELERATIONS.map(state).join(", "))
}

/// A device that is compiled in and does not work.
#[derive(Debug, thiserror::Error)]
#[error("device `{device}` does not work: {fault}{}", hint(*device))]
pub(crate) struct BrokenDevice {
    device: DeviceSpec,
    #[source]
    fault: DeviceFault,
}

/// What is wrong with a device.
#[derive(Debug, thiserror::Error)]
enum DeviceFault {
    /// It cannot be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The short run failed.
    #[error(transparent)]
    Training(#[from] BilevelError),
    /// The backend panicked, as Burn's do where a driver is missing.
    #[error("{said}")]
    Panicked {
        /// The first line of what it said; others hold its source position.
        said: String,
    },
    /// Its results are not those of the CPU.
    #[error("it computes something else than flex: apart by {apart}")]
    Apart {
        /// How far apart losses, gradients and omega are.
        apart: String,
    },
}

/// What most often stands behind a fault on a GPU.
fn hint(spec: DeviceSpec) -> &'static str {
    match (spec.backend, spec.index) {
        (Backend::Cuda, _) | (Backend::Tch, Some(_)) => {
            " (is there an NVIDIA driver? `nvidia-smi` tells)"
        }
        _ => "",
    }
}

/// State, dtypes, memory, and differences from `reference`.
fn probe(spec: DeviceSpec, reference: Option<&Trial>) -> Result<[String; 4], DeviceFault> {
    let done = trial(spec)?;
    let device = spec.open()?;
    let known =
        [("f64", DType::F64), ("f32", DType::F32), ("f16", DType::F16), ("bf16", DType::BF16)];
    let dtypes = known.into_iter().filter(|(_, dtype)| device.supports_dtype(*dtype));
    let dtypes = dtypes.map(|(name, _)| name).collect::<Vec<_>>().join(" ");
    let memory = spec.is_host().then(host_memory).flatten();
    let apart = match reference {
        None => "-".to_owned(),
        Some(reference) => {
            let apart = done.agreement(reference);
            let limit = match precision_of(spec) {
                Precision::F32 => TrialDifferences::F32,
                Precision::Tf32 => TrialDifferences::TF32,
            };
            let TrialDifferences { losses, grad_norms, omega } = apart;
            let shown = format!("{losses:.0e}, {grad_norms:.0e}, {omega:.0e}");
            if !apart.within(&limit) {
                return Err(DeviceFault::Apart { apart: shown });
            }
            shown
        }
    };
    Ok(["works".to_owned(), dtypes, memory.unwrap_or_else(|| "-".to_owned()), apart])
}

/// The short run. Burn reports a missing driver by a panic, which is caught and
/// silenced here.
fn trial(spec: DeviceSpec) -> Result<Trial, DeviceFault> {
    let done = quietly(|| {
        let device = spec.open()?;
        Ok(Trial::run(&device, None)?)
    });
    done.unwrap_or_else(|said| Err(DeviceFault::Panicked { said }))
}

/// `A of B GiB free`, where the system tells.
fn host_memory() -> Option<String> {
    let gib = |mib: f64| mib / 1024.0;
    let (available, total) = (gib(memory::available()?), gib(memory::total()?));
    Some(format!("{available:.1} of {total:.1} GiB free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "flex")]
    #[test]
    fn the_cpu_works_and_another_result_is_none_of_its() {
        let mut reference = trial(DeviceSpec::default()).unwrap();
        let row = probe(DeviceSpec::default(), Some(&reference)).unwrap();
        assert_eq!(row[0], "works");
        assert!(row[1].contains("f32"), "{row:?}");
        reference.omega[0] += 1.0;
        let fault = probe(DeviceSpec::default(), Some(&reference)).unwrap_err();
        assert!(matches!(fault, DeviceFault::Apart { .. }), "{fault}");
    }
}
