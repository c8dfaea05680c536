//! Causal grouped-query attention with rotary positions, in one pass.
//!
//! Scores are made again in the backward pass, so nothing of size T x T per
//! head outlives the call. Rotary positions follow Hugging Face: dimension i
//! is paired with i + r/2 ("rotate half"), not with its neighbour; the last
//! d - r dimensions of a head stay.
//!
//! A few queries at a time pass over the keys, so that what is read from memory
//! serves them all. A task is one key/value head of one row.

use super::AttentionShape;
use super::math::{dot, exp, max, sum_by};
use super::threads::{each, map, vectorised};
use super::tile::{self, BLOCK, LANES};

impl AttentionShape {
    fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// First position that the query at position `i` sees.
    #[inline(always)]
    fn first(&self, i: usize) -> usize {
        self.window.map_or(0, |window| (i + 1).saturating_sub(window))
    }

    /// Row and key/value head of every task.
    fn tasks(&self) -> Vec<(usize, usize)> {
        let rows = 0..self.lengths.len();
        rows.flat_map(|b| (0..self.kv_heads).map(move |g| (b, g))).collect()
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

/// The transpose of [`rotate`].
#[inline(always)]
fn rotate_back(x: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
    let h = cos.len();
    for i in 0..h {
        let (a, b) = (x[i], x[h + i]);
        out[i] = scale * (a * cos[i] + b * sin[i]);
        out[h + i] = scale * (b * cos[i] - a * sin[i]);
    }
    for (out, x) in out[2 * h..].iter_mut().zip(&x[2 * h..]) {
        *out = scale * x;
    }
}

/// Work space for one key/value head of one row. Positions are padded to whole
/// vectors and blocks, head vectors to whole vectors, with zeros.
struct Head<'a> {
    x: Inputs<'a>,
    s: &'a AttentionShape,
    /// Row and key/value head.
    b: usize,
    g: usize,
    /// Padded size of a head.
    d: usize,
    /// Padded number of positions.
    t: usize,
    /// Rotated queries of one head, scaled, `[t, d]`.
    q: Vec<f32>,
    /// Rotated keys, and values, `[t, d]`.
    k: Vec<f32>,
    v: Vec<f32>,
    /// The same with positions last, `[d, t]`.
    k_t: Vec<f32>,
    v_t: Vec<f32>,
    /// Probabilities of a block of queries, `[BLOCK, t]`.
    p: Vec<f32>,
    /// Whether all values are: 0 times infinity is no number.
    finite: bool,
}

impl<'a> Head<'a> {
    #[inline(always)]
    fn new(x: Inputs<'a>, s: &'a AttentionShape, (b, g): (usize, usize), backward: bool) -> Self {
        let d = s.head_dim.next_multiple_of(LANES);
        let t = s.lengths[b].next_multiple_of(LANES);
        let z = || vec![0f32; t * d];
        let v_t = if backward { z() } else { Vec::new() };
        let p = vec![0f32; BLOCK * t];
        let mut head =
            Self { x, s, b, g, d, t, q: z(), k: z(), v: z(), k_t: z(), v_t, p, finite: true };
        head.load_kv();
        head.finite = head.v.iter().all(|x| x.is_finite());
        head
    }

    fn len(&self) -> usize {
        self.s.lengths[self.b]
    }

    #[inline(always)]
    fn load_kv(&mut self) {
        let (n, d, t, w) = (self.s.head_dim, self.d, self.t, self.s.kv_width());
        for j in 0..self.len() {
            let at = (self.s.starts[self.b] + j) * w + self.g * n;
            let (cos, sin) = self.x.turn(j, self.s.positions);
            rotate(&self.x.k[at..at + n], cos, sin, 1.0, &mut self.k[j * d..j * d + n]);
            self.v[j * d..j * d + n].copy_from_slice(&self.x.v[at..at + n]);
        }
        tile::transpose(&self.k, d, &mut self.k_t, t);
        if !self.v_t.is_empty() {
            tile::transpose(&self.v, d, &mut self.v_t, t);
        }
    }

    #[inline(always)]
    fn load_q(&mut self, h: usize) {
        let (n, d, w) = (self.s.head_dim, self.d, self.s.q_width());
        for i in 0..self.len() {
            let at = (self.s.starts[self.b] + i) * w + h * n;
            let (cos, sin) = self.x.turn(i, self.s.positions);
            let out = &mut self.q[i * d..i * d + n];
            rotate(&self.x.q[at..at + n], cos, sin, self.s.scale(), out);
        }
    }

    /// Positions that the queries from `i` on see, widened to whole vectors.
    #[inline(always)]
    fn span(&self, i: usize) -> (usize, usize) {
        let last = (i + BLOCK).min(self.len());
        (self.s.first(i) / LANES * LANES, last.next_multiple_of(LANES))
    }

    /// Softmax of the scores of the queries from `i` on, in `p`; 0 at positions
    /// that a query does not see.
    #[inline(always)]
    fn probabilities(&mut self, i: usize, (lo, hi): (usize, usize)) {
        let t = self.t;
        tile::scores(&self.q[i * self.d..], self.d, &self.k_t, t, (lo, hi), &mut self.p);
        for (n, p) in self.p.chunks_exact_mut(t).enumerate() {
            let (first, end) = match i + n < self.s.lengths[self.b] {
                true => (self.s.first(i + n), i + n + 1),
                false => (lo, lo),
            };
            if first == end {
                // A row of padding.
                p[lo..hi].fill(0.0);
                continue;
            }
            // Whole vectors, whose exponentials are 0 where nothing is seen.
            p[lo..first].fill(f32::NEG_INFINITY);
            p[end..hi].fill(f32::NEG_INFINITY);
            let p = &mut p[lo..hi];
            let top = max(p);
            for p in p.iter_mut() {
                *p = exp(*p - top);
            }
            let scale = 1.0 / sum_by(p.len(), |j| p[j]);
            for p in p.iter_mut() {
                *p *= scale;
            }
        }
    }
}

impl Head<'_> {
    /// As [`tile::mix`], for values that are not all finite: those that a query
    /// does not see must not reach it through a weight of 0.
    #[cold]
    fn mix_seen(&self, i: usize, out: &mut [f32]) {
        out.fill(0.0);
        let rows = out.chunks_exact_mut(self.d).zip(self.p.chunks_exact(self.t));
        for (i, (out, p)) in (i..self.len()).zip(rows) {
            let seen = self.s.first(i)..i + 1;
            let values = self.v[seen.start * self.d..].chunks_exact(self.d);
            for (p, v) in p[seen].iter().zip(values) {
                out.iter_mut().zip(v).for_each(|(out, v)| *out += p * v);
            }
        }
    }
}

/// Output `[n, heads * head_dim]`.
pub(super) fn forward(x: Inputs<'_>, s: &AttentionShape) -> Vec<f32> {
    let parts = map(s.tasks(), |task| {
        vectorised(
            #[inline(always)]
            || forward_head(x, s, task),
        )
    });
    let mut out = vec![0f32; x.q.len()];
    gather(&mut out, s, s.group() * s.head_dim, &parts, |part| part);
    out
}

/// Output of the query heads of one key/value head of one row,
/// `[len, group * head_dim]`.
#[inline(always)]
fn forward_head(x: Inputs<'_>, s: &AttentionShape, (b, g): (usize, usize)) -> Vec<f32> {
    let (len, n, width) = (s.lengths[b], s.head_dim, s.group() * s.head_dim);
    let mut head = Head::new(x, s, (b, g), false);
    let mut out = vec![0f32; len * width];
    let mut mixed = vec![0f32; BLOCK * head.d];
    for h in 0..s.group() {
        head.load_q(g * s.group() + h);
        for i in (0..len).step_by(BLOCK) {
            let span = head.span(i);
            head.probabilities(i, span);
            match head.finite {
                true => tile::mix(&head.p, head.t, span, &head.v, head.d, &mut mixed),
                false => head.mix_seen(i, &mut mixed),
            }
            for (i, mixed) in (i..len).zip(mixed.chunks_exact(head.d)) {
                out[i * width + h * n..][..n].copy_from_slice(&mixed[..n]);
            }
        }
    }
    out
}

/// Gradients of `q`, `k` and `v`, given that of the output.
pub(super) fn backward(
    x: Inputs<'_>,
    s: &AttentionShape,
    dy: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let parts = map(s.tasks(), |task| {
        vectorised(
            #[inline(always)]
            || backward_head(x, s, dy, task),
        )
    });
    let (mut dq, mut dk, mut dv) =
        (vec![0f32; x.q.len()], vec![0f32; x.k.len()], vec![0f32; x.v.len()]);
    gather(&mut dq, s, s.group() * s.head_dim, &parts, |part| &part.dq);
    gather(&mut dk, s, s.head_dim, &parts, |part| &part.dk);
    gather(&mut dv, s, s.head_dim, &parts, |part| &part.dv);
    (dq, dk, dv)
}

/// Gradients of one key/value head of one row: `dq` `[len, group * head_dim]`,
/// `dk` and `dv` `[len, head_dim]`.
struct Part {
    dq: Vec<f32>,
    dk: Vec<f32>,
    dv: Vec<f32>,
}

#[inline(always)]
fn backward_head(x: Inputs<'_>, s: &AttentionShape, dy: &[f32], (b, g): (usize, usize)) -> Part {
    let (len, n, width) = (s.lengths[b], s.head_dim, s.group() * s.head_dim);
    let mut head = Head::new(x, s, (b, g), true);
    let (t, d) = (head.t, head.d);
    let mut out =
        Part { dq: vec![0f32; len * width], dk: vec![0f32; len * n], dv: vec![0f32; len * n] };
    let (mut dk, mut dv) = (vec![0f32; t * d], vec![0f32; t * d]);
    let (mut dys, mut ds) = (vec![0f32; BLOCK * d], vec![0f32; BLOCK * t]);
    let mut dq = vec![0f32; BLOCK * d];
    for h in 0..s.group() {
        head.load_q(g * s.group() + h);
        for i in (0..len).step_by(BLOCK) {
            let span = head.span(i);
            head.probabilities(i, span);
            dys.fill(0.0);
            for (i, dys) in (i..len).zip(dys.chunks_exact_mut(d)) {
                let at = (s.starts[b] + i) * s.q_width() + (g * s.group() + h) * n;
                dys[..n].copy_from_slice(&dy[at..at + n]);
            }
            tile::scores(&dys, d, &head.v_t, t, span, &mut ds);
            for (ds, p) in ds.chunks_exact_mut(t).zip(head.p.chunks_exact(t)) {
                // Where p is 0, so is the gradient.
                let mean = dot(&p[span.0..span.1], &ds[span.0..span.1]);
                for (ds, p) in ds[span.0..span.1].iter_mut().zip(&p[span.0..span.1]) {
                    *ds = p * (*ds - mean);
                }
            }
            tile::spread(&head.p, t, span, &dys, d, &mut dv);
            tile::mix(&ds, t, span, &head.k, d, &mut dq);
            tile::spread(&ds, t, span, &head.q[i * d..], d, &mut dk);
            for (i, dq) in (i..len).zip(dq.chunks_exact(d)) {
                let (cos, sin) = x.turn(i, s.positions);
                let out = &mut out.dq[i * width + h * n..][..n];
                rotate_back(&dq[..n], cos, sin, s.scale(), out);
            }
        }
    }
    for j in 0..len {
        let (cos, sin) = x.turn(j, s.positions);
        rotate_back(&dk[j * d..j * d + n], cos, sin, 1.0, &mut out.dk[j * n..(j + 1) * n]);
        out.dv[j * n..(j + 1) * n].copy_from_slice(&dv[j * d..j * d + n]);
    }
    out
}

/// Lays the parts of all tasks, `[len, width]` each, side by side into `out`,
/// `[n, kv_heads * width]`; tokens of no row stay as they are.
fn gather<P: Sync>(
    out: &mut [f32],
    s: &AttentionShape,
    width: usize,
    parts: &[P],
    of: impl Fn(&P) -> &Vec<f32> + Sync,
) {
    let mut rows: Vec<usize> = (0..s.lengths.len()).collect();
    rows.sort_by_key(|b| s.starts[*b]);
    let mut slices = Vec::with_capacity(rows.len());
    let (mut rest, mut done) = (out, 0);
    for b in rows {
        let start = s.starts[b] * s.kv_heads * width;
        let (_, from) = rest.split_at_mut(start - done);
        let (row, after) = from.split_at_mut(s.lengths[b] * s.kv_heads * width);
        slices.push((b, row));
        done = start + s.lengths[b] * s.kv_heads * width;
        rest = after;
    }
    each(slices, |(b, row)| {
        for (j, out) in row.chunks_exact_mut(s.kv_heads * width).enumerate() {
            for (g, out) in out.chunks_exact_mut(width).enumerate() {
                out.copy_from_slice(&of(&parts[b * s.kv_heads + g])[j * width..(j + 1) * width]);
            }
        }
    });
}
