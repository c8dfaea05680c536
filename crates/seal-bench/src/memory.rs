//! Memory of this process, where the system tells.

use std::fs;

/// A line `FIELD:  N kB` of `file`, in MiB; `None` where there is none.
pub fn mib(file: &str, field: &str) -> Option<f64> {
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
