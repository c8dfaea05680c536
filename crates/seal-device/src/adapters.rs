//! The adapters of `wgpu` that this machine shows.

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind, DeviceType};

use crate::quietly;
use crate::spec::{Adapter, Backend, DeviceError, DeviceSpec};

/// Opens `spec`, a device of `wgpu`.
///
/// # Errors
/// [`DeviceError::NoAdapter`].
pub(crate) fn open(spec: DeviceSpec) -> Result<Device, DeviceError> {
    let found = adapters();
    let is_there = match spec.adapter {
        Adapter::Any => !found.is_empty(),
        _ => found.iter().any(|(device, _)| *device == spec),
    };
    match is_there {
        true => Ok(Device::wgpu(kind(spec))),
        false => Err(DeviceError::NoAdapter { device: spec, present: found.to_vec() }),
    }
}

fn kind(spec: DeviceSpec) -> DeviceKind {
    let n = spec.index.unwrap_or(0);
    match spec.adapter {
        Adapter::Any => DeviceKind::DefaultDevice,
        Adapter::Discrete => DeviceKind::DiscreteGpu(n),
        Adapter::Integrated => DeviceKind::IntegratedGpu(n),
        Adapter::Virtual => DeviceKind::VirtualGpu(n),
        Adapter::Software => DeviceKind::Cpu,
    }
}

/// Every adapter with what it calls itself. The machine is asked once: each time takes as long as
/// loading all drivers.
pub(crate) fn adapters() -> &'static [(DeviceSpec, String)] {
    static FOUND: OnceLock<Vec<(DeviceSpec, String)>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let devices = quietly(|| Device::enumerate(DeviceType::Wgpu)).map(Vec::from_iter);
        let devices = devices.unwrap_or_default().into_iter();
        devices.filter_map(|device| Some((spec_of(&device)?, name(&device)))).collect()
    })
}

/// The name by which `device` is opened; `None` for one that none of the known kinds is.
fn spec_of(device: &Device) -> Option<DeviceSpec> {
    let of = |adapter, index| DeviceSpec { adapter, ..DeviceSpec::of(Backend::Wgpu, index) };
    let numbered = (0..16).flat_map(|n| {
        let kinds = [Adapter::Discrete, Adapter::Integrated, Adapter::Virtual];
        kinds.map(|adapter| of(adapter, Some(n)))
    });
    let mut all = std::iter::once(of(Adapter::Software, None)).chain(numbered);
    all.find(|spec| Device::wgpu(kind(*spec)) == *device)
}

fn name(device: &Device) -> String {
    let said = quietly(|| device.identity()).ok().flatten();
    said.map_or_else(|| "it says no name".to_owned(), |identity| identity.name)
}
