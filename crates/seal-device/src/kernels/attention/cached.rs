//! Attention of new tokens over sequences whose earlier tokens are stored.
//!
//! A token's result depends on its sequence alone: sums run over its positions in their order,
//! however many tokens come at once.

use super::super::keys_values::{HeadKeysValues, KeysValues};
use super::super::shape::AttentionShape;
use super::super::threads::{map, vectorised};
use super::super::tile::{self, BLOCK};
use super::gather;
use super::head::{Inputs, rotate, softmax};

/// Stores the keys and values of the n new tokens of all sequences, and gives their output
/// `[n, heads * head_dim]`. `s` has a row for each sequence: its new tokens. `x` has a turn for
/// each token.
pub(in crate::kernels) fn forward(
    x: Inputs<'_>,
    s: &AttentionShape,
    sequences: &mut [&mut KeysValues],
) -> Vec<f32> {
    let mut tasks = Vec::with_capacity(sequences.len() * s.kv_heads);
    for (b, sequence) in sequences.iter_mut().enumerate() {
        let before = sequence.len;
        sequence.len += s.lengths[b];
        tasks.extend(sequence.heads.iter_mut().enumerate().map(|(g, head)| (b, g, before, head)));
    }
    let parts = map(tasks, |(b, g, before, head)| {
        vectorised(
            #[inline(always)]
            || HeadTask { x, s, b, g, before }.run(head),
        )
    });
    let mut out = vec![0f32; x.q.len()];
    gather(&mut out, s, s.group() * s.head_dim, &parts, |part| part);
    out
}

/// One key/value head of one sequence.
struct HeadTask<'a> {
    x: Inputs<'a>,
    s: &'a AttentionShape,
    b: usize,
    g: usize,
    /// Tokens that were stored before.
    before: usize,
}

impl HeadTask<'_> {
    /// `[new tokens, group * head_dim]`.
    #[inline(always)]
    fn run(&self, head: &mut HeadKeysValues) -> Vec<f32> {
        let (s, count, n) = (self.s, self.s.lengths[self.b], self.s.head_dim);
        let width = s.group() * n;
        self.store(head);
        let (d, room) = (head.d, head.room);
        let mut out = vec![0f32; count * width];
        let (mut q, mut p) = (vec![0f32; BLOCK * d], vec![0f32; BLOCK * room]);
        let mut mixed = vec![0f32; BLOCK * d];
        // Queries of one head after those of another.
        let queries: Vec<(usize, usize)> =
            (0..s.group()).flat_map(|h| (0..count).map(move |i| (h, i))).collect();
        for block in queries.chunks(BLOCK) {
            let (mut lo, mut hi) = (room, 0);
            for ((h, i), q) in block.iter().zip(q.chunks_exact_mut(d)) {
                let token = s.starts[self.b] + i;
                let at = token * s.q_width() + (self.g * s.group() + h) * n;
                let (cos, sin) = self.x.turn(token, s.positions);
                rotate(&self.x.q[at..at + n], cos, sin, s.scale(), &mut q[..n]);
                (lo, hi) = (lo.min(s.first(self.before + i)), hi.max(self.before + i + 1));
            }
            let span = (lo / tile::LANES * tile::LANES, hi.next_multiple_of(tile::LANES));
            tile::scores(&q, d, &head.keys, room, span, &mut p);
            for (row, p) in p.chunks_exact_mut(room).enumerate() {
                match block.get(row) {
                    Some((_, i)) => {
                        let i = self.before + i;
                        softmax(p, span, (s.first(i), i + 1));
                    }
                    None => p[span.0..span.1].fill(0.0),
                }
            }
            match head.finite {
                true => tile::mix(&p, room, span, &head.values, d, &mut mixed),
                false => self.mix_seen(block, head, &p, &mut mixed),
            }
            for ((h, i), mixed) in block.iter().zip(mixed.chunks_exact(d)) {
                out[i * width + h * n..][..n].copy_from_slice(&mixed[..n]);
            }
        }
        out
    }

    /// Adds the new keys and values.
    #[inline(always)]
    fn store(&self, head: &mut HeadKeysValues) {
        let (s, n) = (self.s, self.s.head_dim);
        let count = s.lengths[self.b];
        head.reserve(self.before + count);
        let mut key = vec![0f32; n];
        for j in 0..count {
            let token = s.starts[self.b] + j;
            let (from, to) = (token * s.kv_width() + self.g * n, self.before + j);
            let (cos, sin) = self.x.turn(token, s.positions);
            rotate(&self.x.k[from..from + n], cos, sin, 1.0, &mut key);
            for (keys, key) in head.keys.chunks_exact_mut(head.room).zip(&key) {
                keys[to] = *key;
            }
            let values = &self.x.v[from..from + n];
            head.values[to * head.d..][..n].copy_from_slice(values);
            head.finite &= values.iter().all(|x| x.is_finite());
        }
    }

    /// As [`tile::mix`], for values that are not all finite: those that a query does not see must
    /// not reach it through a weight of 0.
    #[cold]
    fn mix_seen(
        &self,
        block: &[(usize, usize)],
        head: &HeadKeysValues,
        p: &[f32],
        out: &mut [f32],
    ) {
        out.fill(0.0);
        let rows = out.chunks_exact_mut(head.d).zip(p.chunks_exact(head.room));
        for ((_, i), (out, p)) in block.iter().zip(rows) {
            let i = self.before + i;
            let first = self.s.first(i);
            let seen = head.values[first * head.d..(i + 1) * head.d].chunks_exact(head.d);
            for (values, p) in seen.zip(&p[first..]) {
                out.iter_mut().zip(values).for_each(|(out, v)| *out += p * v);
            }
        }
    }
}
