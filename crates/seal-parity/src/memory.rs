//! What a device holds over many steps.

use burn::tensor::Device;
use seal_bilevel::{Algorithm, Bilevel, Trainer};
use seal_device::{DeviceError, DeviceSpec};
use serde::Serialize;

use crate::fault::PathFault;
use crate::paths::SelectorCase;
use crate::rows;
use crate::shapes::llama;
use crate::side::Side;

/// Memory after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryPoint {
    /// Steps done.
    pub step: usize,
    /// Bytes of tensors that the device's allocator has handed out.
    pub in_use: u64,
    /// Bytes that it has taken from the device, if it tells.
    pub reserved: Option<u64>,
}

/// Memory over a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemoryTrace {
    /// What the run computes.
    pub path: &'static str,
    /// Bytes by which [`MemoryPoint::in_use`] may change although nothing more is held.
    pub grain: u64,
    /// In the order of steps.
    pub points: Vec<MemoryPoint>,
}

/// Reads the memory of a device that does not tell what it holds.
pub struct MemoryMeter<'a> {
    /// Bytes held now; `None` where nobody knows.
    pub read: &'a mut dyn FnMut() -> Option<u64>,
    /// Bytes by which that may change although nothing more is held: a system counts in pages, and an
    /// allocator takes many at once.
    pub grain: u64,
}

/// Steps after which a run has met every shape.
const SETTLED: usize = 100;

/// Bytes by which what an allocator has taken from a device may change: it takes pages of some MiB.
const PAGE: u64 = 4 << 20;

impl MemoryTrace {
    /// Whether memory in use at the end is that after the first hundred steps, but for 2 % and the
    /// grain of the reading. `None` for a run that is too short.
    pub fn is_flat(&self) -> Option<bool> {
        let at = self.points.iter().find(|point| point.step >= SETTLED)?;
        let end = self.points.last().filter(|end| end.step > at.step)?;
        let grown = |from: u64, to: u64, grain: u64| to > from + from / 50 + grain;
        let reserved = at.reserved.zip(end.reserved);
        Some(
            !grown(at.in_use, end.in_use, self.grain)
                && !reserved.is_some_and(|(from, to)| grown(from, to, PAGE)),
        )
    }
}

/// Trains a selector for about `steps` steps on `device` and reads its memory after the first step and
/// every `every` steps. The first path trains all weights by Algorithm 2, the second adapters with
/// dropout by Algorithm 1.
///
/// `meter` is asked where the device does not tell. Where neither tells there is no trace.
///
/// # Errors
/// A device that cannot be opened; training that fails.
pub fn trace(
    device: DeviceSpec,
    steps: usize,
    every: usize,
    meter: &mut MemoryMeter<'_>,
) -> Result<Vec<MemoryTrace>, PathFault> {
    let side = Side::subject(device)?;
    let grain = if is_told(device)? { 0 } else { meter.grain };
    let one = SelectorCase { adapters: true, ..SelectorCase::of(Algorithm::One) };
    let paths = [
        ("Algorithm 2, all weights", SelectorCase::of(Algorithm::Two)),
        ("Algorithm 1, adapters with dropout", one),
    ];
    let mut traces = Vec::new();
    for (path, case) in paths {
        let done = seal_device::quietly(|| of_case(&side, case, steps, every, meter));
        let points = done.unwrap_or_else(|said| Err(PathFault::Panicked { said }))?;
        if !points.is_empty() {
            traces.push(MemoryTrace { path, grain, points });
        }
    }
    Ok(traces)
}

fn of_case(
    side: &Side,
    case: SelectorCase,
    steps: usize,
    every: usize,
    meter: &mut MemoryMeter<'_>,
) -> Result<Vec<MemoryPoint>, PathFault> {
    let (data, safe) = (rows::many("data", 40), rows::many("safe", 33));
    let settings = case.settings(steps.div_ceil(10));
    let model = side.model(&llama())?;
    let (data, safe, settings) = (&data[..], &safe[..], &settings);
    let task = Bilevel { model, data, safe, settings, mean_loss: 5.0, seed: 0 };
    let mut points = Vec::new();
    let mut watch = |done: usize, _all: usize| {
        if done == 1 || done.is_multiple_of(every.max(1)) {
            points.extend(point(side.device(), done, meter));
        }
    };
    Trainer::new(task)?.run(&mut watch)?;
    Ok(points)
}

fn point(device: &Device, step: usize, meter: &mut MemoryMeter<'_>) -> Option<MemoryPoint> {
    // What is still queued holds memory that is free a moment later.
    device.sync().ok()?;
    match device.memory_pool_usage() {
        Some(usage) => {
            let (in_use, reserved) = (usage.bytes_in_use, Some(usage.bytes_reserved));
            Some(MemoryPoint { step, in_use, reserved })
        }
        None => (meter.read)().map(|in_use| MemoryPoint { step, in_use, reserved: None }),
    }
}

/// Whether the device's own allocator tells what it holds.
///
/// # Errors
/// A device that cannot be opened.
pub fn is_told(device: DeviceSpec) -> Result<bool, DeviceError> {
    let device = device.open()?;
    Ok(seal_device::quietly(|| device.memory_pool_usage().is_some()).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace_of(grain: u64, points: &[(usize, u64)]) -> MemoryTrace {
        let point = |&(step, in_use)| MemoryPoint { step, in_use, reserved: None };
        MemoryTrace { path: "", grain, points: points.iter().map(point).collect() }
    }

    #[test]
    fn what_grows_after_a_hundred_steps_is_not_flat() {
        assert_eq!(trace_of(0, &[(1, 5), (100, 1000), (500, 1010)]).is_flat(), Some(true));
        assert_eq!(trace_of(0, &[(1, 5), (100, 1000), (500, 1030)]).is_flat(), Some(false));
        assert_eq!(trace_of(20, &[(100, 1000), (500, 1030)]).is_flat(), Some(true));
        assert_eq!(trace_of(0, &[(1, 5), (100, 1000)]).is_flat(), None);
    }
}
