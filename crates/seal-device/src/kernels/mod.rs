//! Fused forward and backward passes for the CPU backend.
//!
//! Burn composes attention, normalisation, gating and the loss from many
//! element-wise operations; on the CPU each is a pass over memory and an
//! allocation, forward and backward. The methods of [`Kernels`] do one pass each
//! and record one node on the tape. Who holds a [`Kernels`] has them; elsewhere
//! the caller composes the same mathematics from Burn's operations, and tests
//! hold the two against each other.

#[cfg(feature = "flex")]
mod adamw;
mod adamw_step;
#[cfg(feature = "flex")]
mod attention;
#[cfg(all(feature = "cube", not(feature = "fusion")))]
mod cube;
#[cfg(feature = "flex")]
mod dropout;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod gate;
mod gpu;
mod keys_values;
#[cfg(feature = "flex")]
mod loss;
#[cfg(feature = "flex")]
mod math;
#[cfg(feature = "flex")]
mod norm;
#[cfg(feature = "flex")]
mod pack;
mod packed;
#[cfg(feature = "flex")]
mod product;
mod seen;
mod shape;
#[cfg(feature = "flex")]
mod sums;
#[cfg(feature = "flex")]
mod threads;
#[cfg(feature = "flex")]
mod tile;

use burn::tensor::{Device, Tensor};

#[cfg(all(feature = "cube", not(feature = "fusion")))]
pub(crate) use cube::{dropout as cube_dropout, is_cube};
#[cfg(feature = "flex")]
pub(crate) use flex::dropout as flex_dropout;

pub use adamw_step::AdamWStep;
pub use gpu::GpuKernels;
pub use keys_values::KeysValues;
pub use packed::PackedMatrix;
pub use seen::SeenKeys;
pub use shape::AttentionShape;

/// The kernels of a device: holding the value is the proof that there are some.
///
/// Tensors given to its methods lie on that device, with or without autodiff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels(Proof);

#[cfg(feature = "flex")]
type Proof = ();

/// No value has this type: a binary without kernels holds none, and what it
/// would call needs no code.
#[cfg(not(feature = "flex"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {}

/// `$call` where kernels are compiled in.
macro_rules! held {
    ($kernels:expr, $call:expr) => {{
        #[cfg(feature = "flex")]
        {
            let Kernels(()) = $kernels;
            $call
        }
        #[cfg(not(feature = "flex"))]
        match $kernels.0 {}
    }};
}

#[cfg_attr(not(feature = "flex"), allow(unused_variables, reason = "never called"))]
impl Kernels {
    /// The kernels of `device`, if it has some.
    pub fn of(device: &Device) -> Option<Self> {
        #[cfg(feature = "flex")]
        {
            (*device == Device::flex()).then_some(Self(()))
        }
        #[cfg(not(feature = "flex"))]
        None
    }

    /// RMS normalisation of the rows of `x` `[n, d]` with gain `w` `[d]`.
    pub fn rms_norm(self, x: Tensor<2>, w: Tensor<1>, eps: f64) -> Tensor<2> {
        held!(self, flex::rms_norm(x, w, eps))
    }

    /// Layer normalisation of the rows of `x` `[n, d]` with gain `w` and bias
    /// `b`, both `[d]`.
    pub fn layer_norm(self, x: Tensor<2>, w: Tensor<1>, b: Tensor<1>, eps: f64) -> Tensor<2> {
        held!(self, flex::layer_norm(x, w, b, eps))
    }

    /// `silu(gate) * up`, both `[n, f]`.
    pub fn swiglu(self, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        held!(self, flex::swiglu(gate, up))
    }

    /// `x Phi(x)` of `x` `[n, f]`, with the normal distribution function Phi.
    pub fn gelu(self, x: Tensor<2>) -> Tensor<2> {
        held!(self, flex::gelu(x))
    }

    /// `x w` for `x` `[n, k]` and `w` `[k, m]`.
    ///
    /// # Panics
    /// Where the shapes do not fit.
    pub fn matmul(self, x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
        held!(self, flex::product::matmul(x, w))
    }

    /// `start + x w`, as [`Kernels::matmul`], where `start` is `[n, m]` or, for
    /// each row the same, `[1, m]`. It is overwritten where nobody else holds it.
    ///
    /// # Panics
    /// Where the shapes do not fit.
    pub fn matmul_add(self, start: Tensor<2>, x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
        held!(self, flex::product::matmul_add(start, x, w))
    }

    /// `w` `[k, m]`, row after row, laid out for [`Kernels::packed_product`].
    ///
    /// # Panics
    /// If `w` has not k * m elements.
    pub fn pack(self, w: &[f32], shape: [usize; 2]) -> PackedMatrix {
        assert_eq!(w.len(), shape[0] * shape[1], "elements of {shape:?}");
        held!(self, pack::pack(product::Matrix::new(w, shape, [shape[1], 1])))
    }

    /// As [`Kernels::pack`], for `w` `[m, k]`.
    ///
    /// # Panics
    /// If `w` has not k * m elements.
    pub fn pack_transposed(self, w: &[f32], shape: [usize; 2]) -> PackedMatrix {
        assert_eq!(w.len(), shape[0] * shape[1], "elements of {shape:?}");
        held!(self, pack::pack(product::Matrix::new(w, [shape[1], shape[0]], [1, shape[1]])))
    }

    /// `x w` for `x` `[n, k]`, off the tape. A row of the result does not depend on the rows
    /// beside it: each element is summed in the order of its index, by fused multiply-adds.
    ///
    /// # Panics
    /// Where the shapes do not fit.
    pub fn packed_product(self, x: Tensor<2>, w: &PackedMatrix) -> Tensor<2> {
        held!(self, flex::cached::packed_product(x, w))
    }

    /// As [`Kernels::causal_attention`], off the tape, for the new tokens of sequences: `shape` has
    /// a row for each of them, and the tables a row for each of the n tokens (`positions` is n). A
    /// token sees those of its sequence in `stored`, to which the new keys and values are added.
    ///
    /// A token's result depends on its sequence alone, and not on how many of its tokens come at
    /// once.
    ///
    /// # Panics
    /// Where the shapes do not fit.
    pub fn cached_attention(
        self,
        qkv: [Tensor<2>; 3],
        tables: (Tensor<2>, Tensor<2>),
        shape: &AttentionShape,
        stored: &mut [&mut KeysValues],
    ) -> Tensor<2> {
        held!(self, flex::cached::attention(qkv, tables, shape, stored))
    }

    /// Causal attention with rotary positions, `[n, heads * d]`.
    ///
    /// `q` is `[n, heads * d]`, `k` and `v` are `[n, kv_heads * d]`, for the n
    /// tokens of a batch; `cos` and `sin`, the rotary tables, are
    /// `[positions, r / 2]` and get no gradient. Of each head the first r
    /// dimensions are rotated, r <= d.
    ///
    /// # Panics
    /// Where a row lies outside the tokens.
    pub fn causal_attention(
        self,
        q: Tensor<2>,
        k: Tensor<2>,
        v: Tensor<2>,
        cos: Tensor<2>,
        sin: Tensor<2>,
        shape: AttentionShape,
    ) -> Tensor<2> {
        held!(self, flex::causal_attention(q, k, v, cos, sin, shape))
    }

    /// Negative log-likelihood in nats, `[m]`, of `targets` (`m` of them, each
    /// below `v`) under `logits` `[m, v]`.
    ///
    /// # Panics
    /// Where `targets` has another length, or one of them is not below v.
    pub fn nll(self, logits: Tensor<2>, targets: Vec<u32>) -> Tensor<1> {
        held!(self, flex::nll(logits, targets))
    }

    /// Losses `[m]` in nats of `targets` `[m]` under `logits` `[m, v]`, which are
    /// overwritten by their gradients: `(softmax - onehot(target)) * weight`,
    /// with `weights` `[m]`.
    ///
    /// # Panics
    /// Where a target is not below v, or where the lengths do not fit.
    pub fn nll_gradient(self, logits: &mut [f32], targets: &[u32], weights: &[f32]) -> Vec<f32> {
        held!(self, loss::in_place(logits, targets, weights))
    }

    /// Adds `part` to `sum`, element by element.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn add(self, sum: &mut [f32], part: &[f32]) {
        held!(self, sums::add(sum, part))
    }

    /// Sum of the squares of `x`, in an order that does not depend on threads.
    pub fn squares(self, x: &[f32]) -> f64 {
        held!(self, sums::squares(x))
    }

    /// Moves `weights` against `gradient` and brings the moments `first` and
    /// `second` up to date.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn adamw(
        self,
        step: AdamWStep,
        weights: &mut [f32],
        gradient: &[f32],
        first: &mut [f32],
        second: &mut [f32],
    ) {
        held!(self, adamw::apply(step, weights, gradient, first, second))
    }

    /// The results of `f` for every task, in their order. Tasks run side by
    /// side, each on a part of the current rayon pool's threads: the kernels
    /// compute on the threads of who calls them.
    pub fn side_by_side<T: Send, R: Send>(
        self,
        tasks: Vec<T>,
        f: impl Fn(T) -> R + Sync,
    ) -> Vec<R> {
        held!(self, threads::side_by_side(tasks, f))
    }
}
