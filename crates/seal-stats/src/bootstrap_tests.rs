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
