//! Products of rows with a packed matrix.
//!
//! Each element is summed in the order of its index by fused multiply-adds, from 0 on. So a row of
//! the result is the same whatever rows are beside it: a library's product chooses another order
//! for another number of rows.

use pulp::{Arch, Simd, WithSimd};

use super::packed::{PANEL, PackedMatrix, Panels};
use super::product::Matrix;
use super::threads::{each, map, part};

/// Words of a panel for each of its rows, and columns of either half.
const HALF: usize = PANEL / 2;

/// Most rows that pass over a panel together: as many as registers hold sums.
const MOST: usize = 12;

/// `w` laid out for [`product`].
pub(super) fn pack(w: Matrix<'_>) -> PackedMatrix {
    let [inner, columns] = w.shape();
    let panels = columns.div_ceil(PANEL);
    let size = part(panels, inner * PANEL);
    let spans: Vec<usize> = (0..panels).step_by(size).collect();
    let is_half = |from: usize| {
        let to = ((from + size) * PANEL).min(columns);
        (from * PANEL..to).all(|j| (0..inner).all(|c| w.at(c, j).to_bits() & 0xffff == 0))
    };
    let panels = match map(spans, is_half).into_iter().all(|half| half) {
        true => Panels::Bf16(filled(panels, size, inner * HALF, |panel, words: &mut [u32]| {
            for (c, words) in words.chunks_exact_mut(HALF).enumerate() {
                for (l, word) in words.iter_mut().enumerate() {
                    let at = |l: usize| match panel * PANEL + l {
                        j if j < columns => w.at(c, j).to_bits(),
                        _ => 0,
                    };
                    *word = (at(l) >> 16) | at(l + HALF);
                }
            }
        })),
        false => Panels::F32(filled(panels, size, inner * PANEL, |panel, values: &mut [f32]| {
            for (c, values) in values.chunks_exact_mut(PANEL).enumerate() {
                for (j, value) in (panel * PANEL..columns).zip(values) {
                    *value = w.at(c, j);
                }
            }
        })),
    };
    PackedMatrix { inner, columns, panels }
}

/// `panels` panels of `len` elements each, which `fill` writes, `size` of them a task.
fn filled<T: Copy + Default + Send>(
    panels: usize,
    size: usize,
    len: usize,
    fill: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    let mut out = vec![T::default(); panels * len];
    if len > 0 {
        each(out.chunks_mut(size * len).enumerate(), |(task, out)| {
            for (i, out) in out.chunks_exact_mut(len).enumerate() {
                fill(task * size + i, out);
            }
        });
    }
    out
}

/// `x w` for the rows of `x` `[n, k]`, `[n, m]`.
///
/// # Panics
/// If `x` has no whole rows.
pub(super) fn product(x: &[f32], w: &PackedMatrix) -> Vec<f32> {
    let [inner, columns] = w.shape();
    if inner == 0 || x.is_empty() {
        return Vec::new();
    }
    assert_eq!(x.len() % inner, 0, "rows of {inner}");
    let rows = x.len() / inner;
    let panels = columns.div_ceil(PANEL);
    let size = part(panels, inner * (rows + 4));
    let spans = (0..panels).step_by(size).map(|from| (from, (from + size).min(panels)));
    let tiles = map(spans.collect(), |(from, to)| {
        let mut out = vec![0f32; (to - from) * rows * PANEL];
        for (panel, out) in (from..to).zip(out.chunks_exact_mut(rows * PANEL)) {
            match &w.panels {
                Panels::F32(values) => {
                    let panel = &values[panel * inner * PANEL..][..inner * PANEL];
                    Arch::new().dispatch(PanelProduct { x, inner, panel: F32Panel(panel), out });
                }
                Panels::Bf16(words) => {
                    let panel = &words[panel * inner * HALF..][..inner * HALF];
                    Arch::new().dispatch(PanelProduct { x, inner, panel: Bf16Panel(panel), out });
                }
            }
        }
        out
    });
    let mut out = vec![0f32; rows * columns];
    let rows_at_once = part(rows, columns);
    each(out.chunks_mut(rows_at_once * columns).enumerate(), |(task, out)| {
        for (r, out) in out.chunks_exact_mut(columns).enumerate() {
            let r = task * rows_at_once + r;
            let tiles = tiles.iter().flat_map(|tile| tile.chunks_exact(rows * PANEL));
            for (out, tile) in out.chunks_mut(PANEL).zip(tiles) {
                out.copy_from_slice(&tile[r * PANEL..][..out.len()]);
            }
        }
    });
    out
}

/// Vectors of a panel's rows, of either half.
trait PanelVectors: Copy {
    /// Of row `c`, the vectors at `v` of `HALF / lanes`.
    fn load<S: Simd>(self, simd: S, c: usize, v: usize) -> (S::f32s, S::f32s);
}

#[derive(Clone, Copy)]
struct F32Panel<'a>(&'a [f32]);

impl PanelVectors for F32Panel<'_> {
    #[inline(always)]
    fn load<S: Simd>(self, _: S, c: usize, v: usize) -> (S::f32s, S::f32s) {
        let (row, _) = S::as_simd_f32s(&self.0[c * PANEL..][..PANEL]);
        (row[v], row[HALF / S::F32_LANES + v])
    }
}

#[derive(Clone, Copy)]
struct Bf16Panel<'a>(&'a [u32]);

impl PanelVectors for Bf16Panel<'_> {
    #[inline(always)]
    fn load<S: Simd>(self, simd: S, c: usize, v: usize) -> (S::f32s, S::f32s) {
        let (row, _) = S::as_simd_u32s(&self.0[c * HALF..][..HALF]);
        let low = simd.wrapping_dyn_shl_u32s(row[v], simd.splat_u32s(16));
        let high = simd.and_u32s(row[v], simd.splat_u32s(0xffff_0000));
        (simd.transmute_f32s_u32s(low), simd.transmute_f32s_u32s(high))
    }
}

/// The rows of `x` `[n, k]` times one panel, to `out` `[n, PANEL]`.
struct PanelProduct<'a, C> {
    x: &'a [f32],
    inner: usize,
    panel: C,
    out: &'a mut [f32],
}

impl<C: PanelVectors> WithSimd for PanelProduct<'_, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, inner, panel, out } = self;
        let n = x.len() / inner;
        // Sums, the vectors of the panel and one of x stay in registers.
        let most = if S::F32_LANES == HALF { MOST } else { MOST / 2 };
        let blocks = n.div_ceil(most);
        let mut from = 0;
        for block in 0..blocks {
            let to = n * (block + 1) / blocks;
            let x = &x[from * inner..to * inner];
            let out = &mut out[from * PANEL..to * PANEL];
            match to - from {
                1 => rows::<S, C, 1>(simd, x, inner, panel, out),
                2 => rows::<S, C, 2>(simd, x, inner, panel, out),
                3 => rows::<S, C, 3>(simd, x, inner, panel, out),
                4 => rows::<S, C, 4>(simd, x, inner, panel, out),
                5 => rows::<S, C, 5>(simd, x, inner, panel, out),
                6 => rows::<S, C, 6>(simd, x, inner, panel, out),
                7 => rows::<S, C, 7>(simd, x, inner, panel, out),
                8 => rows::<S, C, 8>(simd, x, inner, panel, out),
                9 => rows::<S, C, 9>(simd, x, inner, panel, out),
                10 => rows::<S, C, 10>(simd, x, inner, panel, out),
                11 => rows::<S, C, 11>(simd, x, inner, panel, out),
                _ => rows::<S, C, 12>(simd, x, inner, panel, out),
            }
            from = to;
        }
    }
}

/// R rows of `x` times the panel.
#[inline(always)]
fn rows<S: Simd, C: PanelVectors, const R: usize>(
    simd: S,
    x: &[f32],
    inner: usize,
    panel: C,
    out: &mut [f32],
) {
    let x: [&[f32]; R] = std::array::from_fn(|r| &x[r * inner..][..inner]);
    let vectors = HALF / S::F32_LANES;
    let (out, _) = S::as_mut_simd_f32s(out);
    for v in 0..vectors {
        let (mut low, mut high) = ([simd.splat_f32s(0.0); R], [simd.splat_f32s(0.0); R]);
        for c in 0..inner {
            let (a, b) = panel.load(simd, c, v);
            for r in 0..R {
                let x = simd.splat_f32s(x[r][c]);
                low[r] = simd.mul_add_f32s(x, a, low[r]);
                high[r] = simd.mul_add_f32s(x, b, high[r]);
            }
        }
        for r in 0..R {
            out[2 * vectors * r + v] = low[r];
            out[2 * vectors * r + vectors + v] = high[r];
        }
    }
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
