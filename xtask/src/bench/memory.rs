//! Memory of this process, where the system tells.

use std::fs;

/// A line of `/proc/self/status`, in MiB; `None` where there is none.
fn status(field: &str) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// What is resident now.
pub(crate) fn resident() -> Option<f64> {
    status("VmRSS")
}

/// The most that was resident so far.
pub(crate) fn peak() -> Option<f64> {
    status("VmHWM")
}
