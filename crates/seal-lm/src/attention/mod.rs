//! Causal grouped-query attention.
//!
//! By the kernels of `seal-device`, or composed from Burn's operations. The
//! composed form lets a chunk of queries at a time pass over the keys they see:
//! scores of all queries never exist together, and keys after a chunk cost
//! nothing. Its gradient is written out, so that a backward pass can make the
//! scores again instead of keeping them ([`ComposedAttention::gradient`]). Masks are
//! added, not passed to a backend's own attention: one backend reads a boolean
//! mask the other way round.

mod chunk;
mod composed;
mod heads;
mod rows;

use burn::tensor::Tensor;
use seal_device::{AttentionShape, Kernels};

pub(crate) use chunk::Chunks;
pub(crate) use composed::ComposedAttention;
pub(crate) use heads::{repeat_kv, split};
pub(crate) use rows::AttentionRows;

use crate::plan::AttentionPlan;
use crate::rope::Tables;

/// Attention over whole sequences; queries and result are `[N, heads * d]`,
/// keys and values `[N, kv_heads * d]`.
pub(crate) fn causal(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    rows: &AttentionRows<'_>,
    plan: &AttentionPlan,
) -> Tensor<2> {
    match rows.kernels {
        Some(kernels) => fused(kernels, [q, k, v], rows, plan),
        None => ComposedAttention::of(q, k, v, rows, plan).forward(),
    }
}

fn fused(
    kernels: Kernels,
    [q, k, v]: [Tensor<2>; 3],
    rows: &AttentionRows<'_>,
    plan: &AttentionPlan,
) -> Tensor<2> {
    let of_set = |(set, (cos, sin)): &(Vec<usize>, Tables)| {
        let shape = AttentionShape {
            heads: plan.heads,
            kv_heads: plan.kv_heads,
            head_dim: plan.head_dim,
            positions: cos.dims()[0],
            window: plan.window,
            scale: plan.scale.map(|scale| scale as f32),
            lengths: set.iter().map(|b| rows.lengths[*b]).collect(),
            starts: set.iter().map(|b| rows.starts[*b]).collect(),
            stem: rows.stem,
        };
        let (q, k, v) = (q.clone(), k.clone(), v.clone());
        kernels.causal_attention(q, k, v, cos.clone(), sin.clone(), shape)
    };
    // The kernel leaves 0 at the tokens of rows that it was not given.
    let parts = rows.rotary[plan.rotary].sets.iter().map(of_set);
    parts.reduce(|a, b| a + b).expect("a batch has rows")
}
