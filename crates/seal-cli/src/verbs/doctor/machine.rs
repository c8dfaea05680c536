//! The program, the machine, and the devices that compute.

use seal_device::{Backend, DeviceSetError, DeviceSpec};
use seal_study::Devices;

use super::check::{Check, count};
use crate::memory;
use crate::options::cores;

/// Memory under which the built-in study is short of it, in MiB.
const LITTLE_MIB: f64 = 1024.0;

/// Program, cores and memory.
pub(super) fn check_machine(checks: &mut Vec<Check>) {
    let features = [("hub", cfg!(feature = "hub")), ("parquet", cfg!(feature = "parquet"))];
    let features = features.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name);
    let backends = Backend::ALL.into_iter().filter(|backend| backend.is_compiled_in());
    let all: Vec<&str> = backends.map(Backend::name).chain(features).collect();
    let version = env!("CARGO_PKG_VERSION");
    checks.push(Check::ok("program", format!("version {version}, with {}", all.join(", "))));
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    checks.push(Check::ok(
        "machine",
        format!("{architecture}, {os}, {}", count(cores(), "core", "cores")),
    ));
    checks.push(match (memory::available(), memory::total()) {
        (Some(free), Some(total)) => {
            let found = format!("{:.1} of {:.1} GiB free", free / 1024.0, total / 1024.0);
            match free < LITTLE_MIB {
                false => Check::ok("memory", found),
                true => Check::warning("memory", found, "end other programs, or run with --jobs 1"),
            }
        }
        _ => Check::ok("memory", "the system does not say"),
    });
}

/// A tiny product on each device that this binary has, and on each that is `wanted`.
pub(super) fn devices(wanted: Option<&Devices>, checks: &mut Vec<Check>) {
    let found = wanted.map(|wanted| wanted.set().map(|set| (set.found(), set.first())));
    let wanted: Vec<DeviceSpec> = match found {
        Some(Ok((Ok(devices), _))) => devices,
        // A backend that is not in the binary is said below.
        Some(Ok((Err(DeviceSetError::Device(_)), first))) => vec![first],
        Some(Ok((Err(error), _)) | Err(error)) => {
            let said = error.to_string();
            let said = said.strip_prefix("device ").unwrap_or(&said);
            checks.push(Check::wrong("device", said, "give another --device"));
            Vec::new()
        }
        None => Vec::new(),
    };
    let all = Backend::ALL.into_iter().filter(|backend| backend.is_compiled_in());
    let mut specs: Vec<DeviceSpec> = all.filter_map(|of| of.name().parse().ok()).collect();
    specs.retain(|spec| !wanted.iter().any(|wanted| wanted.kind() == spec.kind()));
    specs.splice(0..0, wanted.iter().copied());
    for spec in specs {
        let name = format!("device {spec}");
        checks.push(match spec.try_out() {
            Ok(()) => Check::ok(name, "computes"),
            Err(error) if wanted.contains(&spec) => {
                let remedy = "`devices` says how to add a backend, and --device takes another";
                Check::wrong(name, without_name(&error.to_string(), spec), remedy)
            }
            Err(error) => {
                let remedy = "leave it out, or see `devices`: this study does not use it";
                Check::warning(name, without_name(&error.to_string(), spec), remedy)
            }
        });
    }
}

/// What is said of a device, without its name, which stands before it.
fn without_name(said: &str, spec: DeviceSpec) -> String {
    said.strip_prefix(&format!("device `{spec}`: ")).unwrap_or(said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckOutcome;
    use super::*;

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_is_wanted_and_missing_is_wrong() {
        let mut checks = Vec::new();
        devices(Some(&Devices::of_text("cuda:0")), &mut checks);
        assert_eq!(
            (checks[0].state, checks[0].name.as_str()),
            (CheckOutcome::Wrong, "device cuda:0")
        );
        assert!(checks[0].found.starts_with("this binary has no cuda backend"), "{}", checks[0]);
        let mut checks = Vec::new();
        devices(Some(&Devices::of_text("gpu")), &mut checks);
        assert!(checks[0].found.contains("known are"), "{}", checks[0]);
        assert_eq!(checks[0].state, CheckOutcome::Wrong);
    }

    #[cfg(feature = "flex")]
    #[test]
    fn each_device_of_a_list_is_tried() {
        let mut checks = Vec::new();
        devices(Some(&Devices::of_text("flex:0,flex:1")), &mut checks);
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names[..2], ["device flex:0", "device flex:1"]);
        assert!(checks[..2].iter().all(|check| check.state == CheckOutcome::Ok));
        assert!(!names.contains(&"device flex"), "{names:?}");
    }
}
