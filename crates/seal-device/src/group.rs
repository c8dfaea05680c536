//! Devices that share the work of one stage.
//!
//! Work is cut into tasks by whoever has it, and never by the devices. Any device may do any
//! task. What tasks give is taken one after another, in the order of the tasks, so that no result
//! depends on the number of devices or on which of them was the faster.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::kernels::Kernels;
use crate::spec::{DeviceError, DeviceSpec};

/// Several devices of one kind that share the work of one stage. The first of them leads: it has
/// what there is once, such as the state of an optimiser.
pub struct DeviceGroup {
    places: Vec<Place>,
}

/// A device of a group, with its share of the threads.
struct Place {
    device: Device,
    has_kernels: bool,
    shares_memory: bool,
    threads: usize,
    pools: Mutex<BTreeMap<usize, Arc<Vec<ThreadPool>>>>,
}

impl DeviceGroup {
    /// The devices `specs`, of which there is at least one. They share the threads of the current rayon
    /// pool; each has at least one.
    ///
    /// # Errors
    /// A backend that is not in this binary.
    ///
    /// # Panics
    /// Without a device.
    pub fn open(specs: &[DeviceSpec]) -> Result<Self, DeviceError> {
        Self::open_on(specs, rayon::current_num_threads())
    }

    /// As [`DeviceGroup::open`], with `threads` threads together.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn open_on(specs: &[DeviceSpec], threads: usize) -> Result<Self, DeviceError> {
        assert!(!specs.is_empty(), "a group has a device");
        let first = specs[0].open()?;
        let place = |(i, spec): (usize, &DeviceSpec)| {
            let device = spec.open()?;
            let share = threads / specs.len() + usize::from(i < threads % specs.len());
            Ok(Place {
                has_kernels: Kernels::of(&device).is_some(),
                shares_memory: device == first,
                threads: share.max(1),
                pools: Mutex::default(),
                device,
            })
        };
        Ok(Self { places: specs.iter().enumerate().map(place).collect::<Result<_, _>>()? })
    }

    /// The same group, with the memory of each device but the first taken for one of its own. Places
    /// on the CPU share theirs, so that tests of what moves between devices need this.
    #[doc(hidden)]
    pub fn with_memory_apart(mut self) -> Self {
        self.places[1..].iter_mut().for_each(|place| place.shares_memory = false);
        self
    }

    /// Number of devices.
    pub fn size(&self) -> usize {
        self.places.len()
    }

    /// The devices, without autodiff; `None` in the place of one that has the memory of the first.
    pub fn apart(&self) -> impl Iterator<Item = Option<&Device>> {
        self.places.iter().map(|place| (!place.shares_memory).then_some(&place.device))
    }

    /// Does `tasks` on the devices and hands what each gives to `take`, in the order of the tasks. `work`
    /// is told the number of its device. A device with kernels works on several tasks at once, each on
    /// a part of its threads. While a worker is at a task, at most `waiting` results of its earlier ones
    /// wait for their turn. So few are there at once, however many tasks there are.
    ///
    /// # Errors
    /// The first of `take`. What is under way is finished and dropped, and no other task is begun.
    pub fn spread<T: Send, R: Send, E>(
        &self,
        tasks: Vec<T>,
        waiting: usize,
        work: impl Fn(usize, T) -> R + Sync,
        mut take: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        let n = tasks.len();
        let pools: Vec<_> = self.places.iter().map(|p| p.pools(n.div_ceil(self.size()))).collect();
        let workers: Vec<(usize, &ThreadPool)> =
            pools.iter().enumerate().flat_map(|(i, p)| p.iter().map(move |p| (i, p))).collect();
        let queue = Queue {
            state: Mutex::new(QueueState {
                tasks: tasks.into_iter().enumerate(),
                results: BTreeMap::new(),
                waiting: vec![0; workers.len()],
                has_stopped: false,
            }),
            changed: Condvar::new(),
            waiting,
        };
        std::thread::scope(|scope| {
            let (queue, work) = (&queue, &work);
            for (worker, &(place, pool)) in workers.iter().enumerate() {
                scope.spawn(move || pool.install(|| queue.work(worker, |task| work(place, task))));
            }
            // The workers end, whatever happens here.
            let _stop = StopAtEnd(queue);
            (0..n).try_for_each(|i| match queue.result(i) {
                Ok(result) => take(result),
                // With the message that it had.
                Err(panic) => resume_unwind(panic),
            })
        })
    }
}

impl Place {
    /// Pools for up to `tasks` tasks at once, made once: they cost nothing while idle.
    fn pools(&self, tasks: usize) -> Arc<Vec<ThreadPool>> {
        // A power of two, so that few pools serve any number of tasks. Elsewhere than on the CPU one
        // task keeps a device busy.
        let lanes = if self.has_kernels { self.threads.min(tasks) } else { 1 };
        let lanes = lanes.checked_ilog2().map_or(1, |log| 1 << log);
        let share = |i| self.threads / lanes + usize::from(i < self.threads % lanes);
        let pool = |i| ThreadPoolBuilder::new().num_threads(share(i)).build();
        let make = || {
            let pools: Result<_, _> = (0..lanes).map(pool).collect();
            Arc::new(pools.expect("the system has threads"))
        };
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pools.entry(lanes).or_insert_with(make))
    }
}

type Panic = Box<dyn std::any::Any + Send>;

/// Tasks and results of one call of [`DeviceGroup::spread`].
struct Queue<T, R> {
    state: Mutex<QueueState<T, R>>,
    changed: Condvar,
    /// Results of one worker that may wait while it works on another task.
    waiting: usize,
}

struct QueueState<T, R> {
    tasks: std::iter::Enumerate<std::vec::IntoIter<T>>,
    /// What was not taken yet, by the task's number, with the worker.
    results: BTreeMap<usize, (usize, Result<R, Panic>)>,
    /// How many of them each worker has.
    waiting: Vec<usize>,
    has_stopped: bool,
}

impl<T, R> Queue<T, R> {
    fn state(&self) -> MutexGuard<'_, QueueState<T, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, QueueState<T, R>>,
        is_early: impl Fn(&mut QueueState<T, R>) -> bool,
    ) -> MutexGuard<'a, QueueState<T, R>> {
        self.changed.wait_while(state, |s| is_early(s)).unwrap_or_else(PoisonError::into_inner)
    }

    /// One worker: does tasks until none is left.
    fn work(&self, worker: usize, f: impl Fn(T) -> R) {
        loop {
            // Whoever has the task that is taken next is not held up here: it was begun before all that wait.
            let is_full =
                |s: &mut QueueState<T, R>| !s.has_stopped && s.waiting[worker] > self.waiting;
            let mut state = self.wait(self.state(), is_full);
            let next = if state.has_stopped { None } else { state.tasks.next() };
            drop(state);
            let Some((i, task)) = next else { return };
            let result = catch_unwind(AssertUnwindSafe(|| f(task)));
            let mut state = self.state();
            state.results.insert(i, (worker, result));
            state.waiting[worker] += 1;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// What task `i` gave; waits for it.
    fn result(&self, i: usize) -> Result<R, Panic> {
        let mut state = self.wait(self.state(), |s| !s.results.contains_key(&i));
        let (worker, result) = state.results.remove(&i).expect("it was waited for");
        state.waiting[worker] -= 1;
        drop(state);
        self.changed.notify_all();
        result
    }
}

/// Ends the workers of a queue.
struct StopAtEnd<'a, T, R>(&'a Queue<T, R>);

impl<T, R> Drop for StopAtEnd<'_, T, R> {
    fn drop(&mut self) {
        self.0.state().has_stopped = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
