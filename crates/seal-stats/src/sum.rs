//! Sums whose value does not depend on how the work was split.
//!
//! Every figure is summed here, one term after the other. Neumaier's compensation keeps the error
//! independent of the length, so a mean over ten million row weights is as exact as one over ten.

/// Compensated sum, in the order given (Neumaier 1974). The empty sum is 0.
pub fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() {
            (total - next) + value
        } else {
            (value - next) + total
        };
        total = next;
    }
    // With an infinite term the compensation is NaN and would hide the infinity.
    if total.is_finite() { total + lost } else { total }
}

/// Arithmetic mean, or `None` of an empty list.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| sum(values.iter().copied()) / values.len() as f64)
}

/// Sample variance (divisor n - 1), or `None` of fewer than two values.
///
/// Equal values give exactly 0, whatever their mean rounds to: callers test for a spread of zero.
pub fn sample_variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    if values.iter().all(|v| *v == values[0]) {
        return Some(0.0);
    }
    let centre = mean(values)?;
    Some(sum(values.iter().map(|v| (v - centre).powi(2))) / (values.len() - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_a_plain_sum_loses() {
        assert_eq!(sum([1e16, 1.0, -1e16]), 1.0);
        assert_eq!(sum(std::iter::repeat_n(0.1, 10_000_000)), 1_000_000.0);
        assert_eq!(sum([]), 0.0);
        assert_eq!(sum([f64::INFINITY, 1.0]), f64::INFINITY);
    }

    #[test]
    fn variance_of_equal_values_is_exactly_zero() {
        assert_eq!(sample_variance(&[1.0 / 3.0; 7]), Some(0.0));
        assert_eq!(sample_variance(&[1.0, 2.0, 3.0]), Some(1.0));
        assert_eq!(sample_variance(&[1.0]), None);
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn equal_values_have_no_variance_whatever_their_mean_rounds_to() {
        for n in 2..60 {
            let value = 1.0 / n as f64;
            assert_eq!(sample_variance(&vec![value; n]), Some(0.0), "{n}");
            assert_eq!(sample_variance(&vec![value / 7.0; n]), Some(0.0), "{n}");
        }
    }
}
