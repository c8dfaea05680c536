//! `cargo xtask devices`: which backends are compiled in, and whether they work.

use std::io::{self, Write as _};
use std::panic;

use burn::tensor::Tensor;
use clap::Args;
use seal_device::{Backend, DeviceSpec};

/// Options of the verb.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Try this device only, such as cuda:1; fails if it does not work.
    #[arg(long)]
    device: Option<String>,
}

/// Tries one device, or each known backend. A backend that is missing is an
/// error only where it was asked for.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(name) = &options.device {
        let spec: DeviceSpec = name.parse()?;
        spec.open()?;
        probe(spec).map_err(|reason| Broken { device: spec.to_string(), reason })?;
        writeln!(out, "{spec:<8}  works")?;
        return Ok(());
    }
    for backend in Backend::ALL {
        let spec: DeviceSpec = backend.name().parse()?;
        let state = if !backend.is_compiled_in() {
            format!("not compiled in: cargo run -p xtask --features {} -- VERB", backend.name())
        } else {
            match probe(spec) {
                Ok(()) => "works".to_owned(),
                Err(reason) => format!("compiled in, but does not work: {reason}"),
            }
        };
        writeln!(out, "{:<8}  {state}", backend.name())?;
    }
    Ok(())
}

/// A device that is compiled in and does not work.
#[derive(Debug)]
pub(crate) struct Broken {
    device: String,
    reason: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "device `{}` does not work: {}", self.device, self.reason)
    }
}

impl std::error::Error for Broken {}

/// Opens the device and adds two tensors on it. Burn reports a missing driver
/// by a panic, which is caught and silenced here.
fn probe(spec: DeviceSpec) -> Result<(), String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let sum = panic::catch_unwind(|| {
        let device = spec.open().map_err(|e| e.to_string())?;
        let sum = Tensor::<1>::from_floats([1.0, 2.0], &device)
            + Tensor::<1>::from_floats([10.0, 20.0], &device);
        sum.into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"))
    });
    panic::set_hook(hook);
    match sum {
        Ok(Ok(sum)) if sum == [11.0, 22.0] => Ok(()),
        Ok(Ok(sum)) => Err(format!("[1, 2] + [10, 20] gave {sum:?}")),
        Ok(Err(reason)) => Err(reason),
        Err(panic) => Err(panic_text(panic.as_ref())),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the backend panicked").lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "flex")]
    #[test]
    fn the_cpu_works() {
        assert_eq!(probe(DeviceSpec::default()), Ok(()));
    }

    #[test]
    fn a_panic_keeps_its_message() {
        let caught = panic::catch_unwind(|| panic::resume_unwind(Box::new("no driver\nat x")));
        assert_eq!(panic_text(caught.unwrap_err().as_ref()), "no driver");
    }
}
