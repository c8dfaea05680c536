//! From logits to kept rows.

use seal_rows::RowId;
use seal_rows::seed::hash64;

use crate::SelectError;

/// Positions of rows, best first: by logit, largest first, ties broken by a
/// hash of `seed` and the row's id.
///
/// Ties are common (rows that no step moved, dead ReLU rows), and breaking
/// them by position would favour whichever block of the file comes first.
///
/// # Errors
/// If `ids` and `omega` differ in length or a logit is NaN.
pub fn rank(ids: &[RowId], omega: &[f64], seed: u64) -> Result<Vec<usize>, SelectError> {
    SelectError::if_lengths_differ(("row ids", ids.len()), ("omega", omega.len()))?;
    ranked(omega, |i| (hash64(&["rank".into(), seed.into(), (&ids[i]).into()]), ids[i]))
}

/// As [`rank`], for logits whose rows are not at hand: ties are broken by a
/// hash of `seed` and the position, so that no block of the file is favoured,
/// but another order of the rows gives another order of the ties.
///
/// # Errors
/// If a logit is NaN.
pub fn rank_positions(omega: &[f64], seed: u64) -> Result<Vec<usize>, SelectError> {
    ranked(omega, |i| (hash64(&["rank positions".into(), seed.into(), (i as u64).into()]), i))
}

fn ranked<K: Ord>(
    omega: &[f64],
    tie_break: impl Fn(usize) -> K,
) -> Result<Vec<usize>, SelectError> {
    if let Some(index) = omega.iter().position(|w| w.is_nan()) {
        return Err(SelectError::NotFinite { what: "the logit", index, value: f64::NAN });
    }
    let mut order: Vec<usize> = (0..omega.len()).collect();
    order.sort_unstable_by(|&a, &b| omega[b].total_cmp(&omega[a]).then(a.cmp(&b)));
    // Equality, unlike the total order, also ties 0 with -0.
    for tied in order.chunk_by_mut(|&a, &b| omega[a] == omega[b]) {
        if tied.len() > 1 {
            tied.sort_by_cached_key(|&i| tie_break(i));
        }
    }
    Ok(order)
}

/// Number of rows that `keep_fraction` of `n` rows keeps: its product with `n`
/// rounded down, and at least 1.
///
/// A product within rounding error of a whole number counts as that number,
/// so that 0.29 of 100 keeps 29 rows; the reference, `int(topp * n)`, keeps 28
/// there, because 0.29 has no exact binary form.
///
/// # Errors
/// If `n` is 0 or `keep_fraction` is not above 0 and at most 1.
pub fn keep_count(n: usize, keep_fraction: f64) -> Result<usize, SelectError> {
    if n == 0 {
        return Err(SelectError::NoRows { what: "a selection" });
    }
    if !(keep_fraction > 0.0 && keep_fraction <= 1.0) {
        return Err(SelectError::InvalidSetting {
            name: "the keep fraction",
            value: keep_fraction,
            need: "above 0 and at most 1",
        });
    }
    let product = keep_fraction * n as f64;
    let whole = product.round();
    // Half a unit in the last place from the fraction, half from the product.
    let exact = (product - whole).abs() <= 2.0 * f64::EPSILON * product;
    let count = if exact { whole } else { product.floor() };
    Ok((count as usize).clamp(1, n))
}

/// The best `keep_fraction` of a ranking, best first.
///
/// # Errors
/// As [`keep_count`].
pub fn keep_top(ranking: &[usize], keep_fraction: f64) -> Result<&[usize], SelectError> {
    Ok(&ranking[..keep_count(ranking.len(), keep_fraction)?])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(n: usize) -> Vec<RowId> {
        (0..n).map(|i| RowId::of(&i.to_string(), "", 0)).collect()
    }

    #[test]
    fn larger_logits_come_first() {
        let order = rank(&ids(4), &[0.5, f64::NEG_INFINITY, 2.0, -1.0], 0).unwrap();
        assert_eq!(order, [2, 0, 3, 1]);
    }

    #[test]
    fn ties_depend_on_id_and_seed_not_on_position() {
        let forward = ids(200);
        let omega: Vec<f64> = (0..200).map(|i| if i % 2 == 0 { 0.0 } else { -0.0 }).collect();
        let named = |ids: &[RowId], seed| -> Vec<RowId> {
            rank(ids, &omega, seed).unwrap().into_iter().map(|i| ids[i]).collect()
        };
        let mut backward = forward.clone();
        backward.reverse();
        assert_eq!(named(&forward, 1), named(&backward, 1));
        assert_ne!(named(&forward, 1), named(&forward, 2));
        assert_ne!(named(&forward, 1), forward);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(rank(&ids(2), &[1.0], 0).is_err());
        assert!(rank(&ids(2), &[1.0, f64::NAN], 0).is_err());
        for keep in [0.0, -0.1, 1.000_001, f64::NAN] {
            assert!(keep_count(10, keep).is_err(), "{keep}");
        }
        assert!(keep_count(0, 0.5).is_err());
    }

    #[test]
    fn counts() {
        let cases = [
            (2000, 0.8, 1600),
            (100, 0.29, 29),
            (111_900, 0.8, 89_520),
            (7, 0.5, 3),
            (3, 0.1, 1),
            (10, 1.0, 10),
            (10_000_000, 0.7, 7_000_000),
            // Truly below a whole number, by far more than rounding.
            (1000, 0.799_999_999_999, 799),
        ];
        for (n, keep, count) in cases {
            assert_eq!(keep_count(n, keep), Ok(count), "{keep} of {n}");
        }
        assert_eq!(keep_top(&[4, 2, 0, 1, 3], 0.4).unwrap(), [4, 2]);
    }

    proptest! {
        #[test]
        fn decimal_fractions_are_taken_as_written(n in 1usize..1_000_000, thousandths in 1usize..=1000) {
            let exact = (n * thousandths / 1000).max(1);
            prop_assert_eq!(keep_count(n, thousandths as f64 / 1000.0), Ok(exact));
        }
    }
}
