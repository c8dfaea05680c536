//! Fused forward and backward passes for the CPU backend.
//!
//! Burn composes attention, normalisation, gating and the loss from many
//! element-wise operations; on the CPU each is a pass over memory and an
//! allocation, forward and backward. The functions here do one pass each and
//! record one node on the tape. [`available`] says whether a device has them;
//! elsewhere the caller composes the same mathematics from Burn's operations,
//! and tests hold the two against each other.

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
