//! What stages need while they run, and what there is.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a stage needs while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Threads; 0 counts as 1.
    pub threads: usize,
    /// A device by its name, if it computes on one.
    pub device: Option<String>,
    /// A service by its address, if it asks one over the network.
    pub network: Option<String>,
}

/// What stages may use at once. A stage that needs more than there is runs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Stages.
    pub jobs: usize,
    /// Threads of all stages together.
    pub threads: usize,
    /// Stages on one device, by its name. A device that is not named takes any number.
    pub devices: BTreeMap<String, usize>,
    /// Stages that ask one and the same service. A stage sends as many requests at once as the
    /// service takes, so that one stage a service is enough.
    pub network: usize,
    /// How often a stage keeps the state that it would go on from after a kill.
    pub keep_every: Duration,
}

/// How often a stage keeps its state unless told otherwise: ten minutes, so that a killed stage loses
/// at most this much work.
pub const KEEP_EVERY: Duration = Duration::from_secs(600);

impl Capacity {
    /// Room for `jobs` stages of `threads` threads each, wherever they compute.
    pub fn new(jobs: usize, threads: usize) -> Self {
        let (jobs, threads) = (jobs.max(1), threads.max(1));
        Self {
            jobs,
            threads: jobs.saturating_mul(threads),
            devices: BTreeMap::new(),
            network: 1,
            keep_every: KEEP_EVERY,
        }
    }
}

/// What running stages use.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    jobs: usize,
    threads: usize,
    devices: BTreeMap<String, usize>,
    network: BTreeMap<String, usize>,
}

impl InUse {
    /// Whether a stage may start beside those that run.
    pub(crate) fn leaves_room(&self, for_: &Resources, of: &Capacity) -> bool {
        if self.jobs == 0 {
            return true;
        }
        let on_device = for_.device.as_ref().is_none_or(|device| {
            let used = self.devices.get(device).copied().unwrap_or(0);
            of.devices.get(device).is_none_or(|most| used < *most)
        });
        let on_network = for_.network.as_ref().is_none_or(|service| {
            self.network.get(service).copied().unwrap_or(0) < of.network.max(1)
        });
        self.jobs < of.jobs
            && self.threads + for_.threads.max(1) <= of.threads
            && on_device
            && on_network
    }

    pub(crate) fn take(&mut self, by: &Resources) {
        self.jobs += 1;
        self.threads += by.threads.max(1);
        if let Some(service) = &by.network {
            *self.network.entry(service.clone()).or_default() += 1;
        }
        if let Some(device) = &by.device {
            *self.devices.entry(device.clone()).or_default() += 1;
        }
    }

    pub(crate) fn give_back(&mut self, by: &Resources) {
        self.jobs -= 1;
        self.threads -= by.threads.max(1);
        if let Some(used) = by.network.as_ref().and_then(|service| self.network.get_mut(service)) {
            *used -= 1;
        }
        if let Some(used) = by.device.as_ref().and_then(|device| self.devices.get_mut(device)) {
            *used -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(threads: usize, device: Option<&str>, network: Option<&str>) -> Resources {
        let [device, network] = [device, network].map(|name| name.map(str::to_owned));
        Resources { threads, device, network }
    }

    #[test]
    fn a_stage_starts_when_all_that_it_needs_is_free() {
        let mut of = Capacity::new(3, 2);
        assert_eq!((of.jobs, of.threads, of.network), (3, 6, 1));
        of.devices = BTreeMap::from([("cuda:0".to_owned(), 1)]);
        let mut used = InUse::default();
        let on_gpu = needs(2, Some("cuda:0"), None);
        used.take(&on_gpu);
        assert!(!used.leaves_room(&on_gpu, &of), "the device is taken");
        assert!(used.leaves_room(&needs(2, Some("cuda:1"), None), &of), "another is free");
        assert!(used.leaves_room(&needs(4, None, None), &of));
        assert!(!used.leaves_room(&needs(5, None, None), &of), "more threads than are left");
        let asks = needs(0, None, Some("judge"));
        used.take(&asks);
        assert!(!used.leaves_room(&asks, &of), "one at a time asks a service");
        assert!(used.leaves_room(&needs(0, None, Some("other")), &of), "another service is free");
        assert!(!used.leaves_room(&needs(4, None, None), &of), "0 threads count as one");
        assert!(used.leaves_room(&needs(3, None, None), &of));
        used.take(&needs(1, None, None));
        assert!(!used.leaves_room(&needs(1, None, None), &of), "three jobs run");
        used.give_back(&asks);
        assert!(used.leaves_room(&asks, &of));
        used.give_back(&on_gpu);
        assert!(used.leaves_room(&on_gpu, &of));
        // One stage with one thread is left.
        assert!(used.leaves_room(&needs(5, None, None), &of));
        assert!(!used.leaves_room(&needs(6, None, None), &of));
    }

    #[test]
    fn a_stage_that_needs_more_than_there_is_runs_alone() {
        let of = Capacity::new(0, 0);
        assert_eq!((of.jobs, of.threads), (1, 1));
        let (large, mut used) = (needs(64, None, Some("judge")), InUse::default());
        assert!(used.leaves_room(&large, &of));
        used.take(&large);
        assert!(!used.leaves_room(&needs(1, None, None), &of));
        used.give_back(&large);
        assert!(used.leaves_room(&needs(1, None, None), &of));
    }
}
