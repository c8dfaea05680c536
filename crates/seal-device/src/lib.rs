//! Opens a Burn device by name, and holds the kernels written for one backend.
//!
//! Invariant: the only crate that names a Burn backend. Which backends are in
//! the binary is a Cargo feature (`flex`, `cuda`, `tch`, `wgpu`); which one
//! runs is a string (`flex`, `cuda:0`, `tch`, `tch:cuda:0`, `wgpu`) from a
//! config or from `--device`. A study may have several of one kind
//! ([`DeviceSet`]). [`burn::tensor::Device::default`] is never
//! called, because its answer changes with the features of unrelated crates.

mod group;
mod kernels;
mod set;
mod spec;
mod trial;

pub use group::DeviceGroup;
pub use kernels::{AdamWStep, AttentionShape, Kernels, KeysValues, PackedMatrix};
pub use set::{DeviceSet, DeviceSetError};
pub use spec::{Backend, DeviceError, DeviceSpec};
pub use trial::TrialError;

/// What a backend said when it panicked, which is how Burn's report a missing
/// driver or too little memory; `None` if it was no text.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
}
