//! What stages need while they run, and what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a stage needs while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Threads; 0 counts as 1.
    pub threads: usize,
    /// A device by its name, or by that of its kind, if it computes on one.
    pub device: Option<String>,
    /// How many devices of that kind it has for itself; 0 counts as 1. Where there are fewer, it has
    /// all.
    pub devices: usize,
    /// A service by its address, if it asks one over the network.
    pub network: Option<String>,
}

/// What stages may use at once. A stage that needs more than there is runs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Stages. With [`Capacity::beside`], those that compute on a device.
    pub jobs: usize,
    /// Stages that need no device and run beside the others. 0: they count as the others do.
    pub beside: usize,
    /// Threads of all stages together.
    pub threads: usize,
    /// The devices of a kind, by the name that stages ask for. A stage has one of them for itself. A
    /// name that is not here is that of a device which takes any number of stages.
    pub devices: BTreeMap<String, Vec<String>>,
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
            beside: 0,
            threads: jobs.saturating_mul(threads),
            devices: BTreeMap::new(),
            network: 1,
            keep_every: KEEP_EVERY,
        }
    }

    /// Room for `jobs` stages of `threads` threads each on `devices` of the kind `kind`, each of which
    /// has one of them for itself. As many stages as there are devices run beside them without one.
    pub fn on_devices(jobs: usize, threads: usize, kind: &str, devices: Vec<String>) -> Self {
        let (of, beside) = (Self::new(jobs, threads), devices.len());
        Self {
            beside,
            threads: of.threads.saturating_add(beside.saturating_mul(threads.max(1))),
            devices: BTreeMap::from([(kind.to_owned(), devices)]),
            ..of
        }
    }
}

/// What running stages use.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    jobs: usize,
    /// Of the jobs, those that need no device.
    beside: usize,
    threads: usize,
    /// Devices that a stage has for itself, with the name that it asked for.
    devices: BTreeSet<(String, String)>,
    network: BTreeMap<String, usize>,
}

impl InUse {
    /// Whether a stage may start beside those that run.
    pub(crate) fn leaves_room(&self, for_: &Resources, of: &Capacity) -> bool {
        if self.jobs == 0 {
            return true;
        }
        let on_network = for_.network.as_ref().is_none_or(|service| {
            self.network.get(service).copied().unwrap_or(0) < of.network.max(1)
        });
        let has_job = match (of.beside, &for_.device) {
            (0, _) => self.jobs < of.jobs,
            (most, None) => self.beside < most,
            (_, Some(_)) => self.jobs - self.beside < of.jobs,
        };
        has_job
            && self.threads + for_.threads.max(1) <= of.threads
            && for_.device.as_ref().is_none_or(|kind| self.has_free(kind, for_.devices, of))
            && on_network
    }

    /// The devices that a stage which asks for `n` of `kind` would get: the first that are free.
    fn free_devices(&self, kind: &str, n: usize, of: &Capacity) -> Vec<String> {
        let Some(devices) = of.devices.get(kind) else { return vec![kind.to_owned()] };
        let is_free =
            |device: &&String| !self.devices.contains(&(kind.to_owned(), (*device).clone()));
        devices.iter().filter(is_free).take(n.max(1)).cloned().collect()
    }

    /// Whether `n` devices of `kind` are free.
    fn has_free(&self, kind: &str, n: usize, of: &Capacity) -> bool {
        let most = of.devices.get(kind).map_or(1, Vec::len);
        self.free_devices(kind, n, of).len() >= n.clamp(1, most.max(1))
    }

    /// Takes what a stage needs, and gives the devices that it computes on.
    pub(crate) fn take(&mut self, by: &Resources, of: &Capacity) -> Vec<String> {
        self.jobs += 1;
        self.beside += usize::from(by.device.is_none());
        self.threads += by.threads.max(1);
        if let Some(service) = &by.network {
            *self.network.entry(service.clone()).or_default() += 1;
        }
        let Some(kind) = &by.device else { return Vec::new() };
        let devices = self.free_devices(kind, by.devices, of);
        if of.devices.contains_key(kind) {
            self.devices.extend(devices.iter().map(|device| (kind.clone(), device.clone())));
        }
        devices
    }

    /// Gives back what a stage needed, and the devices that it had.
    pub(crate) fn give_back(&mut self, by: &Resources, devices: Vec<String>) {
        self.jobs -= 1;
        self.beside -= usize::from(by.device.is_none());
        self.threads -= by.threads.max(1);
        if let Some(used) = by.network.as_ref().and_then(|service| self.network.get_mut(service)) {
            *used -= 1;
        }
        let Some(kind) = &by.device else { return };
        for device in devices {
            self.devices.remove(&(kind.clone(), device));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(threads: usize, device: Option<&str>, network: Option<&str>) -> Resources {
        let [device, network] = [device, network].map(|name| name.map(str::to_owned));
        Resources { threads, device, network, ..Resources::default() }
    }

    #[test]
    fn a_stage_starts_when_all_that_it_needs_is_free() {
        let mut of = Capacity::new(3, 2);
        assert_eq!((of.jobs, of.threads, of.network), (3, 6, 1));
        of.devices = BTreeMap::from([("cuda:0".to_owned(), vec!["cuda:0".to_owned()])]);
        let mut used = InUse::default();
        let on_gpu = needs(2, Some("cuda:0"), None);
        assert_eq!(used.take(&on_gpu, &of), ["cuda:0"]);
        assert!(!used.leaves_room(&on_gpu, &of), "the device is taken");
        assert!(used.leaves_room(&needs(2, Some("cuda:1"), None), &of), "another is free");
        assert!(used.leaves_room(&needs(4, None, None), &of));
        assert!(!used.leaves_room(&needs(5, None, None), &of), "more threads than are left");
        let asks = needs(0, None, Some("judge"));
        used.take(&asks, &of);
        assert!(!used.leaves_room(&asks, &of), "one at a time asks a service");
        assert!(used.leaves_room(&needs(0, None, Some("other")), &of), "another service is free");
        assert!(!used.leaves_room(&needs(4, None, None), &of), "0 threads count as one");
        assert!(used.leaves_room(&needs(3, None, None), &of));
        used.take(&needs(1, None, None), &of);
        assert!(!used.leaves_room(&needs(1, None, None), &of), "three jobs run");
        used.give_back(&asks, Vec::new());
        assert!(used.leaves_room(&asks, &of));
        used.give_back(&on_gpu, vec!["cuda:0".to_owned()]);
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
        used.take(&large, &of);
        assert!(!used.leaves_room(&needs(1, None, None), &of));
        used.give_back(&large, Vec::new());
        assert!(used.leaves_room(&needs(1, None, None), &of));
    }
    #[test]
    fn each_stage_has_a_device_of_its_kind_for_itself_and_others_run_beside() {
        let devices = ["cuda:0", "cuda:1", "cuda:2"].map(str::to_owned).to_vec();
        let of = Capacity::on_devices(2, 4, "cuda:0", devices);
        assert_eq!((of.jobs, of.beside, of.threads), (2, 3, 20));
        let (on_gpu, on_cpu) = (needs(4, Some("cuda:0"), None), needs(4, None, None));
        let mut used = InUse::default();
        assert_eq!(used.take(&on_gpu, &of), ["cuda:0"]);
        assert_eq!(used.take(&on_gpu, &of), ["cuda:1"]);
        assert!(!used.leaves_room(&on_gpu, &of), "two jobs run, though a device is free");
        for _ in 0..3 {
            assert!(used.leaves_room(&on_cpu, &of));
            assert!(used.take(&on_cpu, &of).is_empty());
        }
        assert!(!used.leaves_room(&on_cpu, &of), "three run beside");
        used.give_back(&on_gpu, vec!["cuda:0".to_owned()]);
        assert!(used.leaves_room(&on_gpu, &of), "stages beside take no job");
        assert_eq!(used.take(&on_gpu, &of), ["cuda:0"], "the first that is free");
        // A name of no kind is that of a device, whatever runs on it.
        let of = Capacity { jobs: 9, threads: 99, ..of };
        for _ in 0..2 {
            let other = needs(1, Some("flex"), None);
            assert!(used.leaves_room(&other, &of));
            assert_eq!(used.take(&other, &of), ["flex"]);
        }
    }

    #[test]
    fn a_stage_may_have_several_devices_for_itself() {
        let devices = ["cuda:0", "cuda:1", "cuda:2", "cuda:3"].map(str::to_owned).to_vec();
        let of = Capacity::on_devices(4, 2, "cuda:0", devices);
        let one = needs(2, Some("cuda:0"), None);
        let two = Resources { devices: 2, threads: 4, ..one.clone() };
        let mut used = InUse::default();
        assert_eq!(used.take(&one, &of), ["cuda:0"]);
        assert!(used.leaves_room(&two, &of));
        assert_eq!(used.take(&two, &of), ["cuda:1", "cuda:2"]);
        assert!(!used.leaves_room(&two, &of), "one device is left");
        assert!(used.leaves_room(&one, &of));
        used.give_back(&one, vec!["cuda:0".to_owned()]);
        assert_eq!(used.take(&two, &of), ["cuda:0", "cuda:3"]);
        assert!(!used.leaves_room(&one, &of));
        // Where there are fewer, it has all of them, alone.
        let of = Capacity {
            devices: BTreeMap::from([("cuda:0".to_owned(), vec!["cuda:0".to_owned()])]),
            ..of
        };
        let mut used = InUse::default();
        assert!(used.leaves_room(&two, &of));
        assert_eq!(used.take(&two, &of), ["cuda:0"]);
        assert!(!used.leaves_room(&two, &of));
    }
}
