//! Products of a few rows with a matrix, kept in registers.
//!
//! Each element is summed in the order of its index by fused multiply-adds,
//! which are the same on every machine that has them, so that neither block nor
//! vector width shows in a result.

use pulp::{Arch, Simd, WithSimd};

/// Rows that pass over the matrix together.
pub(super) const BLOCK: usize = 8;

pub(super) use super::shape::LANES;

/// `out[r][j] = sum over c of a[r][c] * b[c][j]` for j in `lo..hi`; `a` is
/// `[BLOCK, d]`, `b` `[d, t]`, `out` `[BLOCK, t]`; `lo`, `hi` and t are
/// multiples of [`LANES`].
pub(super) fn scores(
    a: &[f32],
    d: usize,
    b: &[f32],
    t: usize,
    (lo, hi): (usize, usize),
    out: &mut [f32],
) {
    let a = rows(a, d);
    Arch::new().dispatch(Product { a, inner: (0, d), b, width: t, columns: (lo, hi), out });
}

/// `out[r][c] = sum over j in lo..hi of p[r][j] * b[j][c]`; `p` is
/// `[BLOCK, t]`, `b` `[t, d]`, `out` `[BLOCK, d]`; d is a multiple of
/// [`LANES`].
pub(super) fn mix(p: &[f32], t: usize, span: (usize, usize), b: &[f32], d: usize, out: &mut [f32]) {
    Arch::new().dispatch(Product { a: rows(p, t), inner: span, b, width: d, columns: (0, d), out });
}

/// `out[j][c] += sum over r of p[r][j] * a[r][c]` for j in `lo..hi`; `p` is
/// `[BLOCK, t]`, `a` `[BLOCK, d]`, `out` `[t, d]`; d is a multiple of
/// [`LANES`].
pub(super) fn spread(
    p: &[f32],
    t: usize,
    span: (usize, usize),
    a: &[f32],
    d: usize,
    out: &mut [f32],
) {
    Arch::new().dispatch(OuterProduct { p: rows(p, t), span, a, d, out });
}

/// The rows of `a` `[BLOCK, width]`.
fn rows(a: &[f32], width: usize) -> [&[f32]; BLOCK] {
    std::array::from_fn(|r| &a[r * width..(r + 1) * width])
}

/// Columns of a product of `BLOCK` rows with a matrix.
struct Product<'a> {
    a: [&'a [f32]; BLOCK],
    /// Rows of `b` that are summed over, and elements of the rows of `a`.
    inner: (usize, usize),
    b: &'a [f32],
    /// Of the rows of `b` and `out`.
    width: usize,
    columns: (usize, usize),
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = self.width / S::as_simd_f32s(&self.b[..self.width]).0.len().max(1);
        let width = self.width / lanes;
        let (b, _) = S::as_simd_f32s(self.b);
        let (out, _) = S::as_mut_simd_f32s(self.out);
        let (from, to) = self.inner;
        let a = self.a.map(|row| &row[from..to]);
        for v in self.columns.0 / lanes..self.columns.1 / lanes {
            let mut sums = [simd.splat_f32s(0.0); BLOCK];
            for c in 0..to - from {
                let x = b[(from + c) * width + v];
                for (sum, a) in sums.iter_mut().zip(a) {
                    *sum = simd.mul_add_f32s(simd.splat_f32s(a[c]), x, *sum);
                }
            }
            for (r, sum) in sums.into_iter().enumerate() {
                out[r * width + v] = sum;
            }
        }
    }
}

/// Rows of a matrix to which outer products are added.
struct OuterProduct<'a> {
    p: [&'a [f32]; BLOCK],
    span: (usize, usize),
    a: &'a [f32],
    d: usize,
    out: &'a mut [f32],
}

impl WithSimd for OuterProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (a, _) = S::as_simd_f32s(&self.a[..BLOCK * self.d]);
        let width = a.len() / BLOCK;
        let (out, _) = S::as_mut_simd_f32s(self.out);
        let (lo, hi) = self.span;
        let p = self.p.map(|row| &row[lo..hi]);
        for v in 0..width {
            let a: [S::f32s; BLOCK] = std::array::from_fn(|r| a[r * width + v]);
            for j in 0..hi - lo {
                let out = &mut out[(lo + j) * width + v];
                let mut sum = *out;
                for (a, p) in a.iter().zip(p) {
                    sum = simd.mul_add_f32s(simd.splat_f32s(p[j]), *a, sum);
                }
                *out = sum;
            }
        }
    }
}

/// The transpose of `x` `[t, d]`, `[d, t]`; both are multiples of [`LANES`].
pub(super) fn transpose(x: &[f32], d: usize, out: &mut [f32], t: usize) {
    // Whole lines of the cache are written, one after another.
    for j in (0..t).step_by(LANES) {
        for c in 0..d {
            let out = &mut out[c * t + j..][..LANES];
            for (l, out) in out.iter_mut().enumerate() {
                *out = x[(j + l) * d + c];
            }
        }
    }
}
