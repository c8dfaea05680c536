//! Devices by their names.

use burn::tensor::Device;

use crate::spec::{Backend, DeviceError, DeviceSpec};

impl DeviceSpec {
    /// Opens the device, without autodiff.
    ///
    /// # Errors
    /// [`DeviceError::NotCompiledIn`] if this binary lacks the backend;
    /// [`DeviceError::NoAdapter`] if the machine has no such adapter of `wgpu`.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self.backend {
            #[cfg(feature = "flex")]
            // Places on the CPU are one device of the backend.
            Backend::Flex => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Backend::Cuda => Ok(Device::cuda(self.index.unwrap_or(0))),
            #[cfg(feature = "tch")]
            #[allow(deprecated, reason = "the design asks for burn-tch, which 0.22 still ships")]
            Backend::Tch => Ok(match self.index {
                Some(n) => Device::libtorch_cuda(n),
                None => Device::libtorch(),
            }),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => crate::adapters::open(self),
            #[allow(unreachable_patterns, reason = "with every feature on, none is missing")]
            _ => Err(DeviceError::NotCompiledIn {
                device: self,
                present: Backend::ALL.into_iter().filter(|b| b.is_compiled_in()).collect(),
            }),
        }
    }
}
