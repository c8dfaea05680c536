//! What a selection did: how concentrated its weights are and how many unsafe rows it let through.

use crate::{StatsError, sum};

/// Number of equally weighted rows that would be as concentrated as the weights at hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectiveSize {
    /// (sum p)^2 / sum p^2, between 1 and the number of rows.
    pub rows: f64,
    /// The same as a share of all rows, between 1 / N and 1.
    pub share: f64,
}

/// Effective sample size of row weights (Kish 1965); equal weights give every row.
///
/// A falling share means that the weights collapse onto a few rows. Takes an iterator, walked more
/// than once, so that millions of weights of another type need no copy. `Ok(None)` where no weight is
/// positive.
///
/// # Errors
/// [`StatsError::Weight`] for a weight that is negative, infinite or NaN.
pub fn effective_sample_size<W>(weights: W) -> Result<Option<EffectiveSize>, StatsError>
where
    W: IntoIterator<Item = f64>,
    W::IntoIter: Clone,
{
    let weights = weights.into_iter();
    let (mut count, mut largest) = (0_usize, 0.0_f64);
    for (index, value) in weights.clone().enumerate() {
        if !(value.is_finite() && value >= 0.0) {
            return Err(StatsError::Weight { index, value });
        }
        count += 1;
        largest = largest.max(value);
    }
    if largest == 0.0 {
        return Ok(None);
    }
    // Relative to the largest, so that no square overflows and not all of them vanish.
    let total = sum(weights.clone().map(|w| w / largest));
    let squares = sum(weights.map(|w| (w / largest).powi(2)));
    let rows = (total * total / squares).clamp(1.0, count as f64);
    Ok(Some(EffectiveSize { rows, share: rows / count as f64 }))
}

/// Share of the unsafe rows that a selection kept; `Ok(None)` where no row is unsafe.
///
/// # Errors
/// [`StatsError::Length`] where the lists differ in length.
pub fn unsafe_kept(kept: &[bool], is_unsafe: &[bool]) -> Result<Option<f64>, StatsError> {
    if kept.len() != is_unsafe.len() {
        let what = "kept rows against unsafe labels";
        return Err(StatsError::Length { what, left: kept.len(), right: is_unsafe.len() });
    }
    let unsafe_rows = is_unsafe.iter().filter(|label| **label).count();
    let let_through = std::iter::zip(kept, is_unsafe).filter(|(k, u)| **k && **u).count();
    Ok((unsafe_rows > 0).then(|| let_through as f64 / unsafe_rows as f64))
}

/// The share of unsafe rows that even a perfect ranking keeps: once the safe rows run out,
/// max(0, kept - safe) / unsafe. `Ok(None)` where no row is unsafe.
///
/// # Errors
/// [`StatsError::Counts`] where more rows are kept or unsafe than there are.
pub fn unsafe_kept_floor(
    rows: usize,
    unsafe_rows: usize,
    kept: usize,
) -> Result<Option<f64>, StatsError> {
    if unsafe_rows > rows || kept > rows {
        return Err(StatsError::Counts { rows, unsafe_rows, kept });
    }
    let excess = kept.saturating_sub(rows - unsafe_rows);
    Ok((unsafe_rows > 0).then(|| excess as f64 / unsafe_rows as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_size_of_known_weights() {
        let size = |weights: &[f64]| effective_sample_size(weights.iter().copied()).unwrap();
        assert_eq!(size(&[1.0; 8]), Some(EffectiveSize { rows: 8.0, share: 1.0 }));
        assert_eq!(size(&[3.0, 0.0, 0.0, 0.0]), Some(EffectiveSize { rows: 1.0, share: 0.25 }));
        assert_eq!(size(&[1e300, 1e300]), Some(EffectiveSize { rows: 2.0, share: 1.0 }));
        assert_eq!(size(&[0.0, 0.0]), None);
        assert_eq!(size(&[]), None);
        assert_eq!(
            effective_sample_size([1.0, -0.5]),
            Err(StatsError::Weight { index: 1, value: -0.5 })
        );
    }

    #[test]
    fn a_perfect_ranking_reaches_the_floor_and_none_goes_below() {
        // 10 rows, the last 4 unsafe, kept from the front: a perfect ranking.
        let is_unsafe: Vec<bool> = (0..10).map(|i| i >= 6).collect();
        for keep in 0..=10 {
            let kept: Vec<bool> = (0..10).map(|i| i < keep).collect();
            let floor = unsafe_kept_floor(10, 4, keep).unwrap();
            assert_eq!(unsafe_kept(&kept, &is_unsafe).unwrap(), floor, "{keep}");
            let reversed: Vec<bool> = kept.iter().rev().copied().collect();
            assert!(unsafe_kept(&reversed, &is_unsafe).unwrap() >= floor, "{keep}");
        }
        assert_eq!(unsafe_kept_floor(10, 0, 3), Ok(None));
        assert_eq!(unsafe_kept(&[true], &[false]), Ok(None));
        assert!(unsafe_kept_floor(10, 4, 11).is_err());
    }

    #[test]
    fn sizes_and_floors_by_hand() {
        // (3 + 1)^2 / (9 + 1).
        let size = effective_sample_size([3.0, 1.0]).unwrap().unwrap();
        assert!((size.rows - 1.6).abs() < 1e-12 && (size.share - 0.8).abs() < 1e-12, "{size:?}");
        assert_eq!(unsafe_kept_floor(5, 5, 3), Ok(Some(0.6)));
        assert_eq!(unsafe_kept_floor(5, 0, 5), Ok(None));
        assert!(unsafe_kept_floor(5, 6, 3).is_err() && unsafe_kept_floor(5, 3, 6).is_err());
    }
}
