//! Threads that the system may not give.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::StudyError;

/// Files that are read at once: more would wait for the disk.
const READERS: usize = 16;

/// `read(0)` to `read(n - 1)` on up to `threads` threads, for work that reads files. The
/// thread of the caller does all of it where the system gives no other.
pub(crate) fn side_by_side<T: Send>(
    n: usize,
    threads: usize,
    read: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let (next, out) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(n)));
    let work = || loop {
        let i = next.fetch_add(1, Ordering::Relaxed);
        if i >= n {
            break;
        }
        let value = read(i);
        out.lock().unwrap_or_else(PoisonError::into_inner).push((i, value));
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, n.clamp(1, READERS)) {
            // Help that is not to be had is not needed.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut all = out.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, value)| value).collect()
}

/// Runs `work` on `n` threads at once, or on as many as the system gives.
///
/// # Errors
/// Not one thread; the first error of `work`.
pub(crate) fn on_threads_of_their_own(
    n: usize,
    work: impl Fn() -> Result<(), StudyError> + Sync,
) -> Result<(), StudyError> {
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..n {
            match std::thread::Builder::new().spawn_scoped(scope, &work) {
                Ok(worker) => workers.push(worker),
                Err(error) if workers.is_empty() => return Err(no_threads(&error)),
                Err(error) => {
                    tracing::warn!(%error, threads = workers.len(), "fewer jobs than asked for");
                    break;
                }
            }
        }
        workers.into_iter().try_for_each(|w| {
            w.join().unwrap_or_else(|_| Err(StudyError::Defect("a worker panicked".into())))
        })
    })
}

/// The system gives no thread: a limit of the user, the container or the machine.
pub(crate) fn no_threads(error: &dyn std::fmt::Display) -> StudyError {
    StudyError::Config(format!(
        "no thread could be started ({error}); give fewer --jobs, or raise the limit of \
         processes (ulimit -u) or of memory"
    ))
}
