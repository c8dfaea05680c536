//! States by head.

use burn::tensor::Tensor;

use crate::plan::AttentionPlan;
use crate::soft_cap;

/// `[N, heads * d]` as `[B, heads, T, d]`.
pub(crate) fn split(x: Tensor<2>, rows: usize, heads: usize) -> Tensor<4> {
    let [n, width] = x.dims();
    x.reshape([rows, n / rows, heads, width / heads]).swap_dims(1, 2)
}

/// `[B, heads, T, d]` as `[N, heads * d]`.
pub(super) fn join(x: Tensor<4>) -> Tensor<2> {
    let [b, heads, t, d] = x.dims();
    x.swap_dims(1, 2).reshape([b * t, heads * d])
}

/// `[B, kv_heads, T, d]` with each head repeated for its group of queries.
pub(crate) fn repeat_kv(x: Tensor<4>, groups: usize) -> Tensor<4> {
    if groups == 1 {
        return x;
    }
    let [b, h, t, d] = x.dims();
    x.unsqueeze_dim::<5>(2).expand([b, h, groups, t, d]).reshape([b, h * groups, t, d])
}

impl AttentionPlan {
    /// Scores of products of queries and keys, in f32.
    pub(crate) fn scores(&self, products: Tensor<4>) -> Tensor<4> {
        soft_cap::apply(products.mul_scalar(self.score_scale()), self.soft_cap)
    }
}
