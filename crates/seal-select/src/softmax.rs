//! The softmax and its plain step, one fused pass over all rows.
//!
//! With e_k = exp(w_k - shift), Z = sum e and p_k = N e_k / Z, the gradient of
//! (1/B) sum_j s_j p_j is p_k (s_k - m) / B, where m = sum_j s_j p_j / N and
//! s_k is 0 outside the batch. Every row moves:
//!
//! ```text
//! w_k += (rate/B) p_k m        for every row
//! w_j -= (rate/B) p_j s_j      for rows of the batch
//! ```
//!
//! The next step's Z is summed in the same pass. Outside the batch the new
//! e_k is the old one times exp(delta_k), and delta_k is so small in ordinary
//! use that a short series gives it to the last digit; so a row costs one
//! exponential, and the state is the logits alone. Nothing is carried from
//! step to step but Z and the shift, so that no error builds up in a cache.
//!
//! With the feature `parallel`, chunks run with the widest vectors that the machine
//! has, by `pulp`. Every
//! operation is still rounded by itself (nothing is fused), so that the width
//! does not show in a result.

#[cfg(feature = "parallel")]
use pulp::{Arch, Simd, WithSimd};

use crate::batch::BatchScores;
use crate::chunked;
use crate::exp::exp;
use crate::{PartitionState, SelectError};

/// Independent partial sums of a chunk: enough for the widest vector units.
const LANES: usize = 8;

/// Rows whose exponentials are held at a time: they stay in the first-level
/// cache. A multiple of [`LANES`], and a divisor of a chunk.
const BLOCK: usize = 256;

/// The largest logit may leave the shift by this much before the shift
/// follows: far from the 709 at which the exponential overflows.
const SHIFT_SLACK: f64 = 1.0;

/// Largest |delta| for which [`series`] is exact to rounding:
/// (2^-8)^6 / 720 is 5e-18.
const SERIES_UP_TO: f64 = 1.0 / 256.0;

/// What the weights of a softmax share: Z, relative to a shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Partition {
    shift: f64,
    total: f64,
    max: f64,
}

/// A chunk's share of a [`Partition`].
#[derive(Clone, Copy)]
struct PartialSum {
    total: f64,
    max: f64,
}

impl Partition {
    /// Of `omega`, with its largest logit as the shift.
    ///
    /// # Errors
    /// [`SelectError::Diverged`] if a logit is not finite.
    pub(crate) fn of(omega: &[f64]) -> Result<Self, SelectError> {
        let shift = chunked::map(omega, |_, rows| {
            rows.iter().fold(f64::NEG_INFINITY, |m, &w| if w > m { w } else { m })
        })
        .into_iter()
        .fold(f64::NEG_INFINITY, f64::max);
        let total = chunked::sum(omega, |w| exp(w - shift));
        // NaN or infinite logits make the total NaN. Minus infinity would pass
        // as weight 0, but `step` and `Selector::from_omega` let none in.
        if !shift.is_finite() || !total.is_finite() {
            return Err(SelectError::Diverged);
        }
        Ok(Self { shift, total, max: shift })
    }

    /// # Errors
    /// [`SelectError::Diverged`] if a number is not finite, or there is no weight.
    pub(crate) fn of_state(state: PartitionState) -> Result<Self, SelectError> {
        let PartitionState { shift, total, max } = state;
        let finite = [shift, total, max].iter().all(|x| x.is_finite());
        if finite && total > 0.0 {
            Ok(Self { shift, total, max })
        } else {
            Err(SelectError::Diverged)
        }
    }

    pub(crate) fn state(&self) -> PartitionState {
        PartitionState { shift: self.shift, total: self.total, max: self.max }
    }

    /// p / N of a row with logit `w`: its share of all weight.
    pub(crate) fn share(&self, w: f64) -> f64 {
        exp(w - self.shift) / self.total
    }

    /// Steps `omega` along the batch, by `step` = rate / B, and becomes the
    /// partition of the result.
    ///
    /// # Errors
    /// [`SelectError::Diverged`] if the step leaves the range of numbers;
    /// `omega` is then of no use.
    pub(crate) fn step(
        &mut self,
        omega: &mut [f64],
        batch: &BatchScores,
        step: f64,
    ) -> Result<(), SelectError> {
        let n = omega.len() as f64;
        let mean: f64 = batch.entries().iter().map(|&(j, s)| s * self.share(omega[j])).sum();
        let moved: Vec<(usize, f64)> = batch
            .entries()
            .iter()
            .map(|&(j, s)| (j, omega[j] - step * n * self.share(omega[j]) * (s - mean)))
            .collect();
        let pass = Pass { shift: self.shift, pull: step * mean * n / self.total };
        let largest_delta = pass.pull.abs() * exp(self.max - self.shift);
        if !largest_delta.is_finite() || moved.iter().any(|(_, w)| !w.is_finite()) {
            return Err(SelectError::Diverged);
        }
        let small = largest_delta <= SERIES_UP_TO;
        let parts = chunked::map_mut(omega, |first, rows| {
            let moved = &moved[batch.within(first..first + rows.len())];
            Chunk { pass, rows, first, moved, small }.step()
        });
        let PartialSum { total, max } = sum_parts(&parts);
        if total.is_finite() && (max - self.shift).abs() <= SHIFT_SLACK {
            *self = Self { total, max, ..*self };
        } else {
            *self = Self::of(omega)?;
        }
        Ok(())
    }
}

/// Constants of one pass over the rows.
#[derive(Clone, Copy)]
struct Pass {
    shift: f64,
    /// A row outside the batch moves by this times its e.
    pull: f64,
}

/// A chunk of rows that takes its step. Closures are marked to be inlined: as
/// functions of their own they would lose the wide vectors.
struct Chunk<'a> {
    pass: Pass,
    rows: &'a mut [f64],
    first: usize,
    moved: &'a [(usize, f64)],
    small: bool,
}

#[cfg(feature = "parallel")]
impl WithSimd for Chunk<'_> {
    type Output = PartialSum;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> PartialSum {
        self.pass()
    }
}

impl Chunk<'_> {
    fn step(self) -> PartialSum {
        #[cfg(feature = "parallel")]
        let part = Arch::new().dispatch(self);
        #[cfg(not(feature = "parallel"))]
        let part = self.pass();
        part
    }

    #[inline(always)]
    fn pass(self) -> PartialSum {
        let Self { pass, rows, first, moved, small } = self;
        if small {
            pass.chunk(
                rows,
                first,
                moved,
                #[inline(always)]
                |e, delta, _| e * series(delta),
            )
        } else {
            pass.chunk(
                rows,
                first,
                moved,
                #[inline(always)]
                |_, _, w| exp(w - pass.shift),
            )
        }
    }
}

impl Pass {
    /// Steps the rows of a chunk, which starts at row `first`; `moved` holds
    /// the new logits of the batch's rows. `next(e, delta, w)` is exp(w -
    /// shift), given e before the row moved by delta to w.
    #[inline(always)]
    fn chunk(
        &self,
        rows: &mut [f64],
        first: usize,
        moved: &[(usize, f64)],
        next: impl Fn(f64, f64, f64) -> f64,
    ) -> PartialSum {
        // Weight 0: the batch's rows stay out of the sums below, and are added
        // after, rather than being corrected for, which would cancel.
        for &(j, _) in moved {
            rows[j - first] = f64::NEG_INFINITY;
        }
        let mut total = [0.0; LANES];
        let mut max = [f64::NEG_INFINITY; LANES];
        let mut e = [0.0; BLOCK];
        // One plain loop a step, so that each is vectorised.
        for block in rows.chunks_mut(BLOCK) {
            let e = &mut e[..block.len()];
            for (e, w) in e.iter_mut().zip(&*block) {
                *e = exp(*w - self.shift);
            }
            for (e, w) in e.iter_mut().zip(&mut *block) {
                let delta = self.pull * *e;
                *w += delta;
                *e = next(*e, delta, *w);
            }
            let (groups, rest) = e.as_chunks::<LANES>();
            let (group_rows, rest_rows) = block.as_chunks::<LANES>();
            for (e, w) in groups.iter().zip(group_rows) {
                for lane in 0..LANES {
                    total[lane] += e[lane];
                    max[lane] = if w[lane] > max[lane] { w[lane] } else { max[lane] };
                }
            }
            for (lane, (e, &w)) in rest.iter().zip(rest_rows).enumerate() {
                total[lane] += e;
                max[lane] = max[lane].max(w);
            }
        }
        let mut part = sum_parts(&std::array::from_fn::<_, LANES, _>(|lane| PartialSum {
            total: total[lane],
            max: max[lane],
        }));
        for &(j, w) in moved {
            rows[j - first] = w;
            part.total += (w - self.shift).exp();
            part.max = part.max.max(w);
        }
        part
    }
}

fn sum_parts(parts: &[PartialSum]) -> PartialSum {
    parts.iter().fold(PartialSum { total: 0.0, max: f64::NEG_INFINITY }, |sum, part| PartialSum {
        total: sum.total + part.total,
        max: sum.max.max(part.max),
    })
}

/// exp(`x`) for |x| up to [`SERIES_UP_TO`].
#[inline(always)]
fn series(x: f64) -> f64 {
    1.0 + x * (1.0 + x * (1.0 / 2.0 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0)))))
}

#[cfg(all(test, feature = "parallel"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two scores whose mean is 0 pull no other row, and still move their own rows too far.
    #[test]
    fn a_step_of_its_own_row_beyond_all_numbers_is_refused() {
        let mut omega = vec![0.0, 0.0, 0.0];
        let mut partition = Partition::of(&omega).unwrap();
        let batch = BatchScores::new(&[0, 1], &[1e300, -1e300], 3, false).unwrap();
        assert!(partition.step(&mut omega, &batch, 1e10).is_err());
    }

    /// NaN hides from the largest logit, and from no sum.
    #[test]
    fn a_logit_that_is_no_number_is_refused() {
        assert!(Partition::of(&[1.0, f64::NAN]).is_err());
        assert!(Partition::of(&[1.0, f64::INFINITY]).is_err());
        assert!(Partition::of(&[1.0, 2.0]).is_ok());
    }

    proptest! {
        #[test]
        fn the_width_of_vectors_does_not_show(
            rows in prop::collection::vec(-3.0..3.0f64, 1..600),
            pull in prop_oneof![-1e-3..1e-3f64, -0.1..0.1f64],
            at in any::<prop::sample::Index>(),
        ) {
            let pass = Pass { shift: 1.0, pull };
            let moved = [(7 + at.index(rows.len()), -2.0)];
            let step = |arch: Arch| {
                let mut rows = rows.clone();
                let small = pull.abs() * exp(2.0) <= SERIES_UP_TO;
                let chunk = Chunk { pass, rows: &mut rows, first: 7, moved: &moved, small };
                let PartialSum { total, max } = arch.dispatch(chunk);
                rows.extend([total, max]);
                rows.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            prop_assert_eq!(step(Arch::new()), step(Arch::Scalar));
        }
    }
}
