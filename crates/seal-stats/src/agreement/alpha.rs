//! Krippendorff's alpha of several raters, some of whom did not label every item.

use super::check_labels;
use crate::{StatsError, sum};

/// Krippendorff's alpha (Content Analysis, 2004) for categories without an order. `items` has the
/// labels that each item has, one a rater; a missing label is `None`.
///
/// An item with fewer than two labels counts for nothing. `None` where no item has two labels, and
/// where all labels are of one category.
///
/// # Errors
/// [`StatsError::Label`] for a label that is not below `categories`.
pub fn krippendorff_alpha(
    items: &[Vec<Option<usize>>],
    categories: usize,
) -> Result<Option<f64>, StatsError> {
    check_labels("labels", items.iter().flatten().flatten().copied(), categories)?;
    let mut totals = vec![0.0; categories];
    let mut agreeing = Vec::with_capacity(items.len());
    for item in items {
        let mut counts = vec![0.0; categories];
        item.iter().flatten().for_each(|label| counts[*label] += 1.0);
        let labels: f64 = counts.iter().sum();
        if labels < 2.0 {
            continue;
        }
        // Ordered pairs of equal labels, each item weighted so that it counts its labels once.
        agreeing.push(counts.iter().map(|n| n * (n - 1.0)).sum::<f64>() / (labels - 1.0));
        std::iter::zip(&mut totals, counts).for_each(|(total, n)| *total += n);
    }
    let n: f64 = totals.iter().sum();
    let observed = n - sum(agreeing);
    let expected = (n * n - sum(totals.iter().map(|t| t * t))) / (n - 1.0);
    Ok((n > 0.0 && expected > 0.0).then(|| 1.0 - observed / expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_labels_leave_the_others() {
        let full = [vec![Some(0), Some(0)], vec![Some(1), Some(1)], vec![Some(0), Some(1)]];
        let alpha = |items: &[Vec<Option<usize>>]| krippendorff_alpha(items, 2).unwrap();
        // n = 6, three of each: 1 - 2 / (18 / 5).
        assert!((alpha(&full).unwrap() - (1.0 - 2.0 / 3.6)).abs() < 1e-12);
        let with_lonely = [&full[..], &[vec![Some(0), None], vec![None, None]]].concat();
        assert_eq!(alpha(&with_lonely), alpha(&full));
        assert_eq!(alpha(&[vec![Some(0), None]]), None);
        assert_eq!(alpha(&[vec![Some(1), Some(1)]]), None);
        assert_eq!(alpha(&[]), None);
    }
}
