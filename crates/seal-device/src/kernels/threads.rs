//! Work shared between the threads of the current pool.
//!
//! No result depends on the number of threads: parts are split where nothing is
//! summed across, and sums are taken whole by one thread.

use rayon::prelude::*;

/// Elements that are worth a part of their own.
const PART: usize = 1 << 14;

/// Rows of one part, where each of `rows` rows costs about `cost` elements.
pub(super) fn part(rows: usize, cost: usize) -> usize {
    let threads = rayon::current_num_threads();
    let most = if threads == 1 { 1 } else { 4 * threads };
    rows.div_ceil((rows * cost / PART).clamp(1, most)).max(1)
}

/// Runs `f` on every task.
pub(super) fn each<T: Send>(tasks: impl IntoIterator<Item = T>, f: impl Fn(T) + Send + Sync) {
    let tasks: Vec<T> = tasks.into_iter().collect();
    if tasks.len() < 2 || rayon::current_num_threads() == 1 {
        // Not through the pool: the caller may stand outside it.
        return tasks.into_iter().for_each(f);
    }
    tasks.into_par_iter().for_each(f);
}

/// The results of `f` for every task, in their order.
pub(super) fn map<T: Send, R: Send>(tasks: Vec<T>, f: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    if tasks.len() < 2 || rayon::current_num_threads() == 1 {
        return tasks.into_iter().map(f).collect();
    }
    tasks.into_par_iter().map(f).collect()
}

/// Runs `f` with the widest vectors this machine has. `f` and what it calls
/// must be inlined.
#[inline(always)]
pub(super) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
