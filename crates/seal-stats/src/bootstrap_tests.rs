//! BCa against SciPy's pieces, and the interval as a whole.

use super::*;
use crate::golden::{cases, close, list, number};

#[test]
fn acceleration_and_probabilities_match_scipy() {
    for case in cases("bca") {
        let (values, means) = (list(&case, "values"), list(&case, "means"));
        let estimate = mean(&values).unwrap();
        close(acceleration(&values, estimate).unwrap(), number(&case, "a"), 1e-12);
        close(bias_correction(estimate, &means).unwrap(), number(&case, "z0"), 1e-12);
        let (lower, upper) = bca_probabilities(estimate, &values, &means, Level::P95).unwrap();
        close(lower, number(&case, "alpha_lo"), 1e-10);
        close(upper, number(&case, "alpha_hi"), 1e-10);
        close(quantile(&means, lower), number(&case, "lo"), 1e-10);
        close(quantile(&means, upper), number(&case, "hi"), 1e-10);
    }
}

#[test]
fn whole_interval_matches_scipy_bootstrap() {
    for case in cases("bca_interval") {
        let values = list(&case, "values");
        let cells = values.iter().copied().map(Some).collect();
        let outcomes = Outcomes::rates(values.len(), 1, cells).unwrap();
        let interval = prompt_interval(&outcomes, Level::P95, 100_000, 7).unwrap();
        assert_eq!(interval.method, IntervalMethod::Bca);
        // Two independent sets of resamples: the ends differ by Monte Carlo error only.
        let error = 0.03 * number(&case, "se");
        close(interval.lo, number(&case, "lo"), error);
        close(interval.hi, number(&case, "hi"), error);
    }
}

#[test]
fn undefined_without_two_prompts() {
    let one = Outcomes::rates(1, 3, vec![Some(1.0), Some(0.0), Some(0.5)]).unwrap();
    assert_eq!(prompt_interval(&one, Level::P95, 1000, 0), None);
    let missing = Outcomes::rates(3, 1, vec![None, None, Some(0.5)]).unwrap();
    assert_eq!(prompt_interval(&missing, Level::P95, 1000, 0), None);
}

#[test]
fn two_prompts_are_enough() {
    let two = Outcomes::rates(2, 1, vec![Some(1.0), Some(0.0)]).unwrap();
    assert!(prompt_interval(&two, Level::P95, 1000, 0).is_some());
}

/// One value far from the others has the largest acceleration there is, nearly 1/6. With a
/// resampled distribution that lies nearly whole on one side, the correction passes its pole.
#[test]
fn behind_the_pole_of_the_correction_is_the_end_of_the_distribution() {
    let level = Level::new(0.999).unwrap();
    for sign in [1.0, -1.0] {
        let mut influence = vec![0.0; 2000];
        influence[0] = sign;
        let mut resampled: Vec<f64> = vec![0.0; 9999];
        resampled.push(sign);
        resampled.sort_by(f64::total_cmp);
        let (lower, upper) = bca_probabilities(sign, &influence, &resampled, level).unwrap();
        match sign > 0.0 {
            true => assert!(upper == 1.0 && lower > 0.5 && lower < 1.0, "{lower} {upper}"),
            false => assert!(lower == 0.0 && upper > 0.0 && upper < 0.5, "{lower} {upper}"),
        }
    }
}

#[test]
fn a_distribution_on_one_side_of_the_estimate_has_no_correction() {
    assert_eq!(bias_correction(0.0, &[1.0, 2.0]), None);
    assert_eq!(bias_correction(3.0, &[1.0, 2.0]), None);
    // Equal within rounding, on either side.
    assert_eq!(bias_correction(0.0, &[-1e-12, 0.0]), Some(0.0));
    assert_eq!(bias_correction(0.0, &[0.0, 1e-12]), Some(0.0));
    assert_eq!(acceleration(&[0.5, 0.5], 0.5), None);
}
