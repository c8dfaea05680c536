//! Operations of one kernel for GPUs, in CubeCL: the same source serves CUDA and WebGPU.

mod dropout;
mod gate;
mod norm;
mod reduce;
mod rotary;
mod softmax;

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Device};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

pub(crate) use dropout::dropout;
pub(crate) use gate::swiglu;
pub(crate) use norm::rms_norm;
pub(crate) use rotary::{rotate_back, rotate_split};
pub(crate) use softmax::{causal_softmax, softmax_gradient};

/// Whether `device` runs kernels of CubeCL.
pub(crate) fn is_cube(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Cube(_))
}

/// A tensor whose elements lie one after another.
fn flat(x: CubeTensor) -> CubeTensor {
    into_contiguous(x)
}

/// Room for a tensor of `shape`, its elements one after another, where `like` is.
fn room<const D: usize>(like: &CubeTensor, shape: [usize; D], dtype: DType) -> CubeTensor {
    let (client, device) = (like.client.clone(), like.device.clone());
    empty_device_contiguous_dtype(client, device, shape.into(), dtype)
}
