//! Causal grouped-query attention.
//!
//! By the kernels of `seal-device`, or composed from Burn's operations. The
//! composed form lets a chunk of queries at a time pass over the keys they see:
//! scores of all queries never exist together, and keys after a chunk cost
//! nothing. Its gradient is written out, so that a backward pass can make the
//! scores again instead of keeping them ([`Composed::gradient`]). Masks are
//! added, not passed to a backend's own attention: one backend reads a boolean
//! mask the other way round.

use std::ops::Range;

use burn::tensor::activation::softmax;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use seal_device::kernels::{self, AttentionShape};

use crate::Ops;
use crate::model::Pass;
use crate::rope;

/// Scores that exist at once, at most, in bytes of f32; those of one query where
/// that is more.
const SCORES: usize = 128 << 20;

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

/// `[B, heads, T, d]` as `[N, heads * d]`.
fn join(x: Tensor<4>) -> Tensor<2> {
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
        Ops::Composed => Composed::of(q, k, v, pass, heads).forward(),
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

/// Attention over padded rows.
pub(crate) struct Composed {
    heads: Heads,
    /// Rotated queries `[B, heads, T, d]`.
    q: Tensor<4>,
    /// Rotated keys, and values, `[B, kv_heads, T, d]`.
    k: Tensor<4>,
    v: Tensor<4>,
    rotary: (Tensor<4>, Tensor<4>),
    chunks: Vec<Chunk>,
}

/// Queries with the keys that at least one of them sees.
#[derive(Clone)]
pub(crate) struct Chunk {
    queries: Range<usize>,
    keys: Range<usize>,
    /// Minus infinity where a query does not see a key, `[1, 1, 1, c, w]`.
    mask: Tensor<5>,
}

impl Chunk {
    /// Those of `rows` rows of `t` tokens, whose scores take `bytes`.
    fn all(heads: Heads, [rows, t]: [usize; 2], bytes: usize, device: &Device) -> Vec<Self> {
        let size = (bytes / (4 * rows * heads.heads * t)).clamp(1, t);
        let chunk = |from: usize| {
            let queries = from..(from + size).min(t);
            let first = heads.window.map_or(0, |window| (from + 1).saturating_sub(window));
            let keys = first..queries.end;
            let (c, w) = (queries.len(), keys.len());
            let seen = |i: usize| heads.sees(queries.start + i / w, keys.start + i % w);
            let mask = (0..c * w).map(|i| if seen(i) { 0.0 } else { f32::NEG_INFINITY });
            let mask = TensorData::new(mask.collect::<Vec<f32>>(), [1, 1, 1, c, w]);
            Self { queries, keys, mask: Tensor::from_data(mask, device) }
        };
        (0..t).step_by(size).map(chunk).collect()
    }
}

impl Composed {
    pub(crate) fn of(
        q: Tensor<2>,
        k: Tensor<2>,
        v: Tensor<2>,
        pass: &Pass<'_>,
        heads: Heads,
    ) -> Self {
        let (rows, device) = (pass.lengths.len(), q.device());
        let t = q.dims()[0] / rows;
        let (cos, sin) = pass.rotary.spread();
        // Masks are the same in every block.
        let chunks = pass.chunks.get_or_init(|| Chunk::all(heads, [rows, t], SCORES, &device));
        let turn = |x, heads| rope::rotate(split(x, rows, heads), cos.clone(), sin.clone());
        Self {
            heads,
            q: turn(q, heads.heads),
            k: turn(k, heads.kv_heads),
            v: split(v, rows, heads.kv_heads),
            rotary: (cos, sin),
            chunks: chunks.clone(),
        }
    }

    /// Queries of a chunk, of a group side by side: `[B, kv_heads, g c, d]`.
    fn queries(&self, x: &Tensor<4>, chunk: &Chunk) -> Tensor<4> {
        let [b, heads, _, d] = x.dims();
        let part = x.clone().slice([0..b, 0..heads, chunk.queries.clone(), 0..d]);
        let groups = heads / self.heads.kv_heads;
        part.reshape([b, self.heads.kv_heads, groups * chunk.queries.len(), d])
    }

    /// Keys or values that a chunk sees, `[B, kv_heads, w, d]`.
    fn keys(&self, x: &Tensor<4>, chunk: &Chunk) -> Tensor<4> {
        let [b, heads, _, d] = x.dims();
        x.clone().slice([0..b, 0..heads, chunk.keys.clone(), 0..d])
    }

    /// Attention weights of a chunk in f32, `[B, kv_heads, g c, w]`.
    fn weights(&self, q: Tensor<4>, k: Tensor<4>, chunk: &Chunk) -> Tensor<4> {
        let (c, w) = (chunk.queries.len(), chunk.keys.len());
        let scores = q.matmul(k.swap_dims(2, 3)).cast(FloatDType::F32);
        let [b, kv, rows, _] = scores.dims();
        let scores = scores.mul_scalar(self.heads.scale()).reshape([b, kv, rows / c, c, w]);
        softmax(scores + chunk.mask.clone(), 4).reshape([b, kv, rows, w])
    }

    /// `[N, heads * d]`.
    pub(crate) fn forward(&self) -> Tensor<2> {
        let [b, heads, _, d] = self.q.dims();
        let parts = self.chunks.iter().map(|chunk| {
            let (q, k) = (self.queries(&self.q, chunk), self.keys(&self.k, chunk));
            let weights = self.weights(q, k, chunk).cast(self.v.dtype());
            let mixed = weights.matmul(self.keys(&self.v, chunk));
            mixed.reshape([b, heads, chunk.queries.len(), d])
        });
        join(cat(parts.collect()))
    }

    /// Gradients of the queries `[N, heads * d]`, keys and values
    /// `[N, kv_heads * d]`, before rotation, given that of the result.
    pub(crate) fn gradient(&self, dy: Tensor<2>) -> [Tensor<2>; 3] {
        let [b, heads, t, d] = self.q.dims();
        let (kv, dtype) = (self.heads.kv_heads, self.q.dtype());
        let dy = split(dy, b, heads);
        let zeros = || Tensor::<4>::zeros([b, kv, t, d], (&dy.device(), DType::F32));
        let (mut dk, mut dv) = (zeros(), zeros());
        let mut dq = Vec::new();
        for chunk in &self.chunks {
            let (q, k) = (self.queries(&self.q, chunk), self.keys(&self.k, chunk));
            let (v, dy) = (self.keys(&self.v, chunk), self.queries(&dy, chunk));
            let p = self.weights(q.clone(), k.clone(), chunk);
            let at = [0..b, 0..kv, chunk.keys.clone(), 0..d];
            let add = |sum: Tensor<4>, part: Tensor<4>| {
                let before = sum.clone().slice(at.clone());
                sum.slice_assign(at.clone(), before + part.cast(FloatDType::F32))
            };
            dv = add(dv, p.clone().cast(dtype).swap_dims(2, 3).matmul(dy.clone()));
            let dp = dy.matmul(v.swap_dims(2, 3)).cast(FloatDType::F32) * p.clone();
            let ds = dp.clone() - p * dp.sum_dim(3);
            let ds = ds.mul_scalar(self.heads.scale()).cast(dtype);
            dk = add(dk, ds.clone().swap_dims(2, 3).matmul(q));
            dq.push(ds.matmul(k).reshape([b, heads, chunk.queries.len(), d]));
        }
        // The transpose of a rotation turns the other way.
        let (cos, sin) = &self.rotary;
        let back = |x: Tensor<4>| join(rope::rotate(x, cos.clone(), sin.clone().neg()).cast(dtype));
        [back(cat(dq)), back(dk), join(dv.cast(dtype))]
    }
}

/// Chunks of queries as one, `[B, heads, T, d]`.
fn cat(mut parts: Vec<Tensor<4>>) -> Tensor<4> {
    match parts.len() {
        1 => parts.remove(0),
        _ => Tensor::cat(parts, 2),
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;
    use seal_data::seed::rng;

    use super::*;
    use crate::rope::Rope;
    use crate::{Architecture, LmConfig};

    const ROWS: usize = 3;
    const T: usize = 11;

    fn config(window: Option<usize>) -> LmConfig {
        LmConfig {
            vocab_size: 1,
            hidden_size: 24,
            num_hidden_layers: 1,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            intermediate_size: 1,
            max_position_embeddings: T,
            rope_theta: 100.0,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
            initializer_range: 0.1,
            architecture: Architecture { sliding_window: window, ..Architecture::default() },
        }
    }

    fn drawn(name: &str, width: usize, device: &Device) -> Tensor<2> {
        let mut rng = rng(&["attention".into(), name.into()]);
        let values: Vec<f32> = (0..ROWS * T * width).map(|_| rng.random_range(-2.0..2.0)).collect();
        Tensor::from_data(TensorData::new(values, [ROWS * T, width]), device)
    }

    fn distance(a: &Tensor<2>, b: &Tensor<2>) -> f32 {
        let off = (a.clone().inner() - b.clone().inner()).square().sum().into_scalar::<f32>();
        (off / b.clone().inner().square().sum().into_scalar::<f32>()).sqrt()
    }

    /// Chunks of 1, 4 and all queries, against one chunk on a tape.
    #[test]
    fn chunks_and_the_written_out_gradient_change_nothing() {
        for window in [None, Some(5)] {
            let config = config(window);
            let heads = Heads { heads: 4, kv_heads: 2, dim: 6, window };
            let device = Device::flex().autodiff();
            let lengths = [T; ROWS];
            let starts = AttentionShape::padded(ROWS, T);
            let pass = |chunk: usize, device: &Device| {
                let chunks = Chunk::all(heads, [ROWS, T], 4 * ROWS * 4 * T * chunk, device);
                assert_eq!(chunks.len(), T.div_ceil(chunk));
                Pass {
                    lengths: &lengths,
                    starts: &starts,
                    rotary: Rope::of(&config).of_rows(&lengths, T, device),
                    dropout: None,
                    ops: Ops::Composed,
                    chunks: chunks.into(),
                    needed: None,
                }
            };
            let of = |name, width| drawn(name, width, &device).require_grad();
            let (q, k, v) = (of("q", 24), of("k", 12), of("v", 12));
            let dy = drawn("dy", 24, &Device::flex());
            let taped = pass(T, &device);
            let want = Composed::of(q.clone(), k.clone(), v.clone(), &taped, heads).forward();
            let mut grads = (want.clone() * Tensor::from_inner(dy.clone())).sum().backward();
            let gradients = [&q, &k, &v].map(|x| x.grad_remove(&mut grads).unwrap());
            let [q, k, v] = [q, k, v].map(Tensor::inner);
            for chunk in [1, 4, T] {
                let pass = pass(chunk, &Device::flex());
                let cut = Composed::of(q.clone(), k.clone(), v.clone(), &pass, heads);
                assert!(distance(&cut.forward(), &want) < 1e-6, "{window:?} {chunk}");
                for (got, want) in cut.gradient(dy.clone()).iter().zip(&gradients) {
                    assert!(distance(got, want) < 1e-6, "{window:?} {chunk}");
                }
            }
        }
    }
}
