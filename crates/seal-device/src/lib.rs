//! Opens a Burn device by name, and holds the kernels written for one backend.
//!
//! Invariant: the only crate that names a Burn backend. Which backends are in
//! the binary is a Cargo feature (`flex`, `cuda`, `tch`, `wgpu`); which one
//! runs is a string (`flex`, `cuda:0`, `tch`, `tch:cuda:0`, `wgpu:0`) from a
//! config or from the command line. A study may have several of one kind
//! ([`DeviceSet`]). [`burn::tensor::Device::default`] is never
//! called, because its answer changes with the features of unrelated crates.

#[cfg(feature = "wgpu")]
mod adapters;
mod dropout;
mod group;
mod kernels;
mod mask;
mod open;
mod quiet;
mod set;
mod spec;
mod threefry;
mod trial;

pub use dropout::DropoutTokens;
pub use group::DeviceGroup;
pub use kernels::{
    AdamWStep, AttentionShape, GpuKernels, Kernels, KeysValues, PackedMatrix, SeenKeys,
};
pub use mask::Dropout;
pub use quiet::{panic_message, quietly};
pub use set::{DeviceSet, DeviceSetError};
pub use spec::{Adapter, Backend, DeviceError, DeviceSpec, KNOWN};
pub use trial::TrialError;

/// The adapters of `wgpu` that this machine shows, each with what it calls itself; none where the backend is
/// not in this binary.
pub fn adapters_shown() -> Vec<(DeviceSpec, String)> {
    #[cfg(feature = "wgpu")]
    let shown = adapters::adapters().to_vec();
    #[cfg(not(feature = "wgpu"))]
    let shown = Vec::new();
    shown
}

/// Ways of Burn to run the same operations faster, which cuda and wgpu take where they are in this
/// binary: features of Cargo, both off by default. Each is its name and whether it is on. `fusion`
/// joins operations into one kernel. `autotune` measures several kernels of one operation and takes
/// the fastest. Together they stand behind open reports of wrong results.
pub const ACCELERATIONS: [(&str, bool); 2] =
    [("fusion", cfg!(feature = "fusion")), ("autotune", cfg!(feature = "autotune"))];
