//! Causal grouped-query attention with rotary positions, in one pass.
//!
//! Scores are made again in the backward pass, so nothing of size T x T per
//! head outlives the call. Rotary positions follow Hugging Face: dimension i
//! is paired with i + r/2 ("rotate half"), not with its neighbour; the last
//! d - r dimensions of a head stay.
//!
//! A few queries at a time pass over the keys, so that what is read from memory
//! serves them all. A task is one key/value head of one row.

pub(super) mod cached;
mod head;

pub(super) use head::Inputs;

use super::math::dot;
use super::shape::AttentionShape;
use super::threads::{each, map, vectorised};
use super::tile::{self, BLOCK};
use head::{HeadWorkspace, rotate_back};

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
    let (before, n, width) = (s.before(b), s.head_dim, s.group() * s.head_dim);
    let mut head = HeadWorkspace::new(x, s, (b, g), false);
    let mut out = vec![0f32; s.lengths[b] * width];
    let mut mixed = vec![0f32; BLOCK * head.d];
    for h in 0..s.group() {
        head.load_q(g * s.group() + h);
        for i in head.blocks() {
            let span = head.span(i);
            head.probabilities(i, span);
            match head.finite {
                true => tile::mix(&head.p, head.t, span, &head.v, head.d, &mut mixed),
                false => head.mix_seen(i, &mut mixed),
            }
            let rows = (i..head.len()).zip(mixed.chunks_exact(head.d));
            for (i, mixed) in rows.filter(|(i, _)| *i >= before) {
                out[(i - before) * width + h * n..][..n].copy_from_slice(&mixed[..n]);
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
    let mut parts = map(s.tasks(), |task| {
        vectorised(
            #[inline(always)]
            || backward_head(x, s, dy, task),
        )
    });
    if s.stem {
        // The beginning gets the gradients of all rows, in their order.
        let (stem, rows) = parts.split_at_mut(s.kv_heads);
        for (i, row) in rows.iter().enumerate() {
            let stem = &mut stem[i % s.kv_heads];
            for (sum, part) in [(&mut stem.dk, &row.stem_dk), (&mut stem.dv, &row.stem_dv)] {
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
        }
    }
    let (mut dq, mut dk, mut dv) =
        (vec![0f32; x.q.len()], vec![0f32; x.k.len()], vec![0f32; x.v.len()]);
    gather(&mut dq, s, s.group() * s.head_dim, &parts, |part| &part.dq);
    gather(&mut dk, s, s.head_dim, &parts, |part| &part.dk);
    gather(&mut dv, s, s.head_dim, &parts, |part| &part.dv);
    (dq, dk, dv)
}

/// Gradients of one key/value head of one row: `dq` `[len, group * head_dim]`,
/// `dk` and `dv` `[len, head_dim]`; `stem_dk` and `stem_dv` are those of what it begins with.
struct HeadGradients {
    dq: Vec<f32>,
    dk: Vec<f32>,
    dv: Vec<f32>,
    stem_dk: Vec<f32>,
    stem_dv: Vec<f32>,
}

#[inline(always)]
fn backward_head(
    x: Inputs<'_>,
    s: &AttentionShape,
    dy: &[f32],
    (b, g): (usize, usize),
) -> HeadGradients {
    let (before, n, width) = (s.before(b), s.head_dim, s.group() * s.head_dim);
    let mut head = HeadWorkspace::new(x, s, (b, g), true);
    let (t, d, len) = (head.t, head.d, head.len());
    let z = |tokens: usize| vec![0f32; tokens * n];
    let own = len - before;
    let (dk, dv, stem_dk, stem_dv) = (z(own), z(own), z(before), z(before));
    let mut out = HeadGradients { dq: vec![0f32; own * width], dk, dv, stem_dk, stem_dv };
    let (mut dk, mut dv) = (vec![0f32; t * d], vec![0f32; t * d]);
    let (mut dys, mut ds) = (vec![0f32; BLOCK * d], vec![0f32; BLOCK * t]);
    let mut dq = vec![0f32; BLOCK * d];
    for h in 0..s.group() {
        head.load_q(g * s.group() + h);
        for i in head.blocks() {
            let span = head.span(i);
            head.probabilities(i, span);
            dys.fill(0.0);
            let rows = (i..len).zip(dys.chunks_exact_mut(d));
            for (i, dys) in rows.filter(|(i, _)| *i >= before) {
                let at = (s.starts[b] + i - before) * s.q_width() + (g * s.group() + h) * n;
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
            let rows = (i..len).zip(dq.chunks_exact(d));
            for (i, dq) in rows.filter(|(i, _)| *i >= before) {
                let (cos, sin) = x.turn(i, s.positions);
                let out = &mut out.dq[(i - before) * width + h * n..][..n];
                rotate_back(&dq[..n], cos, sin, s.scale(), out);
            }
        }
    }
    for j in 0..len {
        let (cos, sin) = x.turn(j, s.positions);
        let (to_dk, to_dv, j_of) = match j < before {
            true => (&mut out.stem_dk, &mut out.stem_dv, j),
            false => (&mut out.dk, &mut out.dv, j - before),
        };
        let place = j_of * n..(j_of + 1) * n;
        rotate_back(&dk[j * d..j * d + n], cos, sin, 1.0, &mut to_dk[place.clone()]);
        to_dv[place].copy_from_slice(&dv[j * d..j * d + n]);
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
