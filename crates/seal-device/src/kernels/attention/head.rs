//! Work space and probabilities of one key/value head of one row.

use crate::kernels::math::{exp, max, sum_by};
use crate::kernels::shape::AttentionShape;
use crate::kernels::tile::{self, BLOCK, LANES};

/// Borrowed inputs of n tokens: `q` `[n, heads * head_dim]`, `k` and `v`
/// `[n, kv_heads * head_dim]`, `cos` and `sin`
/// `[positions, r / 2]`.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Inputs<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub cos: &'a [f32],
    pub sin: &'a [f32],
}

impl Inputs<'_> {
    /// Cosines and sines of position `j` of `positions`.
    #[inline(always)]
    pub(super) fn turn(&self, j: usize, positions: usize) -> (&[f32], &[f32]) {
        let half = self.cos.len() / positions;
        (&self.cos[j * half..(j + 1) * half], &self.sin[j * half..(j + 1) * half])
    }
}

/// Rotates one head vector at one position, from `x` to `out`.
#[inline(always)]
pub(super) fn rotate(x: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
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
pub(super) fn rotate_back(x: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
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

/// Softmax of the scores in `lo..hi` of one query, which sees `first..end`; 0 at the others.
/// Nothing is seen by a row of padding, where `first` is `end`.
#[inline(always)]
pub(super) fn softmax(p: &mut [f32], (lo, hi): (usize, usize), (first, end): (usize, usize)) {
    if first == end {
        p[lo..hi].fill(0.0);
        return;
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

/// Work space for one key/value head of one row. Positions are padded to whole
/// vectors and blocks, head vectors to whole vectors, with zeros.
pub(super) struct HeadWorkspace<'a> {
    x: Inputs<'a>,
    s: &'a AttentionShape,
    /// Row and key/value head.
    b: usize,
    g: usize,
    /// Padded size of a head.
    pub(super) d: usize,
    /// Padded number of positions.
    pub(super) t: usize,
    /// Rotated queries of one head, scaled, `[t, d]`.
    pub(super) q: Vec<f32>,
    /// Rotated keys, and values, `[t, d]`.
    pub(super) k: Vec<f32>,
    pub(super) v: Vec<f32>,
    /// The same with positions last, `[d, t]`.
    k_t: Vec<f32>,
    pub(super) v_t: Vec<f32>,
    /// Probabilities of a block of queries, `[BLOCK, t]`.
    pub(super) p: Vec<f32>,
    /// Whether all values are: 0 times infinity is no number.
    pub(super) finite: bool,
}

impl<'a> HeadWorkspace<'a> {
    #[inline(always)]
    pub(super) fn new(
        x: Inputs<'a>,
        s: &'a AttentionShape,
        (b, g): (usize, usize),
        backward: bool,
    ) -> Self {
        let d = s.head_dim.next_multiple_of(LANES);
        let t = (s.before(b) + s.lengths[b]).next_multiple_of(LANES);
        let z = || vec![0f32; t * d];
        let v_t = if backward { z() } else { Vec::new() };
        let p = vec![0f32; BLOCK * t];
        let mut head =
            Self { x, s, b, g, d, t, q: z(), k: z(), v: z(), k_t: z(), v_t, p, finite: true };
        head.load_kv();
        head.finite = head.v.iter().all(|x| x.is_finite());
        head
    }

    /// Tokens of the row, with those that it begins with.
    pub(super) fn len(&self) -> usize {
        self.s.before(self.b) + self.s.lengths[self.b]
    }

    /// Place of the token at position `j` among those of the batch.
    #[inline(always)]
    fn token(&self, j: usize) -> usize {
        let before = self.s.before(self.b);
        if j < before { self.s.starts[0] + j } else { self.s.starts[self.b] + j - before }
    }

    /// First queries of the blocks that hold tokens of the row itself.
    #[inline(always)]
    pub(super) fn blocks(&self) -> impl Iterator<Item = usize> + use<> {
        (self.s.before(self.b) / BLOCK * BLOCK..self.len()).step_by(BLOCK)
    }

    #[inline(always)]
    fn load_kv(&mut self) {
        let (n, d, t, w) = (self.s.head_dim, self.d, self.t, self.s.kv_width());
        for j in 0..self.len() {
            let at = self.token(j) * w + self.g * n;
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
    pub(super) fn load_q(&mut self, h: usize) {
        let (n, d, w) = (self.s.head_dim, self.d, self.s.q_width());
        for i in self.s.before(self.b)..self.len() {
            let at = self.token(i) * w + h * n;
            let (cos, sin) = self.x.turn(i, self.s.positions);
            let out = &mut self.q[i * d..i * d + n];
            rotate(&self.x.q[at..at + n], cos, sin, self.s.scale(), out);
        }
    }

    /// Positions that the queries from `i` on see, widened to whole vectors.
    #[inline(always)]
    pub(super) fn span(&self, i: usize) -> (usize, usize) {
        let last = (i + BLOCK).min(self.len());
        (self.s.first(i) / LANES * LANES, last.next_multiple_of(LANES))
    }

    /// Softmax of the scores of the queries from `i` on, in `p`; 0 at positions
    /// that a query does not see.
    #[inline(always)]
    pub(super) fn probabilities(&mut self, i: usize, (lo, hi): (usize, usize)) {
        let (t, len) = (self.t, self.len());
        tile::scores(&self.q[i * self.d..], self.d, &self.k_t, t, (lo, hi), &mut self.p);
        for (n, p) in self.p.chunks_exact_mut(t).enumerate() {
            let (first, end) = match i + n < len {
                true => (self.s.first(i + n), i + n + 1),
                false => (lo, lo),
            };
            softmax(p, (lo, hi), (first, end));
        }
    }
}

impl HeadWorkspace<'_> {
    /// As [`tile::mix`], for values that are not all finite: those that a query
    /// does not see must not reach it through a weight of 0.
    #[cold]
    pub(super) fn mix_seen(&self, i: usize, out: &mut [f32]) {
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
