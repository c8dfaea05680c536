//! Device names and the devices they open.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

/// A backend this project knows, compiled in or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `flex`: Burn's portable CPU backend.
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
    /// Which GPU, where the backend has a choice; `None` is the CPU for `tch`
    /// and the default adapter for `wgpu`.
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
        let unknown = || DeviceError::Unknown { name: s.to_owned() };
        let index = |text: &str| text.parse::<usize>().map(Some).map_err(|_| unknown());
        let (backend, index) = match s.split(':').collect::<Vec<_>>()[..] {
            ["flex"] => (Backend::Flex, None),
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

    /// Opens the device, without autodiff.
    ///
    /// # Errors
    /// [`DeviceError::NotCompiledIn`] if this binary lacks the backend.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self.backend {
            #[cfg(feature = "flex")]
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
mod tests {
    use super::*;

    #[test]
    fn names_survive_parsing() {
        for name in ["flex", "cuda:0", "cuda:3", "tch", "tch:cuda:1", "wgpu"] {
            assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<DeviceSpec>().unwrap().to_string(), "cuda:0");
    }

    #[test]
    fn the_cpu_computes_in_the_machines_memory() {
        let host = |name: &str| name.parse::<DeviceSpec>().unwrap().is_host();
        assert!(host("flex") && host("tch"));
        assert!(!host("tch:cuda:0") && !host("cuda:0") && !host("wgpu"));
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        for name in ["gpu", "cuda:x", "flex:0", ""] {
            let error = name.parse::<DeviceSpec>().unwrap_err().to_string();
            assert!(error.contains("known are flex, cuda:N"), "{error}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_missing_backend_says_how_to_get_it() {
        let error = "cuda:0".parse::<DeviceSpec>().unwrap().open().unwrap_err();
        assert!(error.to_string().contains("no cuda backend, only "), "{error}");
    }
}
