//! Named points at which a test ends a process, as a kill would.
//!
//! A program that is built without debug assertions has none of them.

/// Ends this process without any tidying if the variable `SEAL_HALT_AT` names this point:
/// `POINT`, or `POINT:N` for the N-th time that the process comes by.
#[cfg(debug_assertions)]
pub fn may_halt(point: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("SEAL_HALT_AT") else { return };
    let (name, nth) = match wanted.split_once(':') {
        Some((name, nth)) => (name, nth.parse().unwrap_or(1)),
        None => (wanted.as_str(), 1),
    };
    if name == point && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == nth {
        // No destructor runs, and nothing is flushed.
        std::process::abort();
    }
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub fn may_halt(_: &str) {}
