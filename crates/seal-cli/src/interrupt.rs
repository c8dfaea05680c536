//! Requests to stop: Ctrl-C, SIGTERM, and the signals that a scheduler sends before it kills.
//!
//! The first asks the running stages to keep their work and to end. A second Ctrl-C or SIGTERM ends
//! the process at once; a store takes no harm from that.

use std::sync::atomic::{AtomicI32, Ordering};

/// The first signal that asked to stop; 0 before.
static ASKED: AtomicI32 = AtomicI32::new(0);

/// A process that a signal ends has this plus the signal's number as its exit code.
const OF_SIGNALS: i32 = 128;
const INT: i32 = 2;
const TERM: i32 = 15;

/// Whether a stop was asked for.
pub(crate) fn is_asked() -> bool {
    ASKED.load(Ordering::Relaxed) != 0
}

/// The exit code of a run that stopped on request: 130 after Ctrl-C, 143 after any other signal.
pub(crate) fn code() -> u8 {
    let signal = if ASKED.load(Ordering::Relaxed) == INT { INT } else { TERM };
    u8::try_from(OF_SIGNALS + signal).unwrap_or(u8::MAX)
}

/// From here on, signals ask to stop instead of ending the process. `say` is called at the first,
/// on a thread of its own.
///
/// # Errors
/// A system that gives no thread, or takes no handler.
#[cfg(unix)]
pub(crate) fn listen(say: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    use signal_hook::iterator::Signals;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let before = ASKED.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
            match before {
                Ok(_) => say(),
                Err(_) if matches!(signal, SIGINT | SIGTERM) => {
                    std::process::exit(OF_SIGNALS + signal)
                }
                // A scheduler's signal goes to each process of a job, and may come twice.
                Err(_) => {}
            }
        }
    })?;
    Ok(())
}

/// Signals of this system end the process.
#[cfg(not(unix))]
pub(crate) fn listen(_: impl Fn() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}
