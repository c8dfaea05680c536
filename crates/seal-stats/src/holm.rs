//! Holm's step-down correction for several tests (Holm, Scand. J. Statist. 1979, 6).

use crate::StatsError;

/// Adjusted p-values in the order given, the family being exactly these tests.
///
/// # Errors
/// [`StatsError::Probability`] for a value outside [0, 1].
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, StatsError> {
    holm_family(p_values, p_values.len())
}

/// Adjusted p-values in the order given, within a planned family of `family` tests.
///
/// Planned tests without a p-value (an arm that has not run, a single seed) count as p = 1: they
/// still cost the others, as they would have if they had run and found nothing. Otherwise leaving an
/// arm out would make the rest more significant.
///
/// # Errors
/// [`StatsError::Probability`] for a value outside [0, 1], [`StatsError::Family`] where the family is
/// smaller than the tests given.
pub fn holm_family(p_values: &[f64], family: usize) -> Result<Vec<f64>, StatsError> {
    if family < p_values.len() {
        return Err(StatsError::Family { tests: p_values.len(), family });
    }
    for (index, value) in p_values.iter().copied().enumerate() {
        if !(0.0..=1.0).contains(&value) {
            return Err(StatsError::Probability { index, value });
        }
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|i, j| p_values[*i].total_cmp(&p_values[*j]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max(((family - rank) as f64 * p_values[index]).min(1.0));
        adjusted[index] = least;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_p_value_and_too_small_a_family() {
        assert!(matches!(holm(&[0.1, f64::NAN]), Err(StatsError::Probability { index: 1, .. })));
        assert_eq!(holm_family(&[0.1, 0.2], 1), Err(StatsError::Family { tests: 2, family: 1 }));
        assert_eq!(holm(&[]), Ok(vec![]));
    }

    #[test]
    fn planned_tests_cost_even_if_they_did_not_run() {
        assert_eq!(holm_family(&[0.01, 0.04], 12), Ok(vec![0.12, 0.44]));
        assert_eq!(holm_family(&[0.01, 0.04], 2), Ok(vec![0.02, 0.04]));
    }
}
