//! Causal grouped-query attention with rotary positions, in one pass.
//!
//! Scores are made again in the backward pass, so nothing of size T x T per
//! head outlives the call. Rotary positions follow Hugging Face: dimension i
//! is paired with i + d/2 ("rotate half"), not with its neighbour.

use super::AttentionShape;
use super::math::{axpy, dot, exp, max, sum_by};

impl AttentionShape {
    fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }
}

/// Borrowed inputs of n tokens: `q` `[n, heads * head_dim]`, `k` and `v`
/// `[n, kv_heads * head_dim]`, `cos` and `sin`
/// `[positions, head_dim / 2]`.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub cos: &'a [f32],
    pub sin: &'a [f32],
}

/// Rotates one head vector at one position, from `x` to `out`.
#[inline(always)]
fn rotate(x: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
    let h = cos.len();
    for i in 0..h {
        let (a, b) = (x[i], x[h + i]);
        out[i] = scale * (a * cos[i] - b * sin[i]);
        out[h + i] = scale * (b * cos[i] + a * sin[i]);
    }
}

/// The transpose of [`rotate`], added to `out`.
#[inline(always)]
fn rotate_back(x: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
    let h = cos.len();
    for i in 0..h {
        let (a, b) = (x[i], x[h + i]);
        out[i] += scale * (a * cos[i] + b * sin[i]);
        out[h + i] += scale * (b * cos[i] - a * sin[i]);
    }
}

/// Work space for one head of one row.
struct Head {
    /// Rotated queries, scaled, and keys, `[t, d]`.
    q: Vec<f32>,
    k: Vec<f32>,
    /// Keys and values with positions last, `[d, t]`: scores of one query are
    /// then sums of whole vectors.
    k_t: Vec<f32>,
    v_t: Vec<f32>,
    p: Vec<f32>,
    dp: Vec<f32>,
    dq: Vec<f32>,
    dk: Vec<f32>,
}

impl Head {
    fn new(t: usize, d: usize) -> Self {
        let z = || vec![0f32; t * d];
        Self {
            q: z(),
            k: z(),
            k_t: z(),
            v_t: z(),
            p: vec![0f32; t],
            dp: vec![0f32; t],
            dq: vec![0f32; d],
            dk: z(),
        }
    }
}

/// Softmax of the scores of query `i` over positions `0..=i`, in `head.p`.
#[inline(always)]
fn probabilities(head: &mut Head, i: usize, t: usize, d: usize) {
    let p = &mut head.p[..=i];
    p.fill(0.0);
    for c in 0..d {
        axpy(p, head.q[i * d + c], &head.k_t[c * t..c * t + i + 1]);
    }
    let top = max(p);
    for p in p.iter_mut() {
        *p = exp(*p - top);
    }
    let scale = 1.0 / sum_by(i + 1, |j| p[j]);
    for p in p.iter_mut() {
        *p *= scale;
    }
}

/// Fills rotated keys and transposed values of key/value head `g` of row `b`.
#[inline(always)]
fn load_kv(head: &mut Head, x: &Inputs<'_>, s: &AttentionShape, b: usize, g: usize) {
    let (d, t, len, w) = (s.head_dim, s.positions, s.lengths[b], s.kv_width());
    let half = d / 2;
    for j in 0..len {
        let at = (s.starts[b] + j) * w + g * d;
        let (cos, sin) = (&x.cos[j * half..(j + 1) * half], &x.sin[j * half..(j + 1) * half]);
        rotate(&x.k[at..at + d], cos, sin, 1.0, &mut head.k[j * d..(j + 1) * d]);
        for c in 0..d {
            head.k_t[c * t + j] = head.k[j * d + c];
            head.v_t[c * t + j] = x.v[at + c];
        }
    }
}

#[inline(always)]
fn load_q(head: &mut Head, x: &Inputs<'_>, s: &AttentionShape, b: usize, h: usize) {
    let (d, len, w) = (s.head_dim, s.lengths[b], s.q_width());
    let half = d / 2;
    for i in 0..len {
        let at = (s.starts[b] + i) * w + h * d;
        let (cos, sin) = (&x.cos[i * half..(i + 1) * half], &x.sin[i * half..(i + 1) * half]);
        rotate(&x.q[at..at + d], cos, sin, s.scale(), &mut head.q[i * d..(i + 1) * d]);
    }
}

/// Output `[n, heads * head_dim]`.
#[inline(always)]
pub(super) fn forward(x: Inputs<'_>, s: &AttentionShape) -> Vec<f32> {
    let (d, t) = (s.head_dim, s.positions);
    let (qw, kw, group) = (s.q_width(), s.kv_width(), s.heads / s.kv_heads);
    let mut out = vec![0f32; x.q.len()];
    let mut head = Head::new(t, d);
    for b in 0..s.lengths.len() {
        for g in 0..s.kv_heads {
            load_kv(&mut head, &x, s, b, g);
            for h in g * group..(g + 1) * group {
                load_q(&mut head, &x, s, b, h);
                for i in 0..s.lengths[b] {
                    probabilities(&mut head, i, t, d);
                    let at = (s.starts[b] + i) * qw + h * d;
                    let out = &mut out[at..at + d];
                    for (j, p) in head.p[..=i].iter().enumerate() {
                        let v = (s.starts[b] + j) * kw + g * d;
                        axpy(out, *p, &x.v[v..v + d]);
                    }
                }
            }
        }
    }
    out
}

/// Gradients of `q`, `k` and `v`, given that of the output.
#[inline(always)]
pub(super) fn backward(
    x: Inputs<'_>,
    s: &AttentionShape,
    dy: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let (d, t, half) = (s.head_dim, s.positions, s.head_dim / 2);
    let (qw, kw, group) = (s.q_width(), s.kv_width(), s.heads / s.kv_heads);
    let (mut dq, mut dk, mut dv) =
        (vec![0f32; x.q.len()], vec![0f32; x.k.len()], vec![0f32; x.v.len()]);
    let mut head = Head::new(t, d);
    for b in 0..s.lengths.len() {
        for g in 0..s.kv_heads {
            load_kv(&mut head, &x, s, b, g);
            head.dk[..s.lengths[b] * d].fill(0.0);
            for h in g * group..(g + 1) * group {
                load_q(&mut head, &x, s, b, h);
                for i in 0..s.lengths[b] {
                    probabilities(&mut head, i, t, d);
                    let at = (s.starts[b] + i) * qw + h * d;
                    let dy = &dy[at..at + d];
                    let dp = &mut head.dp[..=i];
                    dp.fill(0.0);
                    for (c, dy) in dy.iter().enumerate() {
                        axpy(dp, *dy, &head.v_t[c * t..c * t + i + 1]);
                    }
                    let p = &head.p[..=i];
                    let mean = dot(p, dp);
                    head.dq.fill(0.0);
                    for j in 0..=i {
                        let v = (s.starts[b] + j) * kw + g * d;
                        axpy(&mut dv[v..v + d], p[j], dy);
                        let ds = p[j] * (dp[j] - mean);
                        axpy(&mut head.dq, ds, &head.k[j * d..(j + 1) * d]);
                        axpy(&mut head.dk[j * d..(j + 1) * d], ds, &head.q[i * d..(i + 1) * d]);
                    }
                    let (cos, sin) =
                        (&x.cos[i * half..(i + 1) * half], &x.sin[i * half..(i + 1) * half]);
                    rotate_back(&head.dq, cos, sin, s.scale(), &mut dq[at..at + d]);
                }
            }
            for j in 0..s.lengths[b] {
                let at = (s.starts[b] + j) * kw + g * d;
                let (cos, sin) =
                    (&x.cos[j * half..(j + 1) * half], &x.sin[j * half..(j + 1) * half]);
                rotate_back(&head.dk[j * d..(j + 1) * d], cos, sin, 1.0, &mut dk[at..at + d]);
            }
        }
    }
    (dq, dk, dv)
}
