//! Matrix products.
//!
//! Burn's own clears the memory of each result before it is written and copies
//! it once more; in a training step that is a tenth of the time. The work is
//! done by the same crate, `gemm`.

use gemm::Parallelism;

/// Multiply-adds from which threads share a product.
const SHARED: usize = 192 * 192 * 192;

/// A matrix in memory, row by row or column by column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix whose element (i, j) is `values[i * strides[0] + j * strides[1]]`.
    ///
    /// # Panics
    /// If an element lies outside of `values`.
    pub(super) fn new(values: &'a [f32], shape: [usize; 2], strides: [usize; 2]) -> Self {
        let [rows, columns] = shape;
        let [row_stride, column_stride] = strides;
        if rows > 0 && columns > 0 {
            let last =
                (rows - 1).checked_mul(row_stride).zip((columns - 1).checked_mul(column_stride));
            let last = last.and_then(|(i, j)| i.checked_add(j));
            assert!(last.is_some_and(|last| last < values.len()), "{shape:?} {strides:?}");
        }
        Self { values, rows, columns, row_stride, column_stride }
    }

    pub(super) fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// The element of row i and column j.
    #[inline(always)]
    pub(super) fn at(&self, i: usize, j: usize) -> f32 {
        self.values[i * self.row_stride + j * self.column_stride]
    }

    #[cfg(test)]
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `a b`, row by row.
pub(super) fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    let n = elements(a, b);
    if a.columns == 0 {
        return vec![0.0; n];
    }
    let mut out = Vec::with_capacity(n);
    multiply(a, b, &mut out.spare_capacity_mut()[..n], false);
    #[allow(unsafe_code, reason = "multiply has written all n elements")]
    // SAFETY: n elements fit the capacity, and `multiply` without `add` writes each.
    unsafe {
        out.set_len(n);
    }
    out
}

/// Adds `a b` to `out`, which lies row by row.
///
/// # Panics
/// If the shapes do not fit.
pub(super) fn add_product(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32]) {
    assert_eq!(out.len(), elements(a, b), "elements of the sum");
    if a.columns == 0 {
        return;
    }
    #[allow(unsafe_code, reason = "initialised memory seen as memory that may be")]
    // SAFETY: the layouts are the same, and only numbers are written to it.
    let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [std::mem::MaybeUninit<f32>]) };
    multiply(a, b, out, true);
}

/// Of the result.
fn elements(a: Matrix<'_>, b: Matrix<'_>) -> usize {
    a.rows.checked_mul(b.columns).expect("a result that memory can hold")
}

/// `out = a b`, or `out += a b` if `add`; then `out` is read and must be
/// initialised.
fn multiply(a: Matrix<'_>, b: Matrix<'_>, out: &mut [std::mem::MaybeUninit<f32>], add: bool) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert_eq!(k, b.rows, "inner sizes");
    assert_eq!(out.len(), elements(a, b), "elements of the result");
    if m == 0 || n == 0 {
        return;
    }
    let threads = match m.saturating_mul(n).saturating_mul(k) >= SHARED {
        true => Parallelism::Rayon(0),
        false => Parallelism::None,
    };
    let stride = |stride: usize| isize::try_from(stride).expect("memory is addressed by an isize");
    #[allow(unsafe_code, reason = "the crate has no other interface")]
    // SAFETY: `Matrix::new` has checked that every element of a and b lies in its
    // slice, `out` has the m * n elements that are written, and it is borrowed
    // mutably, so none of them is one of a or b. Without `add` it is not read.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr().cast::<f32>(),
            1,
            stride(n),
            add,
            a.values.as_ptr(),
            stride(a.column_stride),
            stride(a.row_stride),
            b.values.as_ptr(),
            stride(b.column_stride),
            stride(b.row_stride),
            if add { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            threads,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(m: Matrix<'_>, i: usize, j: usize) -> f64 {
        m.values[i * m.row_stride + j * m.column_stride].into()
    }

    proptest! {
        #[test]
        fn products_are_those_of_f64(
            m in 0usize..20, n in 0usize..20, k in 0usize..20,
            turned in any::<(bool, bool)>(), seed in 0u32..1000,
        ) {
            let draw = |len: usize, by: u32| -> Vec<f32> {
                (0..len as u32).map(|i| ((i * 37 + by * 11 + seed) % 19) as f32 - 9.0).collect()
            };
            let (x, y) = (draw(m * k, 1), draw(k * n, 2));
            let a = match turned.0 {
                false => Matrix::new(&x, [m, k], [k, 1]),
                true => Matrix::new(&x, [k, m], [m, 1]).transposed(),
            };
            let b = match turned.1 {
                false => Matrix::new(&y, [k, n], [n, 1]),
                true => Matrix::new(&y, [n, k], [k, 1]).transposed(),
            };
            let start = draw(m * n, 3);
            let mut sum = start.clone();
            add_product(a, b, &mut sum);
            let got = product(a, b);
            prop_assert_eq!(got.len(), m * n);
            for i in 0..m {
                for j in 0..n {
                    let want: f64 = (0..k).map(|c| element(a, i, c) * element(b, c, j)).sum();
                    prop_assert_eq!(f64::from(got[i * n + j]), want);
                    prop_assert_eq!(f64::from(sum[i * n + j]), want + f64::from(start[i * n + j]));
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "[3, 2] [2, 1]")]
    fn an_element_outside_the_memory_is_refused() {
        Matrix::new(&[0.0; 5], [3, 2], [2, 1]);
    }
}
