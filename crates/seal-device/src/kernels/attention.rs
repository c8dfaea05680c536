//! Causal grouped-query attention with rotary positions, in one pass.
//!
//! Scores are made again in the backward pass, so nothing of size T x T per
//! head outlives the call. Rotary positions follow Hugging Face: dimension i
//! is paired with i + r/2 ("rotate half"), not with its neighbour; the last
//! d - r dimensions of a head stay.

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

    /// First position that the query at position `i` sees.
    #[inline(always)]
    fn first(&self, i: usize) -> usize {
        self.window.map_or(0, |window| (i + 1).saturating_sub(window))
    }
}

/// Borrowed inputs of n tokens: `q` `[n, heads * head_dim]`, `k` and `v`
/// `[n, kv_heads * head_dim]`, `cos` and `sin`
/// `[positions, r / 2]`.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub cos: &'a [f32],
    pub sin: &'a [f32],
}

impl Inputs<'_> {
    /// Cosines and sines of position `j` of `positions`.
    #[inline(always)]
    fn turn(&self, j: usize, positions: usize) -> (&[f32], &[f32]) {
        let half = self.cos.len() / positions;
        (&self.cos[j * half..(j + 1) * half], &self.sin[j * half..(j + 1) * half])
    }
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
    for (out, x) in out[2 * h..].iter_mut().zip(&x[2 * h..]) {
        *out = scale * x;
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
    for (out, x) in out[2 * h..].iter_mut().zip(&x[2 * h..]) {
        *out += scale * x;
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

/// Softmax of the scores of query `i` over positions `first..=i`, in `head.p`.
#[inline(always)]
fn probabilities(head: &mut Head, first: usize, i: usize, t: usize, d: usize) {
    let p = &mut head.p[first..=i];
    p.fill(0.0);
    for (q, k) in head.q[i * d..(i + 1) * d].iter().zip(head.k_t.chunks_exact(t)) {
        axpy(p, *q, &k[first..=i]);
    }
    let top = max(p);
    for p in p.iter_mut() {
        *p = exp(*p - top);
    }
    let scale = 1.0 / sum_by(p.len(), |j| p[j]);
    for p in p.iter_mut() {
        *p *= scale;
    }
}

/// Fills rotated keys and transposed values of key/value head `g` of row `b`.
#[inline(always)]
fn load_kv(head: &mut Head, x: &Inputs<'_>, s: &AttentionShape, b: usize, g: usize) {
    let (d, t, len, w) = (s.head_dim, s.positions, s.lengths[b], s.kv_width());
    for j in 0..len {
        let at = (s.starts[b] + j) * w + g * d;
        let (cos, sin) = x.turn(j, t);
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
    for i in 0..len {
        let at = (s.starts[b] + i) * w + h * d;
        let (cos, sin) = x.turn(i, s.positions);
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
                    let first = s.first(i);
                    probabilities(&mut head, first, i, t, d);
                    let at = (s.starts[b] + i) * qw + h * d;
                    let out = &mut out[at..at + d];
                    let start = s.starts[b] + first;
                    for (j, p) in head.p[first..=i].iter().enumerate() {
                        let v = (start + j) * kw + g * d;
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
    let (d, t) = (s.head_dim, s.positions);
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
                    let first = s.first(i);
                    probabilities(&mut head, first, i, t, d);
                    let at = (s.starts[b] + i) * qw + h * d;
                    let dy = &dy[at..at + d];
                    let dp = &mut head.dp[first..=i];
                    dp.fill(0.0);
                    for (dy, v) in dy.iter().zip(head.v_t.chunks_exact(t)) {
                        axpy(dp, *dy, &v[first..=i]);
                    }
                    let p = &head.p[first..=i];
                    let mean = dot(p, dp);
                    head.dq.fill(0.0);
                    let start = s.starts[b] + first;
                    let (k, dk) = (&head.k[first * d..], &mut head.dk[first * d..]);
                    for j in 0..p.len() {
                        let v = (start + j) * kw + g * d;
                        axpy(&mut dv[v..v + d], p[j], dy);
                        let ds = p[j] * (dp[j] - mean);
                        axpy(&mut head.dq, ds, &k[j * d..(j + 1) * d]);
                        axpy(&mut dk[j * d..(j + 1) * d], ds, &head.q[i * d..(i + 1) * d]);
                    }
                    let (cos, sin) = x.turn(i, t);
                    rotate_back(&head.dq, cos, sin, s.scale(), &mut dq[at..at + d]);
                }
            }
            for j in 0..s.lengths[b] {
                let at = (s.starts[b] + j) * kw + g * d;
                let (cos, sin) = x.turn(j, t);
                rotate_back(&head.dk[j * d..(j + 1) * d], cos, sin, 1.0, &mut dk[at..at + d]);
            }
        }
    }
    (dq, dk, dv)
}
