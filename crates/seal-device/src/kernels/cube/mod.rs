//! Operations of one kernel for GPUs, in CubeCL: the same source serves CUDA and WebGPU.

mod dropout;

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

pub(crate) use dropout::dropout;

/// Whether `device` runs kernels of CubeCL.
pub(crate) fn is_cube(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Cube(_))
}

/// A tensor whose elements lie one after another, and its number of rows and columns.
fn flat(x: CubeTensor) -> (CubeTensor, [usize; 2]) {
    let x = into_contiguous(x);
    let [rows, columns] = x.meta.shape()[..] else { panic!("a matrix") };
    (x, [rows, columns])
}

/// Room for a tensor of the shape, device and format of `like`.
fn room_like(like: &CubeTensor) -> CubeTensor {
    let shape = like.meta.shape().clone();
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, like.dtype)
}
