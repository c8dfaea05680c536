//! A model once more, in f64 and as plainly as its plan is written, one row at a time.

use crate::LmError;
use crate::init::normal;
use crate::plan::{BlockPlan, FeedForwardPlan, LinearPlan, NormPlan, Plan, ProjectionPlan};
use crate::tensor_source::{TensorRequest, TensorRole, TensorShape, TensorSource};

/// Numbers drawn by the name of their tensor. Gains are not all 1.
pub(super) struct Numbers;

impl Numbers {
    pub(super) fn of(name: &str, n: usize) -> Vec<f32> {
        normal(n, 0.4, 3, name)
    }

    fn gain(name: &str, n: usize) -> Vec<f32> {
        Self::of(name, n).into_iter().map(|x| 1.0 + x).collect()
    }
}

impl TensorSource for Numbers {
    fn numbers(&mut self, tensor: &TensorRequest) -> Result<Vec<f32>, LmError> {
        let n = match tensor.shape {
            TensorShape::Vector(n) => n,
            TensorShape::Matrix([input, output]) => input * output,
        };
        Ok(match tensor.role {
            TensorRole::Gain { .. } => Self::gain(&tensor.name(), n),
            _ => Self::of(&tensor.name(), n),
        })
    }
}

fn wide(x: Vec<f32>) -> Vec<f64> {
    x.into_iter().map(f64::from).collect()
}

/// `[out]` of `x` `[in]` and a weight `[in, out]`.
pub(super) fn times(x: &[f64], weight: &[f64]) -> Vec<f64> {
    let output = weight.len() / x.len();
    (0..output)
        .map(|j| x.iter().enumerate().map(|(i, x)| x * weight[i * output + j]).sum())
        .collect()
}

fn add(a: &mut [f64], b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
}

/// Block `i` of a plan.
struct At<'a> {
    plan: &'a Plan,
    i: usize,
}

impl At<'_> {
    fn linear(&self, x: &[f64], linear: LinearPlan) -> Vec<f64> {
        assert!(!linear.bias, "no plan of these tests has one");
        let name = format!("{}.{}.weight", self.plan.block_path(self.i), linear.path);
        times(x, &wide(Numbers::of(&name, linear.shape[0] * linear.shape[1])))
    }

    /// RMS normalisation of each part of `x` that is as wide as the norm.
    fn norm(&self, x: &[f64], norm: NormPlan) -> Vec<f64> {
        rms(x, &format!("{}.{}.weight", self.plan.block_path(self.i), norm.path), norm)
    }

    fn maybe_norm(&self, x: Vec<f64>, norm: Option<NormPlan>) -> Vec<f64> {
        norm.map_or(x.clone(), |norm| self.norm(&x, norm))
    }
}

fn rms(x: &[f64], name: &str, norm: NormPlan) -> Vec<f64> {
    let gain = wide(Numbers::gain(name, norm.width));
    let offset = if norm.offset { 1.0 } else { 0.0 };
    let of_part = |x: &[f64]| {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let factor = 1.0 / (mean + norm.eps).sqrt();
        x.iter().zip(&gain).map(|(x, gain)| x * factor * (offset + gain)).collect::<Vec<f64>>()
    };
    x.chunks_exact(norm.width).flat_map(of_part).collect()
}

/// Each head of `x` at position `t`, its leading `dims` dimensions turned.
fn turned(x: &[f64], head_dim: usize, t: usize, dims: usize, theta: f64) -> Vec<f64> {
    let mut out = x.to_vec();
    for (from, to) in x.chunks_exact(head_dim).zip(out.chunks_exact_mut(head_dim)) {
        for i in 0..dims / 2 {
            let angle = t as f64 * theta.powf(-2.0 * i as f64 / dims as f64);
            let (a, b) = (from[i], from[dims / 2 + i]);
            to[i] = a * angle.cos() - b * angle.sin();
            to[dims / 2 + i] = b * angle.cos() + a * angle.sin();
        }
    }
    out
}

/// What the heads read at each position, `[T, heads * d]`.
fn attended(q: &[Vec<f64>], k: &[Vec<f64>], v: &[Vec<f64>], block: &BlockPlan) -> Vec<Vec<f64>> {
    let plan = &block.attention;
    let d = plan.head_dim;
    let scale = plan.scale.unwrap_or(1.0 / (d as f64).sqrt());
    let of_head = |t: usize, head: usize| {
        let group = head / (plan.heads / plan.kv_heads);
        let query = &q[t][head * d..][..d];
        let first = plan.window.map_or(0, |window| (t + 1).saturating_sub(window));
        let score = |key: &Vec<f64>| {
            let products = query.iter().zip(&key[group * d..][..d]).map(|(q, k)| q * k);
            let score = scale * products.sum::<f64>();
            plan.soft_cap.map_or(score, |cap| cap * (score / cap).tanh())
        };
        let weights: Vec<f64> = k[first..=t].iter().map(|key| score(key).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut out = vec![0.0; d];
        for (weight, value) in weights.iter().zip(&v[first..]) {
            let value: Vec<f64> =
                value[group * d..][..d].iter().map(|x| x * weight / total).collect();
            add(&mut out, &value);
        }
        out
    };
    (0..q.len()).map(|t| (0..plan.heads).flat_map(|head| of_head(t, head)).collect()).collect()
}

fn block(h: &mut [Vec<f64>], at: &At<'_>) {
    let block = at.plan.blocks.plan(at.i);
    let ProjectionPlan::Separate { q, k, v } = block.projections else { panic!("separate") };
    let FeedForwardPlan::Gated { gate, up, down } = block.feed_forward else { panic!("gated") };
    let rotary = &at.plan.rotary[block.attention.rotary];
    let project = |linear, norm: Option<NormPlan>, turns: bool| -> Vec<Vec<f64>> {
        let of_token = |(t, h): (usize, &Vec<f64>)| {
            let x = at.maybe_norm(at.linear(&at.norm(h, block.input_norm), linear), norm);
            match turns {
                true => turned(&x, block.attention.head_dim, t, rotary.dims, rotary.theta),
                false => x,
            }
        };
        h.iter().enumerate().map(of_token).collect()
    };
    let q = project(q, block.head_norms.map(|norms| norms.queries), true);
    let k = project(k, block.head_norms.map(|norms| norms.keys), true);
    let v = project(v, None, false);
    for (h, x) in h.iter_mut().zip(attended(&q, &k, &v, block)) {
        let x = at.maybe_norm(at.linear(&x, block.output), block.attention_output_norm);
        add(h, &x);
        let x = at.norm(h, block.feed_forward_norm);
        let silu = |x: f64| x / (1.0 + (-x).exp());
        let gated = at.linear(&x, gate).into_iter().zip(at.linear(&x, up));
        let x: Vec<f64> = gated.map(|(gate, up)| silu(gate) * up).collect();
        add(h, &at.maybe_norm(at.linear(&x, down), block.feed_forward_output_norm));
    }
}

/// Last states of a row, normalised, `[T, D]`.
pub(super) fn states(plan: &Plan, tokens: &[u32]) -> Vec<Vec<f64>> {
    let d = plan.width;
    let name = format!("{}.weight", plan.names.embedding);
    let table = wide(Numbers::of(&name, plan.vocab_size * d));
    let scale = plan.embedding_scale.unwrap_or(1.0);
    let embedding = |t: &u32| table[*t as usize * d..][..d].iter().map(|x| scale * x).collect();
    let mut h: Vec<Vec<f64>> = tokens.iter().map(embedding).collect();
    for i in 0..plan.blocks.count {
        block(&mut h, &At { plan, i });
    }
    h.iter().map(|h| rms(h, &format!("{}.weight", plan.norm.path), plan.norm)).collect()
}
