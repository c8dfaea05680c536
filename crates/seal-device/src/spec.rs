//! Device names and the devices they open.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

/// A backend this project knows, compiled in or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `flex`, `flex:N`: Burn's portable CPU backend.
    Flex,
    /// `cuda:N`: Burn's own CUDA backend.
    Cuda,
    /// `tch`, `tch:cuda:N`: libtorch.
    Tch,
    /// `wgpu`: WebGPU, Vulkan or Metal.
    Wgpu,
}

impl Backend {
    /// All known backends.
    pub const ALL: [Backend; 4] = [Backend::Flex, Backend::Cuda, Backend::Tch, Backend::Wgpu];

    /// The name in device strings, and of the Cargo feature.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Flex => "flex",
            Backend::Cuda => "cuda",
            Backend::Tch => "tch",
            Backend::Wgpu => "wgpu",
        }
    }

    /// Whether this binary holds the backend.
    pub fn is_compiled_in(self) -> bool {
        match self {
            Backend::Flex => cfg!(feature = "flex"),
            Backend::Cuda => cfg!(feature = "cuda"),
            Backend::Tch => cfg!(feature = "tch"),
            Backend::Wgpu => cfg!(feature = "wgpu"),
        }
    }
}

/// A parsed device name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceSpec {
    /// Which backend runs.
    pub backend: Backend,
    /// Which device of its kind, where there is a choice: a GPU, or a place for one stage on the
    /// CPU. `None` is the CPU for `tch`, the default adapter for `wgpu`, and the CPU as one device
    /// for `flex`.
    pub index: Option<usize>,
}

impl Default for DeviceSpec {
    fn default() -> Self {
        Self { backend: Backend::Flex, index: None }
    }
}

/// A device that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The string names no device.
    #[error("unknown device `{name}`: known are flex, cuda:N, tch, tch:cuda:N, wgpu")]
    Unknown {
        /// The string.
        name: String,
    },
    /// Several devices where one is meant.
    #[error("`{name}`: one device is meant here, such as flex or cuda:0")]
    Several {
        /// The string.
        name: String,
    },
    /// The backend is known, but not in this binary.
    #[error(
        "device `{device}`: this binary has no {feature} backend, only {}",
        names(present),
        feature = device.backend.name()
    )]
    NotCompiledIn {
        /// What was asked for; its backend has the name of the Cargo feature
        /// that brings it.
        device: DeviceSpec,
        /// The backends that are in this binary.
        present: Vec<Backend>,
    },
}

fn names(backends: &[Backend]) -> String {
    backends.iter().map(|backend| backend.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for DeviceSpec {
    type Err = DeviceError;

    fn from_str(s: &str) -> Result<Self, DeviceError> {
        if s.ends_with(":*") || s.contains(',') {
            return Err(DeviceError::Several { name: s.to_owned() });
        }
        let unknown = || DeviceError::Unknown { name: s.to_owned() };
        let index = |text: &str| text.parse::<usize>().map(Some).map_err(|_| unknown());
        let (backend, index) = match s.split(':').collect::<Vec<_>>()[..] {
            ["flex"] => (Backend::Flex, None),
            ["flex", n] => (Backend::Flex, index(n)?),
            ["cuda"] => (Backend::Cuda, Some(0)),
            ["cuda", n] => (Backend::Cuda, index(n)?),
            ["tch"] => (Backend::Tch, None),
            ["tch", "cuda"] => (Backend::Tch, Some(0)),
            ["tch", "cuda", n] => (Backend::Tch, index(n)?),
            ["wgpu"] => (Backend::Wgpu, None),
            _ => return Err(unknown()),
        };
        Ok(Self { backend, index })
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.backend, self.index) {
            (Backend::Cuda, n) => write!(f, "cuda:{}", n.unwrap_or(0)),
            (Backend::Flex, Some(n)) => write!(f, "flex:{n}"),
            (Backend::Tch, Some(n)) => write!(f, "tch:cuda:{n}"),
            (backend, _) => f.write_str(backend.name()),
        }
    }
}

impl DeviceSpec {
    /// Whether it computes in the machine's own memory.
    pub fn is_host(self) -> bool {
        match self.backend {
            Backend::Flex => true,
            Backend::Tch => self.index.is_none(),
            Backend::Cuda | Backend::Wgpu => false,
        }
    }

    /// The kind of the device, which is the first device of it. Devices of one kind give the same
    /// bits, so that it does not matter which of them a stage has.
    pub fn kind(self) -> Self {
        let index = match self.backend {
            Backend::Flex => None,
            Backend::Cuda | Backend::Tch | Backend::Wgpu => self.index.map(|_| 0),
        };
        Self { index, ..self }
    }

    /// Opens the device, without autodiff.
    ///
    /// # Errors
    /// [`DeviceError::NotCompiledIn`] if this binary lacks the backend.
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
            Backend::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[allow(unreachable_patterns, reason = "with every feature on, none is missing")]
            _ => Err(DeviceError::NotCompiledIn {
                device: self,
                present: Backend::ALL.into_iter().filter(|b| b.is_compiled_in()).collect(),
            }),
        }
    }
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
