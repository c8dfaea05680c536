//! Fused forward and backward passes for the CPU backend.
//!
//! Burn composes attention, normalisation, gating and the loss from many
//! element-wise operations; on the CPU each is a pass over memory and an
//! allocation, forward and backward. The functions here do one pass each and
//! record one node on the tape. [`available`] says whether a device has them;
//! elsewhere the caller composes the same mathematics from Burn's operations,
//! and tests hold the two against each other.

#[cfg(feature = "flex")]
mod adamw;
#[cfg(feature = "flex")]
mod attention;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod gate;
#[cfg(feature = "flex")]
mod loss;
#[cfg(feature = "flex")]
mod math;
#[cfg(feature = "flex")]
mod norm;
#[cfg(feature = "flex")]
mod product;
#[cfg(feature = "flex")]
mod sums;
#[cfg(feature = "flex")]
mod threads;
#[cfg(feature = "flex")]
mod tile;

use burn::tensor::{Device, Tensor};

/// Sizes of one call.
#[derive(Clone, Debug)]
pub struct AttentionShape {
    /// Number of query heads, a multiple of `kv_heads`.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Size of a head; even.
    pub head_dim: usize,
    /// Positions the rotary tables cover; at least the longest row.
    pub positions: usize,
    /// Tokens that a token sees, itself included; all before it if `None`.
    pub window: Option<usize>,
    /// Number of tokens of each row. Output is 0 at tokens of no row.
    pub lengths: Vec<usize>,
    /// First token of each row among those of the batch. Rows may lie one
    /// after another or be padded; they must not overlap.
    pub starts: Vec<usize>,
}

impl AttentionShape {
    /// First tokens of rows that lie one after another without padding.
    pub fn packed(lengths: &[usize]) -> Vec<usize> {
        let mut next = 0;
        let start = |len: &usize| {
            let start = next;
            next += len;
            start
        };
        lengths.iter().map(start).collect()
    }

    /// First tokens of `rows` rows that are padded to `width`.
    pub fn padded(rows: usize, width: usize) -> Vec<usize> {
        (0..rows).map(|b| b * width).collect()
    }
}

/// Whether the kernels of this module run on `device`.
pub fn available(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    {
        *device == Device::flex()
    }
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// The message for a call that [`available`] would have ruled out.
#[cfg(not(feature = "flex"))]
const NO_KERNELS: &str = "no kernels in this binary: ask `kernels::available` first";

/// RMS normalisation of the rows of `x` `[n, d]` with gain `w` `[d]`.
///
/// # Panics
/// On a device without kernels.
pub fn rms_norm(x: Tensor<2>, w: Tensor<1>, eps: f64) -> Tensor<2> {
    #[cfg(feature = "flex")]
    return flex::rms_norm(x, w, eps);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {x:?} {w:?} {eps}")
}

/// `silu(gate) * up`, both `[n, f]`.
///
/// # Panics
/// On a device without kernels.
pub fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    return flex::swiglu(gate, up);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {gate:?} {up:?}")
}

/// Layer normalisation of the rows of `x` `[n, d]` with gain `w` and bias `b`,
/// both `[d]`.
///
/// # Panics
/// On a device without kernels.
pub fn layer_norm(x: Tensor<2>, w: Tensor<1>, b: Tensor<1>, eps: f64) -> Tensor<2> {
    #[cfg(feature = "flex")]
    return flex::layer_norm(x, w, b, eps);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {x:?} {w:?} {b:?} {eps}")
}

/// `x w` for `x` `[n, k]` and `w` `[k, m]`.
///
/// # Panics
/// On a device without kernels, or where the shapes do not fit.
pub fn matmul(x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    return flex::product::matmul(x, w);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {x:?} {w:?}")
}

/// `start + x w`, as [`matmul`], where `start` is `[n, m]` or, for each row the
/// same, `[1, m]`. It is overwritten where nobody else holds it.
///
/// # Panics
/// On a device without kernels, or where the shapes do not fit.
pub fn matmul_add(start: Tensor<2>, x: Tensor<2>, w: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    return flex::product::matmul_add(start, x, w);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {start:?} {x:?} {w:?}")
}

/// `x Phi(x)` of `x` `[n, f]`, with the normal distribution function Phi.
///
/// # Panics
/// On a device without kernels.
pub fn gelu(x: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    return flex::gelu(x);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {x:?}")
}

/// Negative log-likelihood in nats, `[m]`, of `targets` (`m` of them, each
/// below `v`) under `logits` `[m, v]`.
///
/// # Panics
/// On a device without kernels, or where `targets` has another length.
pub fn nll(logits: Tensor<2>, targets: Vec<u32>) -> Tensor<1> {
    #[cfg(feature = "flex")]
    return flex::nll(logits, targets);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {logits:?} {}", targets.len())
}

/// Losses `[m]` in nats of `targets` `[m]` under `logits` `[m, v]`, which are
/// overwritten by their gradients: `(softmax - onehot(target)) * weight`, with
/// `weights` `[m]`.
///
/// # Panics
/// In a binary without kernels, where a target is not below v, or where the
/// lengths do not fit.
pub fn nll_gradient(logits: &mut [f32], targets: &[u32], weights: &[f32]) -> Vec<f32> {
    #[cfg(feature = "flex")]
    return loss::in_place(logits, targets, weights);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {} {targets:?} {weights:?}", logits.len())
}

/// Adds `part` to `sum`, element by element.
///
/// # Panics
/// In a binary without kernels, or if the lengths differ.
pub fn add(sum: &mut [f32], part: &[f32]) {
    #[cfg(feature = "flex")]
    return sums::add(sum, part);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {} {}", sum.len(), part.len())
}

/// Sum of the squares of `x`, in an order that does not depend on threads.
///
/// # Panics
/// In a binary without kernels.
pub fn squares(x: &[f32]) -> f64 {
    #[cfg(feature = "flex")]
    return sums::squares(x);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {}", x.len())
}

/// The results of `f` for every task, in their order. Where there are kernels,
/// tasks run side by side, each on a part of the current rayon pool's threads;
/// elsewhere the device has threads of its own, and they run in turn.
pub fn side_by_side<T: Send, R: Send>(tasks: Vec<T>, f: impl Fn(T) -> R + Sync) -> Vec<R> {
    #[cfg(feature = "flex")]
    return threads::side_by_side(tasks, f);
    #[cfg(not(feature = "flex"))]
    tasks.into_iter().map(f).collect()
}

/// One step of AdamW (Loshchilov and Hutter 2019); numbers as Burn's own
/// optimiser has them, in f32.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// Learning rate.
    pub lr: f64,
    /// Decay rates of the two moments.
    pub betas: (f32, f32),
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Gradients are multiplied by it first.
    pub scale: Option<f32>,
    /// Steps with this one, from 1.
    pub time: i32,
}

/// Moves `weights` against `gradient` and brings the moments `first` and
/// `second` up to date.
///
/// # Panics
/// In a binary without kernels, or if the lengths differ.
pub fn adamw(
    step: AdamWStep,
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    #[cfg(feature = "flex")]
    return adamw::apply(step, weights, gradient, first, second);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {step:?} {weights:?} {gradient:?} {first:?} {second:?}")
}

/// Causal attention with rotary positions, `[n, heads * d]`.
///
/// `q` is `[n, heads * d]`, `k` and `v` are `[n, kv_heads * d]`, for the n
/// tokens of a batch; `cos` and `sin`, the rotary tables, are
/// `[positions, r / 2]` and get no gradient. Of each head the first r
/// dimensions are rotated, r <= d.
///
/// # Panics
/// On a device without kernels, or where a row lies outside the tokens.
pub fn causal_attention(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    cos: Tensor<2>,
    sin: Tensor<2>,
    shape: AttentionShape,
) -> Tensor<2> {
    #[cfg(feature = "flex")]
    return flex::causal_attention(q, k, v, cos, sin, shape);
    #[cfg(not(feature = "flex"))]
    panic!("{NO_KERNELS}: {q:?} {k:?} {v:?} {cos:?} {sin:?} {shape:?}")
}
