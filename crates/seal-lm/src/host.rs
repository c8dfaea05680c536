//! Kernels that compute in the memory of the host, whatever device a model is on.

use burn::tensor::Device;
use seal_device::{DeviceSpec, Kernels};

/// The kernels, and the device whose memory is the host's. `None` if this binary has no CPU backend.
pub(crate) fn host_kernels() -> Option<(Kernels, Device)> {
    let device = DeviceSpec::default().open().ok()?;
    Some((Kernels::of(&device)?, device))
}
