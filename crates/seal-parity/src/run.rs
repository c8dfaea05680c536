//! Checks one after another.

use std::time::Instant;

use seal_device::{Adapter, Backend, DeviceError, DeviceSpec};

use crate::check::Check;
use crate::compare::{largest, same_bits};
use crate::fault::PathFault;
use crate::found::Found;
use crate::outcome::{CheckOutcome, CheckState, Repeat};
use crate::side::Side;
use crate::tolerance::Precision;

/// The digits in which `device` takes products.
pub fn precision_of(device: DeviceSpec) -> Precision {
    match (device.backend, device.adapter) {
        (Backend::Cuda, _) => Precision::Tf32,
        (Backend::Tch, _) if !device.is_host() => Precision::Tf32,
        (
            Backend::Wgpu,
            Adapter::Any
            | Adapter::Discrete
            | Adapter::Integrated
            | Adapter::Virtual
            | Adapter::Software,
        )
        | (Backend::Flex | Backend::Tch, _) => Precision::F32,
    }
}

/// Runs `checks` on `device` and hands on each outcome as soon as it is there.
///
/// On the CPU backend itself the composed operations are held against its kernels.
///
/// # Errors
/// A device that cannot be opened, the reference `flex` among them. A check that fails is no error.
pub fn run(
    checks: &[Check],
    device: DeviceSpec,
    each: &mut dyn FnMut(&CheckOutcome),
) -> Result<Vec<CheckOutcome>, DeviceError> {
    let reference = Side::reference(DeviceSpec::default())?;
    let subject = Side::subject(device)?;
    let precision = precision_of(device);
    let mut all = Vec::with_capacity(checks.len());
    for check in checks {
        let outcome = one(check, &subject, &reference, precision);
        each(&outcome);
        all.push(outcome);
    }
    Ok(all)
}

fn one(check: &Check, subject: &Side, reference: &Side, precision: Precision) -> CheckOutcome {
    let tolerance = check.tolerance.of(precision);
    let (want, reference_seconds) = timed(|| check.take(reference));
    let (first, seconds) = timed(|| check.take(subject));
    let mut seconds_again = None;
    let state = match (want, first) {
        (_, Err(PathFault::Lacking { reason })) => CheckState::Skipped { said: reason },
        (Err(fault), _) => failed(format!("on the reference: {fault}")),
        (_, Err(fault)) => failed(fault.to_string()),
        (Ok(want), Ok(first)) => {
            let (second, seconds) = timed(|| check.take(subject));
            seconds_again = Some(seconds);
            match second {
                Err(fault) => failed(format!("in a second run: {fault}")),
                Ok(second) => judge(&want, &first, &second, tolerance, precision),
            }
        }
    };
    CheckOutcome {
        check: check.name.clone(),
        state,
        tolerance,
        reason: check.tolerance.reason,
        seconds,
        seconds_again,
        reference_seconds,
    }
}

fn judge(
    want: &Found,
    first: &Found,
    second: &Found,
    tolerance: f64,
    precision: Precision,
) -> CheckState {
    let apart = match largest(first, want, precision) {
        Ok(apart) => apart,
        Err(said) => return failed(said),
    };
    let repeat = match (same_bits(second, first), largest(second, first, precision)) {
        (true, _) => Repeat::SameBits,
        (false, Ok(apart)) => Repeat::Apart(apart.difference),
        (false, Err(said)) => return failed(format!("in a second run: {said}")),
    };
    let (difference, of) = (apart.difference, apart.of);
    if difference > tolerance {
        let said =
            format!("{of} is {difference:.1e} away from the reference, over {tolerance:.0e}");
        return CheckState::Failed { difference: Some(difference), said };
    }
    match repeat {
        Repeat::Apart(apart) if apart > tolerance => CheckState::Failed {
            difference: Some(difference),
            said: format!("two runs are {apart:.1e} apart, over {tolerance:.0e}: a race?"),
        },
        repeat => CheckState::Passed { difference, of, repeat },
    }
}

fn failed(said: String) -> CheckState {
    CheckState::Failed { difference: None, said }
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let done = f();
    (done, started.elapsed().as_secs_f64())
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
