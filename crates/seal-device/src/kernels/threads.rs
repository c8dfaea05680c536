//! Work shared between the threads of the current pool.
//!
//! No result depends on the number of threads: parts are split where nothing is
//! summed across, and sums are taken whole by one thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

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

/// The results of `f` for every task, in their order. Tasks run side by side,
/// each on a part of the current pool's threads.
pub(super) fn side_by_side<T: Send, R: Send>(tasks: Vec<T>, f: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = rayon::current_num_threads();
    // A power of two, so that few pools serve batches of any size.
    let lanes = threads.min(tasks.len()).checked_ilog2().map_or(0, |log| 1 << log);
    if lanes < 2 {
        return tasks.into_iter().map(f).collect();
    }
    let results: Vec<Mutex<Option<R>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    let queue = Mutex::new(tasks.into_iter().enumerate());
    let lane = || {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some((i, task)) = next() {
            let result = f(task);
            *results[i].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    let pools = lane_pools(lanes, threads);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = pools.iter().map(|pool| scope.spawn(|| pool.install(lane))).collect();
        // With the message that the panic had, when all lanes have ended.
        let ended: Vec<_> = lanes.into_iter().map(|lane| lane.join()).collect();
        if let Some(panic) = ended.into_iter().find_map(Result::err) {
            std::panic::resume_unwind(panic);
        }
    });
    let result = |slot: Mutex<Option<R>>| slot.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().map(|slot| result(slot).expect("every task was done")).collect()
}

/// Pools by their number and threads.
type Pools = BTreeMap<(usize, usize), Arc<Vec<ThreadPool>>>;

/// `lanes` pools of `threads` threads together, made once: they cost nothing while
/// idle.
fn lane_pools(lanes: usize, threads: usize) -> Arc<Vec<ThreadPool>> {
    static POOLS: Mutex<Pools> = Mutex::new(BTreeMap::new());
    let make = || {
        let share = |i| threads / lanes + usize::from(i < threads % lanes);
        let pool = |i| ThreadPoolBuilder::new().num_threads(share(i)).build();
        let pools: Result<_, _> = (0..lanes).map(pool).collect();
        Arc::new(pools.expect("the system has threads"))
    };
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(pools.entry((lanes, threads)).or_insert_with(make))
}

/// Runs `f` with the widest vectors this machine has. `f` and what it calls
/// must be inlined.
#[inline(always)]
pub(super) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_side_by_side_keep_their_order_and_share_the_threads() {
        for threads in [1, 2, 3, 8] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for tasks in [0, 1, 2, 5] {
                let got = pool.install(|| {
                    side_by_side((0..tasks).collect(), |i| (i, rayon::current_num_threads()))
                });
                assert!(got.iter().map(|(i, _)| *i).eq(0..tasks));
                let lanes = [1, 1, 2, 2, 4, 4][threads.min(tasks)];
                let most = threads.div_ceil(lanes);
                assert!(got.iter().all(|(_, n)| (1..=most).contains(n)), "{threads}: {got:?}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "the second task")]
    fn a_panic_reaches_the_caller() {
        let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| side_by_side(vec![1, 2, 3], |i| assert_ne!(i, 2, "the second task")));
    }
}
