//! Causal grouped-query attention.
//!
//! Composed from Burn's operations, or by the kernels of `seal-device`. The
//! composed masks are added, not passed to a backend's own attention: one
//! backend reads a boolean mask the other way round.

use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use seal_device::kernels::{self, AttentionShape};

use crate::Ops;
use crate::model::Pass;
use crate::rope;

/// Sizes of the heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) dim: usize,
    /// Tokens that a token sees, itself included.
    pub(crate) window: Option<usize>,
}

impl Heads {
    /// Whether a query at position `query` sees the key at `key`.
    pub(crate) fn sees(&self, query: usize, key: usize) -> bool {
        key <= query && self.window.is_none_or(|window| query - key < window)
    }

    pub(crate) fn scale(&self) -> f64 {
        1.0 / (self.dim as f64).sqrt()
    }
}

/// `[N, heads * d]` as `[B, heads, T, d]`.
pub(crate) fn split(x: Tensor<2>, rows: usize, heads: usize) -> Tensor<4> {
    let [n, width] = x.dims();
    x.reshape([rows, n / rows, heads, width / heads]).swap_dims(1, 2)
}

/// `[B, kv_heads, T, d]` with each head repeated for its group of queries.
pub(crate) fn repeat_kv(x: Tensor<4>, groups: usize) -> Tensor<4> {
    if groups == 1 {
        return x;
    }
    let [b, h, t, d] = x.dims();
    x.unsqueeze_dim::<5>(2).expand([b, h, groups, t, d]).reshape([b, h * groups, t, d])
}

/// Attention over whole sequences; queries and result are `[N, heads * d]`,
/// keys and values `[N, kv_heads * d]`.
pub(crate) fn causal(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    pass: &Pass<'_>,
    heads: Heads,
) -> Tensor<2> {
    match pass.ops {
        Ops::Fused => fused(q, k, v, pass, heads),
        Ops::Composed => composed(q, k, v, pass, heads),
    }
}

fn fused(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, pass: &Pass<'_>, heads: Heads) -> Tensor<2> {
    let of_set = |(rows, (cos, sin)): &(Vec<usize>, rope::Tables)| {
        let shape = AttentionShape {
            heads: heads.heads,
            kv_heads: heads.kv_heads,
            head_dim: heads.dim,
            positions: cos.dims()[0],
            window: heads.window,
            lengths: rows.iter().map(|b| pass.lengths[*b]).collect(),
            starts: rows.iter().map(|b| pass.starts[*b]).collect(),
        };
        let (q, k, v) = (q.clone(), k.clone(), v.clone());
        kernels::causal_attention(q, k, v, cos.clone(), sin.clone(), shape)
    };
    // The kernel leaves 0 at the tokens of rows that it was not given.
    let parts = pass.rotary.sets.iter().map(of_set);
    parts.reduce(|a, b| a + b).expect("a batch has rows")
}

fn composed(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, pass: &Pass<'_>, heads: Heads) -> Tensor<2> {
    let device = q.device();
    let [n, _] = q.dims();
    let (rows, t) = (pass.lengths.len(), n / pass.lengths.len());
    let (cos, sin) = pass.rotary.spread();
    let groups = heads.heads / heads.kv_heads;
    let q = rope::rotate(split(q, rows, heads.heads), cos.clone(), sin.clone());
    let k = rope::rotate(split(k, rows, heads.kv_heads), cos, sin);
    let k = repeat_kv(k, groups);
    let v = repeat_kv(split(v, rows, heads.kv_heads), groups);
    let value = |i| if heads.sees(i / t, i % t) { 0.0 } else { f32::NEG_INFINITY };
    let mask: Vec<f32> = (0..t * t).map(value).collect();
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [t, t]), &device);
    let scores =
        q.matmul(k.swap_dims(2, 3)).mul_scalar(heads.scale()) + mask.unsqueeze_dims::<4>(&[0, 1]);
    softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([n, heads.heads * heads.dim])
}
