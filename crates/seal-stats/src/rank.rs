//! Ranks with ties, and the rank correlation of two rankings of the same rows.

use crate::{StatsError, mean, sum};

/// Ranks from 1, ties sharing the mean of the ranks they span.
///
/// # Errors
/// [`StatsError::NotANumber`] for a NaN; infinities are ranked.
pub fn average_ranks(values: &[f64]) -> Result<Vec<f64>, StatsError> {
    ranks_of(values, "values")
}

/// Spearman's rank correlation in [-1, 1], with average ranks for ties.
///
/// `Ok(None)` with fewer than two rows or where either side is constant.
///
/// # Errors
/// [`StatsError::Length`] where the lists differ in length, [`StatsError::NotANumber`] for a NaN.
pub fn spearman(a: &[f64], b: &[f64]) -> Result<Option<f64>, StatsError> {
    if a.len() != b.len() {
        let what = "rank correlation";
        return Err(StatsError::Length { what, left: a.len(), right: b.len() });
    }
    let (a, b) = (ranks_of(a, "first ranking")?, ranks_of(b, "second ranking")?);
    Ok(correlation(&a, &b))
}

pub(crate) fn ranks_of(values: &[f64], what: &'static str) -> Result<Vec<f64>, StatsError> {
    if let Some(index) = values.iter().position(|v| v.is_nan()) {
        return Err(StatsError::NotANumber { what, index });
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|i, j| values[*i].total_cmp(&values[*j]).then(i.cmp(j)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    // By value and not by total order, in which -0 comes before 0.
    for tied in order.chunk_by(|i, j| values[*i] == values[*j]) {
        for index in tied {
            ranks[*index] = before as f64 + (tied.len() + 1) as f64 / 2.0;
        }
        before += tied.len();
    }
    Ok(ranks)
}

fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let products = |x: &[f64], mx: f64, y: &[f64], my: f64| {
        sum(std::iter::zip(x, y).map(|(x, y)| (x - mx) * (y - my)))
    };
    let scale = (products(a, mean_a, a, mean_a) * products(b, mean_b, b, mean_b)).sqrt();
    (scale > 0.0).then(|| (products(a, mean_a, b, mean_b) / scale).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_list_has_no_correlation() {
        assert_eq!(spearman(&[2.0, 2.0], &[1.0, 3.0]), Ok(None));
        assert_eq!(spearman(&[1.0, 2.0, 4.0], &[9.0, 7.0, 5.0]), Ok(Some(-1.0)));
    }
}
