//! Threads that the system may not give.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Files that are read at once: more would wait for the disk.
const READERS: usize = 16;

/// `read(0)` to `read(n - 1)` on up to `threads` threads, for work that reads files. The
/// thread of the caller does all of it where the system gives no other.
pub fn side_by_side<T: Send>(n: usize, threads: usize, read: impl Fn(usize) -> T + Sync) -> Vec<T> {
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

/// The system gives no thread: a limit of the user, the container or the machine.
#[derive(Debug, thiserror::Error)]
#[error("no thread could be started ({source})")]
pub struct NoThread {
    /// What the system said.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl NoThread {
    pub(crate) fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Box::new(error) }
    }
}

/// Runs `work` on `n` threads at once, at least one, or on as many as the system gives.
///
/// # Errors
/// Not one thread.
pub(crate) fn on_threads_of_their_own(n: usize, work: impl Fn() + Sync) -> Result<(), NoThread> {
    std::thread::scope(|scope| {
        let start = || std::thread::Builder::new().spawn_scoped(scope, &work);
        start().map_err(NoThread::new)?;
        for started in 1..n {
            if let Err(error) = start() {
                tracing::warn!(%error, threads = started, "fewer jobs than asked for");
                break;
            }
        }
        Ok(())
    })
}

/// Runs `work` on a pool of `threads` threads.
///
/// # Errors
/// A thread that the system does not give.
pub fn on_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, NoThread> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    Ok(pool.map_err(NoThread::new)?.install(work))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn values_come_in_their_order_whatever_the_threads() {
        for threads in [0, 1, 3, 100] {
            let squares = side_by_side(50, threads, |i| i * i);
            assert_eq!(squares, (0..50).map(|i| i * i).collect::<Vec<_>>());
        }
        assert_eq!(side_by_side(0, 4, |i| i), Vec::<usize>::new());
    }

    #[test]
    fn a_pool_and_workers_have_as_many_threads_as_they_are_given() {
        for threads in [1, 3] {
            assert_eq!(on_pool(threads, rayon::current_num_threads).unwrap(), threads);
            let workers = AtomicUsize::new(0);
            on_threads_of_their_own(threads, || {
                workers.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
            assert_eq!(workers.into_inner(), threads);
        }
        assert_eq!(on_pool(0, rayon::current_num_threads).unwrap(), 1);
    }
}
