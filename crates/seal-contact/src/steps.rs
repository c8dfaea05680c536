//! The steps in order.

use std::path::PathBuf;

use seal_device::DeviceSpec;

use crate::machine::Machine;
use crate::memory::Memory;
use crate::open::Open;
use crate::parity::Parity;
use crate::speed::Speed;
use crate::step::Step;
use crate::trial::Fifty;

/// Steps over which memory is read.
const MEMORY_STEPS: usize = 500;

/// What the steps are told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The device.
    pub device: DeviceSpec,
    /// Version of the program.
    pub version: String,
    /// Bytes of the device's memory, if they are known; those of a GPU of NVIDIA are asked for.
    pub device_memory: Option<u64>,
    /// Bytes of the machine's memory, if the system tells.
    pub machine_memory: Option<u64>,
    /// A Python with torch, to measure beside.
    pub python: Option<PathBuf>,
    /// Cores of the machine.
    pub cores: usize,
}

/// All steps: machine, open, trial, parity, memory, speed.
pub fn steps(settings: &Settings) -> Vec<Box<dyn Step>> {
    let device = || settings.device.to_string();
    vec![
        Box::new(Machine {
            device: settings.device,
            version: settings.version.clone(),
            cores: settings.cores,
            memory: settings.machine_memory,
        }),
        Box::new(Open { device: device() }),
        Box::new(Fifty { device: device() }),
        Box::new(Parity { device: device(), count: seal_parity::checks().len() }),
        Box::new(Memory { device: device(), steps: MEMORY_STEPS }),
        Box::new(Speed {
            device: settings.device,
            memory: settings.device_memory,
            python: settings.python.clone(),
            threads: settings.cores,
        }),
    ]
}
