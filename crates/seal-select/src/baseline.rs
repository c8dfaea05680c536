//! Selections that a learned selector is compared with.
//!
//! The first two give logits, to be ranked like a selector's; the others give
//! the positions they keep.

use seal_rows::RowId;
use seal_rows::seed::hash64;

use crate::SelectError;

/// Random logits in [0, 1), each a hash of `seed` and the row's id, so that a
/// row's fate does not depend on the file it sits in.
pub fn random_omega(ids: &[RowId], seed: u64) -> Vec<f64> {
    ids.iter()
        .map(|id| {
            let hash = hash64(&["random selection".into(), seed.into(), id.into()]);
            // The upper 53 bits fill a double's mantissa.
            (hash >> 11) as f64 * 2f64.powi(-53)
        })
        .collect()
}

/// Logits of the frozen-loss selection, -l: rows that the untouched starting
/// model fits best come first.
///
/// # Errors
/// If a loss is not finite.
pub fn frozen_loss_omega(losses: &[f64]) -> Result<Vec<f64>, SelectError> {
    if let Some(index) = losses.iter().position(|l| !l.is_finite()) {
        return Err(SelectError::NotFinite { what: "the loss", index, value: losses[index] });
    }
    Ok(losses.iter().map(|l| -l).collect())
}

/// Positions of the rows that are not unsafe, whatever their number.
///
/// # Errors
/// If a label is missing, or every row is unsafe.
pub fn without_unsafe(is_unsafe: &[Option<bool>]) -> Result<Vec<usize>, SelectError> {
    let mut kept = Vec::with_capacity(is_unsafe.len());
    for (index, label) in is_unsafe.iter().enumerate() {
        match label {
            Some(true) => {}
            Some(false) => kept.push(index),
            None => return Err(SelectError::MissingLabel { index }),
        }
    }
    if kept.is_empty() {
        return Err(SelectError::NoRows { what: "a selection without unsafe rows" });
    }
    Ok(kept)
}

/// Positions of all `n` rows: standard fine-tuning.
pub fn all_rows(n: usize) -> Vec<usize> {
    (0..n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keep_top, rank};

    fn ids(n: usize) -> Vec<RowId> {
        (0..n).map(|i| RowId::of(&i.to_string(), "", 0)).collect()
    }

    #[test]
    fn random_logits_belong_to_the_row() {
        let ids = ids(1000);
        let all = random_omega(&ids, 3);
        assert_eq!(random_omega(&ids[500..], 3), all[500..]);
        assert_ne!(random_omega(&ids, 4), all);
        assert!(all.iter().all(|w| (0.0..1.0).contains(w)));
        let mean = all.iter().sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
    }

    #[test]
    fn a_random_selection_prefers_no_part_of_the_file() {
        let ids = ids(2000);
        let order = rank(&ids, &random_omega(&ids, 0), 0).unwrap();
        let early = keep_top(&order, 0.5).unwrap().iter().filter(|&&i| i < 1000).count();
        // Binomial-like with standard deviation 11.
        assert!((445..=555).contains(&early), "{early}");
    }

    #[test]
    fn the_best_fitted_row_comes_first() {
        let omega = frozen_loss_omega(&[2.0, 0.5, 1.0]).unwrap();
        assert_eq!(rank(&ids(3), &omega, 0).unwrap(), [1, 2, 0]);
        assert!(frozen_loss_omega(&[1.0, f64::NAN]).is_err());
        assert!(frozen_loss_omega(&[f64::INFINITY]).is_err());
    }

    #[test]
    fn removal_by_label_needs_every_label() {
        assert_eq!(without_unsafe(&[Some(false), Some(true), Some(false)]), Ok(vec![0, 2]));
        assert_eq!(
            without_unsafe(&[Some(true), None]),
            Err(SelectError::MissingLabel { index: 1 })
        );
        assert!(without_unsafe(&[Some(true)]).is_err());
        assert_eq!(all_rows(3), [0, 1, 2]);
    }
}
