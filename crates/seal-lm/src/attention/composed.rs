//! Attention composed from Burn's operations, with its gradient written out.

use burn::tensor::activation::softmax;
use burn::tensor::{DType, FloatDType, Tensor};
use seal_device::GpuKernels;

use super::chunk::Chunk;
use super::heads::{join, split};
use super::rows::AttentionRows;
use crate::plan::AttentionPlan;
use crate::rope::Tables;
use crate::{rope, soft_cap};

/// Attention over padded rows.
pub(crate) struct ComposedAttention {
    plan: AttentionPlan,
    /// Rotated queries `[B, heads, T, d]`.
    q: Tensor<4>,
    /// Rotated keys, and values, `[B, kv_heads, T, d]`.
    k: Tensor<4>,
    v: Tensor<4>,
    rotary: (Tensor<4>, Tensor<4>),
    /// Tables `[T, r / 2]` for the kernels of a GPU, where all rows have the same ones.
    tables: Option<(GpuKernels, Tables)>,
    /// The kernels of a GPU, where it has some and scores are not capped.
    gpu: Option<GpuKernels>,
    chunks: Vec<Chunk>,
}

impl ComposedAttention {
    pub(crate) fn of(
        q: Tensor<2>,
        k: Tensor<2>,
        v: Tensor<2>,
        rows: &AttentionRows<'_>,
        plan: &AttentionPlan,
    ) -> Self {
        let (cos, sin) = rows.rotary[plan.rotary].spread();
        // The kernels leave nothing on a tape.
        let kernels = rows.gpu.filter(|_| !q.device().is_autodiff());
        let gpu = kernels.filter(|_| plan.soft_cap.is_none());
        let tables = match (kernels, &rows.rotary[plan.rotary].sets[..]) {
            (Some(gpu), [(_, tables)]) => Some((gpu, tables.clone())),
            _ => None,
        };
        let (chunks, rows) = (&rows.chunks, rows.lengths.len());
        let chunks = chunks.of(plan, [rows, q.dims()[0] / rows], &q.device(), gpu);
        let turn = |x, heads| match &tables {
            Some((gpu, tables)) => gpu.rotate_split(x, tables.clone(), heads),
            None => rope::rotate(split(x, rows, heads), cos.clone(), sin.clone()),
        };
        Self {
            plan: *plan,
            q: turn(q, plan.heads),
            k: turn(k, plan.kv_heads),
            v: split(v, rows, plan.kv_heads),
            rotary: (cos, sin),
            tables,
            gpu,
            chunks,
        }
    }

    /// Queries of a chunk, of a group side by side: `[B, kv_heads, g c, d]`.
    fn queries(&self, x: &Tensor<4>, chunk: &Chunk) -> Tensor<4> {
        let [b, heads, _, d] = x.dims();
        let part = x.clone().slice([0..b, 0..heads, chunk.queries.clone(), 0..d]);
        let groups = heads / self.plan.kv_heads;
        part.reshape([b, self.plan.kv_heads, groups * chunk.queries.len(), d])
    }

    /// Keys or values that a chunk sees, `[B, kv_heads, w, d]`.
    fn keys(&self, x: &Tensor<4>, chunk: &Chunk) -> Tensor<4> {
        let [b, heads, _, d] = x.dims();
        x.clone().slice([0..b, 0..heads, chunk.keys.clone(), 0..d])
    }

    /// Scores of a chunk in f32, `[B, kv_heads, g c, w]`.
    fn scores(&self, q: Tensor<4>, k: Tensor<4>) -> Tensor<4> {
        self.plan.scores(q.matmul(k.swap_dims(2, 3)).cast(FloatDType::F32))
    }

    /// Attention weights of the scores of a chunk, `[B, kv_heads, g c, w]`.
    fn weights(&self, scores: Tensor<4>, chunk: &Chunk) -> Tensor<4> {
        let (c, w) = (chunk.queries.len(), chunk.keys.len());
        let [b, kv, rows, _] = scores.dims();
        let scores = scores.reshape([b, kv, rows / c, c, w]);
        let mask = chunk.mask.clone().expect("made where there is no kernel");
        softmax(scores + mask, 4).reshape([b, kv, rows, w])
    }

    /// `[N, heads * d]`.
    pub(crate) fn forward(&self) -> Tensor<2> {
        let [b, heads, _, d] = self.q.dims();
        let parts = self.chunks.iter().map(|chunk| {
            let (q, k) = (self.queries(&self.q, chunk), self.keys(&self.k, chunk));
            let dtype = self.v.dtype();
            let weights = match self.gpu {
                Some(gpu) => {
                    let products = q.matmul(k.swap_dims(2, 3));
                    let seen = chunk.seen(self.plan.window);
                    gpu.causal_softmax(products, seen, self.plan.score_scale(), dtype)
                }
                None => self.weights(self.scores(q, k), chunk).cast(dtype),
            };
            let mixed = weights.matmul(self.keys(&self.v, chunk));
            mixed.reshape([b, heads, chunk.queries.len(), d])
        });
        join(cat(parts.collect()))
    }

    /// Gradients of the queries `[N, heads * d]`, keys and values
    /// `[N, kv_heads * d]`, before rotation, given that of the result.
    pub(crate) fn gradient(&self, dy: Tensor<2>) -> [Tensor<2>; 3] {
        let [b, heads, t, d] = self.q.dims();
        let (kv, dtype) = (self.plan.kv_heads, self.q.dtype());
        let dy = split(dy, b, heads);
        let (mut dk, mut dv) = (None, None);
        let mut dq = Vec::new();
        for chunk in &self.chunks {
            let (q, k) = (self.queries(&self.q, chunk), self.keys(&self.k, chunk));
            let (v, dy) = (self.keys(&self.v, chunk), self.queries(&dy, chunk));
            let (p, ds) = self.score_gradient([&q, &k, &v, &dy], chunk);
            let whole = chunk.keys.len() == t;
            let at = [0..b, 0..kv, chunk.keys.clone(), 0..d];
            let add = |sum: Option<Tensor<4>>, part: Tensor<4>| {
                let part = part.cast(FloatDType::F32);
                let zeros = || Tensor::<4>::zeros([b, kv, t, d], (&part.device(), DType::F32));
                Some(match sum {
                    None if whole => part,
                    sum => {
                        let sum = sum.unwrap_or_else(zeros);
                        let before = sum.clone().slice(at.clone());
                        sum.slice_assign(at.clone(), before + part)
                    }
                })
            };
            dv = add(dv, p.cast(dtype).swap_dims(2, 3).matmul(dy));
            dk = add(dk, ds.clone().swap_dims(2, 3).matmul(q));
            dq.push(ds.matmul(k).reshape([b, heads, chunk.queries.len(), d]));
        }
        let (dk, dv) = (dk.expect("a row has tokens"), dv.expect("a row has tokens"));
        // The transpose of a rotation turns the other way.
        let (cos, sin) = &self.rotary;
        let back = |x: Tensor<4>| match &self.tables {
            Some((gpu, tables)) => gpu.rotate_back(x, tables.clone(), dtype),
            None => join(rope::rotate(x, cos.clone(), sin.clone().neg()).cast(dtype)),
        };
        [back(cat(dq)), back(dk), join(dv.cast(dtype))]
    }

    /// Weights of a chunk, and the gradient of the products of its queries and keys, given that of
    /// what it mixes; all `[B, kv_heads, g c, w]`.
    fn score_gradient(
        &self,
        [q, k, v, dy]: [&Tensor<4>; 4],
        chunk: &Chunk,
    ) -> (Tensor<4>, Tensor<4>) {
        let (dtype, scale) = (self.q.dtype(), self.plan.score_scale());
        let dp = dy.clone().matmul(v.clone().swap_dims(2, 3));
        if let Some(gpu) = self.gpu {
            let products = q.clone().matmul(k.clone().swap_dims(2, 3));
            let seen = chunk.seen(self.plan.window);
            let p = gpu.causal_softmax(products, seen, scale, DType::F32);
            return (p.clone(), gpu.softmax_gradient(p, dp, scale, dtype));
        }
        let scores = self.scores(q.clone(), k.clone());
        let slope = self.plan.soft_cap.map(|cap| soft_cap::slope(scores.clone(), cap));
        let p = self.weights(scores, chunk);
        let dp = dp.cast(FloatDType::F32) * p.clone();
        let ds = dp.clone() - p.clone() * dp.sum_dim(3);
        let ds = match slope {
            Some(slope) => ds * slope,
            None => ds,
        };
        (p, ds.mul_scalar(scale).cast(dtype))
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
    use burn::tensor::{Device, TensorData};
    use rand::RngExt as _;
    use seal_data::seed::rng;
    use seal_device::AttentionShape;

    use super::*;
    use crate::RopeScaling;
    use crate::attention::chunk::Chunks;
    use crate::plan::RotaryPlan;
    use crate::rope::Rope;

    const ROWS: usize = 3;
    const T: usize = 11;

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
        for (window, scale, soft_cap) in
            [(None, None, None), (Some(5), None, None), (None, Some(0.9), Some(1.5))]
        {
            let plan = AttentionPlan {
                heads: 4,
                kv_heads: 2,
                head_dim: 6,
                window,
                rotary: 0,
                scale,
                soft_cap,
            };
            let rotary = RotaryPlan { dims: 6, theta: 100.0, scaling: RopeScaling::Default };
            let device = Device::flex().autodiff();
            let lengths = [T; ROWS];
            let starts = AttentionShape::padded(ROWS, T);
            let rows = |chunk: usize, device: &Device| {
                let chunks = Chunk::all(&plan, [ROWS, T], 4 * ROWS * 4 * T * chunk, Some(device));
                assert_eq!(chunks.len(), T.div_ceil(chunk));
                AttentionRows {
                    lengths: &lengths,
                    starts: &starts,
                    stem: false,
                    rotary: vec![Rope::of(&rotary).of_rows(&lengths, T, device)],
                    kernels: None,
                    gpu: None,
                    chunks: Chunks::set(window, chunks),
                }
            };
            let of = |name, width| drawn(name, width, &device).require_grad();
            let (q, k, v) = (of("q", 24), of("k", 12), of("v", 12));
            let dy = drawn("dy", 24, &Device::flex());
            let taped = rows(T, &device);
            let want =
                ComposedAttention::of(q.clone(), k.clone(), v.clone(), &taped, &plan).forward();
            let mut grads = (want.clone() * Tensor::from_inner(dy.clone())).sum().backward();
            let gradients = [&q, &k, &v].map(|x| x.grad_remove(&mut grads).unwrap());
            let [q, k, v] = [q, k, v].map(Tensor::inner);
            for chunk in [1, 4, T] {
                let rows = rows(chunk, &Device::flex());
                let cut = ComposedAttention::of(q.clone(), k.clone(), v.clone(), &rows, &plan);
                assert!(distance(&cut.forward(), &want) < 1e-6, "{window:?} {chunk}");
                for (got, want) in cut.gradient(dy.clone()).iter().zip(&gradients) {
                    assert!(distance(got, want) < 1e-6, "{window:?} {chunk}");
                }
            }
        }
    }
}
