//! Memory of this process, of the machine, and of the control groups, where the system tells.
//!
//! These lines stay instead of a crate: `sysinfo` tells no peak of a process, so that `/proc`
//! would be read all the same.

use std::fs;

mod cgroup;
mod gpu;

pub(crate) use gpu::of_devices;

/// A line `FIELD:  N kB` of `file`, in MiB; `None` where there is none.
fn mib(file: &str, field: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// What is resident now, in MiB.
pub fn resident() -> Option<f64> {
    mib("/proc/self/status", "VmRSS")
}

/// The most that was resident so far, in MiB.
pub fn peak() -> Option<f64> {
    mib("/proc/self/status", "VmHWM")
}

/// What this process could get now, in MiB: what the machine has free, and no more than its control
/// groups leave.
pub fn available() -> Option<f64> {
    let free = mib("/proc/meminfo", "MemAvailable")?;
    Some(
        cgroup::limited_groups().into_iter().map(|group| in_mib(group.left())).fold(free, f64::min),
    )
}

/// What this process may have, in MiB: what the machine has, and no more than the limits of its
/// control groups.
pub fn total() -> Option<f64> {
    let all = mib("/proc/meminfo", "MemTotal")?;
    Some(cgroup::limited_groups().into_iter().map(|group| in_mib(group.limit)).fold(all, f64::min))
}

fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
