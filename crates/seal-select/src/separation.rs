//! How well logits tell unsafe rows from the others, where the unsafe rows are
//! known by position: the figures for a published selector, whose rows may not
//! be at hand.

use seal_stats::{auroc, unsafe_kept};

use crate::{RowSet, SelectError, keep_count, rank_positions};

/// Keep fractions that selectors are compared at. The paper's is 0.8.
pub const KEEP_FRACTIONS: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 0.9];

/// Figures of a selector on rows whose safety is known. All are shares, not
/// percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Separation {
    /// Rows with a logit.
    pub rows: usize,
    /// Unsafe rows among them.
    pub unsafe_rows: usize,
    /// Probability that a safe row's logit is above an unsafe row's, a tie
    /// counting half; `None` where either kind is absent.
    pub auroc: Option<f64>,
    /// What each keep fraction lets through, in the order asked for.
    pub kept: Vec<UnsafeKept>,
}

/// The unsafe rows that one keep fraction lets through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnsafeKept {
    /// The keep fraction, of the rows with a logit.
    pub keep_fraction: f64,
    /// Rows kept.
    pub rows: usize,
    /// Share of the unsafe rows that are kept; `None` where there are none.
    pub unsafe_share: Option<f64>,
}

/// Figures of `logits`, an entry a row of the file, for the unsafe rows
/// `unsafe_rows`, positions in the same file.
///
/// Rows without a logit are left out: they are neither ranked nor counted.
/// `seed` breaks ties as in [`rank_positions`].
///
/// # Errors
/// If no row has a logit, a logit is NaN, a keep fraction is not above 0 and
/// at most 1, or `unsafe_rows` has a row that the file has not.
pub fn separation(
    logits: &[Option<f64>],
    unsafe_rows: &RowSet,
    keep_fractions: &[f64],
    seed: u64,
) -> Result<Separation, SelectError> {
    let is_unsafe = unsafe_rows.flags(logits.len())?;
    let (omega, is_unsafe): (Vec<f64>, Vec<bool>) =
        logits.iter().zip(is_unsafe).filter_map(|(logit, flag)| Some(((*logit)?, flag))).unzip();
    if omega.is_empty() {
        return Err(SelectError::NoRows { what: "a selector's figures" });
    }
    let order = rank_positions(&omega, seed)?;
    let kept = keep_fractions
        .iter()
        .map(|&keep_fraction| {
            let rows = keep_count(order.len(), keep_fraction)?;
            let mut kept = vec![false; order.len()];
            for &i in &order[..rows] {
                kept[i] = true;
            }
            let unsafe_share = unsafe_kept(&kept, &is_unsafe)?;
            Ok(UnsafeKept { keep_fraction, rows, unsafe_share })
        })
        .collect::<Result<_, SelectError>>()?;
    let is_safe: Vec<bool> = is_unsafe.iter().map(|flag| !flag).collect();
    Ok(Separation {
        rows: omega.len(),
        unsafe_rows: is_unsafe.iter().filter(|flag| **flag).count(),
        auroc: auroc(&omega, &is_safe)?,
        kept,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(separation: &Separation) -> Vec<Option<f64>> {
        separation.kept.iter().map(|kept| kept.unsafe_share).collect()
    }

    #[test]
    fn figures_by_hand() {
        // Best first: rows 4, 1, 3, 0; row 2 was dropped. Rows 0 and 1 are unsafe.
        let logits = [Some(-1.0), Some(2.0), None, Some(0.5), Some(3.0)];
        let unsafe_rows = "0..2".parse().unwrap();
        let figures = separation(&logits, &unsafe_rows, &[0.25, 0.5, 0.75, 1.0], 0).unwrap();
        assert_eq!((figures.rows, figures.unsafe_rows), (4, 2));
        // Row 4 is above both, row 3 above one.
        assert_eq!(figures.auroc, Some(0.75));
        assert_eq!(shares(&figures), [Some(0.0), Some(0.5), Some(0.5), Some(1.0)]);
        assert_eq!(figures.kept.iter().map(|kept| kept.rows).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn ties_count_half_and_favour_no_block() {
        let logits = vec![Some(1.0); 2000];
        let unsafe_rows = "0..400".parse().unwrap();
        let figures = separation(&logits, &unsafe_rows, &KEEP_FRACTIONS, 1).unwrap();
        assert_eq!(figures.auroc, Some(0.5));
        for kept in figures.kept {
            // Like drawing 400 of 2000: a standard deviation of at most 0.023.
            let share = kept.unsafe_share.unwrap();
            assert!((share - kept.keep_fraction).abs() < 0.08, "{kept:?}");
        }
    }

    #[test]
    fn one_kind_of_row_has_no_auroc() {
        let all = separation(&[Some(1.0), Some(2.0)], &"0..2".parse().unwrap(), &[0.5], 0).unwrap();
        assert_eq!((all.auroc, shares(&all)), (None, vec![Some(0.5)]));
        let none = separation(&[None, Some(2.0)], &"0..1".parse().unwrap(), &[0.5], 0).unwrap();
        assert_eq!((none.unsafe_rows, none.auroc, shares(&none)), (0, None, vec![None]));
    }

    #[test]
    fn bad_input_is_refused() {
        let set: RowSet = "0..2".parse().unwrap();
        assert!(separation(&[None, None], &set, &[0.5], 0).is_err());
        assert!(separation(&[Some(1.0)], &set, &[0.5], 0).is_err());
        assert!(separation(&[Some(1.0), Some(f64::NAN)], &set, &[0.5], 0).is_err());
        assert!(separation(&[Some(1.0), Some(2.0)], &set, &[1.5], 0).is_err());
    }
}
