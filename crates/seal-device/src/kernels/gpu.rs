//! Operations of one kernel each on GPUs.

use burn::tensor::{DType, Device, Tensor};

use super::seen::SeenKeys;

/// The kernels of a GPU: holding the value is the proof that there are some.
///
/// Burn composes normalisation and gating from many element-wise operations. On a GPU each of them
/// is a launch and a pass over memory, forward and backward. These are one each, and record one
/// node on the tape. They exist with the Cargo features `cuda` and `wgpu`, and not with `fusion`,
/// which joins Burn's own.
///
/// Tensors given to its methods lie on that device, with or without autodiff, in f32 or bf16. Sums
/// are taken in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuKernels(Proof);

#[cfg(all(feature = "cube", not(feature = "fusion")))]
type Proof = ();

/// No value has this type: a binary without the kernels holds none.
#[cfg(not(all(feature = "cube", not(feature = "fusion"))))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {}

/// `$call` where kernels are compiled in.
macro_rules! held {
    ($kernels:expr, $call:expr) => {{
        #[cfg(all(feature = "cube", not(feature = "fusion")))]
        {
            let GpuKernels(()) = $kernels;
            $call
        }
        #[cfg(not(all(feature = "cube", not(feature = "fusion"))))]
        match $kernels.0 {}
    }};
}

#[cfg_attr(
    not(all(feature = "cube", not(feature = "fusion"))),
    allow(unused_variables, reason = "never called")
)]
impl GpuKernels {
    /// The kernels of `device`, if it has some.
    pub fn of(device: &Device) -> Option<Self> {
        #[cfg(all(feature = "cube", not(feature = "fusion")))]
        {
            super::is_cube(device).then_some(Self(()))
        }
        #[cfg(not(all(feature = "cube", not(feature = "fusion"))))]
        None
    }

    /// RMS normalisation of the rows of `x` `[n, d]` with gain `w` `[d]`. A gain in the format of
    /// `x` multiplies rounded rows; one in f32 multiplies before they are rounded.
    pub fn rms_norm(self, x: Tensor<2>, w: Tensor<1>, eps: f64) -> Tensor<2> {
        held!(self, super::cube::rms_norm(x, w, eps))
    }

    /// `silu(gate) * up`, both `[n, f]`.
    pub fn swiglu(self, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        held!(self, super::cube::swiglu(gate, up))
    }

    /// Weights of attention, `[B, kv, g c, w]` in `dtype`, of products of queries and keys of that
    /// shape: the softmax of `scale` times the products over the keys that a query sees, and 0 at
    /// the others. Off the tape.
    pub fn causal_softmax(
        self,
        products: Tensor<4>,
        seen: SeenKeys,
        scale: f64,
        dtype: DType,
    ) -> Tensor<4> {
        held!(self, super::cube::causal_softmax(products, seen, scale, dtype))
    }

    /// The gradient of products in `dtype`, `scale p (dp - sum(p dp))` a row, given the weights p
    /// and their gradient dp, all of one shape. Off the tape.
    pub fn softmax_gradient(
        self,
        weights: Tensor<4>,
        dweights: Tensor<4>,
        scale: f64,
        dtype: DType,
    ) -> Tensor<4> {
        held!(self, super::cube::softmax_gradient(weights, dweights, scale, dtype))
    }

    /// States `[B T, heads d]` by head, `[B, heads, T, d]`, with the first `2 half` dimensions of
    /// each turned by tables `[T, half]` of cosines and sines in f32. Off the tape.
    pub fn rotate_split(
        self,
        x: Tensor<2>,
        tables: (Tensor<2>, Tensor<2>),
        heads: usize,
    ) -> Tensor<4> {
        held!(self, super::cube::rotate_split(x, tables, heads))
    }

    /// The transpose of [`GpuKernels::rotate_split`], in `dtype`.
    pub fn rotate_back(
        self,
        x: Tensor<4>,
        tables: (Tensor<2>, Tensor<2>),
        dtype: DType,
    ) -> Tensor<2> {
        held!(self, super::cube::rotate_back(x, tables, dtype))
    }
}
