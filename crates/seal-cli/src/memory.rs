//! Memory of the machine and of the control groups, where the system tells.
//!
//! These lines stay instead of a crate: `sysinfo` tells no peak of a process, so that `/proc`
//! would be read all the same (`seal_bench::memory`).

mod cgroup;
mod gpu;

pub(crate) use gpu::of_devices;

pub(crate) use seal_bench::memory::resident;

use seal_bench::memory::mib;

/// What this process could get now, in MiB: what the machine has free, and no more than its control
/// groups leave.
pub(crate) fn available() -> Option<f64> {
    let free = mib("/proc/meminfo", "MemAvailable")?;
    Some(
        cgroup::limited_groups().into_iter().map(|group| in_mib(group.left())).fold(free, f64::min),
    )
}

/// What this process may have, in MiB: what the machine has, and no more than the limits of its
/// control groups.
pub(crate) fn total() -> Option<f64> {
    let all = mib("/proc/meminfo", "MemTotal")?;
    Some(cgroup::limited_groups().into_iter().map(|group| in_mib(group.limit)).fold(all, f64::min))
}

fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
