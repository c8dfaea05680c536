//! Device names, and why a device cannot be had.

use std::fmt;
use std::str::FromStr;

/// Names that a device can be given.
pub const KNOWN: &str = "flex, flex:N, cuda:N, cuda:*, tch, tch:cuda:N, wgpu, wgpu:N, \
                         wgpu:integrated:N, wgpu:virtual:N, wgpu:cpu";

/// A backend this project knows, compiled in or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `flex`, `flex:N`: Burn's portable CPU backend.
    Flex,
    /// `cuda:N`: Burn's own CUDA backend.
    Cuda,
    /// `tch`, `tch:cuda:N`: libtorch.
    Tch,
    /// `wgpu`, `wgpu:N`, `wgpu:cpu`: WebGPU, Vulkan or Metal.
    Wgpu,
}

/// What an adapter of `wgpu` is. Adapters of each kind are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// The one that the system prefers.
    Any,
    /// A card of its own.
    Discrete,
    /// On the chip of the CPU.
    Integrated,
    /// Of a virtual machine.
    Virtual,
    /// A program that computes on the CPU, such as Mesa's llvmpipe. There is at most one.
    Software,
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
    /// Which kind of adapter, for `wgpu`; [`Adapter::Any`] for all others.
    pub adapter: Adapter,
    /// Which device of its kind, where there is a choice: a GPU, or a place for one stage on the
    /// CPU. `None` is the CPU for `tch`, the one adapter of its kind for `wgpu`, and the CPU as one
    /// device for `flex`.
    pub index: Option<usize>,
}

impl Default for DeviceSpec {
    fn default() -> Self {
        Self::of(Backend::Flex, None)
    }
}

/// A device that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The string names no device.
    #[error("unknown device `{name}`: known are {KNOWN}")]
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
    /// An adapter that the machine does not have.
    #[error("device `{device}`: this machine shows no such adapter, {}", shown(present))]
    NoAdapter {
        /// What was asked for.
        device: DeviceSpec,
        /// The adapters that there are, each with what it calls itself.
        present: Vec<(DeviceSpec, String)>,
    },
}

fn shown(adapters: &[(DeviceSpec, String)]) -> String {
    let each = adapters.iter().map(|(device, name)| format!("{device} ({name})"));
    match each.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => {
            "and no other: is there a driver for Vulkan? `vulkaninfo` tells".to_owned()
        }
        some => format!("only {some}"),
    }
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
        let wgpu = |adapter, index| Self { adapter, ..Self::of(Backend::Wgpu, index) };
        Ok(match s.split(':').collect::<Vec<_>>()[..] {
            ["flex"] => Self::of(Backend::Flex, None),
            ["flex", n] => Self::of(Backend::Flex, index(n)?),
            ["cuda"] => Self::of(Backend::Cuda, Some(0)),
            ["cuda", n] => Self::of(Backend::Cuda, index(n)?),
            ["tch"] => Self::of(Backend::Tch, None),
            ["tch", "cuda"] => Self::of(Backend::Tch, Some(0)),
            ["tch", "cuda", n] => Self::of(Backend::Tch, index(n)?),
            ["wgpu"] => wgpu(Adapter::Any, None),
            ["wgpu", "cpu"] => wgpu(Adapter::Software, None),
            ["wgpu", "integrated"] => wgpu(Adapter::Integrated, Some(0)),
            ["wgpu", "integrated", n] => wgpu(Adapter::Integrated, index(n)?),
            ["wgpu", "virtual"] => wgpu(Adapter::Virtual, Some(0)),
            ["wgpu", "virtual", n] => wgpu(Adapter::Virtual, index(n)?),
            ["wgpu", n] => wgpu(Adapter::Discrete, index(n)?),
            _ => return Err(unknown()),
        })
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.index.unwrap_or(0);
        match (self.backend, self.adapter) {
            (Backend::Cuda, _) => write!(f, "cuda:{n}"),
            (Backend::Flex, _) if self.index.is_some() => write!(f, "flex:{n}"),
            (Backend::Tch, _) if self.index.is_some() => write!(f, "tch:cuda:{n}"),
            (Backend::Wgpu, Adapter::Discrete) => write!(f, "wgpu:{n}"),
            (Backend::Wgpu, Adapter::Integrated) => write!(f, "wgpu:integrated:{n}"),
            (Backend::Wgpu, Adapter::Virtual) => write!(f, "wgpu:virtual:{n}"),
            (Backend::Wgpu, Adapter::Software) => f.write_str("wgpu:cpu"),
            (backend, _) => f.write_str(backend.name()),
        }
    }
}

impl DeviceSpec {
    /// A device of `backend`, of any adapter.
    pub(crate) fn of(backend: Backend, index: Option<usize>) -> Self {
        Self { backend, adapter: Adapter::Any, index }
    }

    /// Whether it computes in the machine's own memory.
    pub fn is_host(self) -> bool {
        match self.backend {
            Backend::Flex => true,
            Backend::Tch => self.index.is_none(),
            Backend::Cuda | Backend::Wgpu => false,
        }
    }

    /// The kind of the device, which is the first device of it. Devices of one kind give the same
    /// bits, so that it does not matter which of them a stage has. An adapter of `wgpu` is a kind of
    /// its own: two of them may be of two makers.
    pub fn kind(self) -> Self {
        let index = match self.backend {
            Backend::Flex => None,
            Backend::Cuda | Backend::Tch => self.index.map(|_| 0),
            Backend::Wgpu => self.index,
        };
        Self { index, ..self }
    }
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
