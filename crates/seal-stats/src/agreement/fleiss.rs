//! Fleiss' kappa of several raters.

use crate::{StatsError, sum};

/// Fleiss' kappa (Psychol. Bull. 1971, 76) of items with `counts[item][category]` labels each.
///
/// `None` without items, with fewer than two raters, and where all labels are of one category.
///
/// # Errors
/// [`StatsError::Length`] for items with different numbers of categories, [`StatsError::Raters`] for
/// items with different numbers of labels.
pub fn fleiss_kappa(counts: &[Vec<usize>]) -> Result<Option<f64>, StatsError> {
    let Some(first) = counts.first() else { return Ok(None) };
    let raters: usize = first.iter().sum();
    for (item, row) in counts.iter().enumerate() {
        if row.len() != first.len() {
            let (left, right) = (first.len(), row.len());
            return Err(StatsError::Length { what: "categories of two items", left, right });
        }
        let found = row.iter().sum();
        if found != raters {
            return Err(StatsError::Raters { item, found, expected: raters });
        }
    }
    if raters < 2 {
        return Ok(None);
    }
    let (items, raters) = (counts.len() as f64, raters as f64);
    let agreeing = counts.iter().flatten().map(|n| *n as f64 * (*n as f64 - 1.0));
    let observed = sum(agreeing) / (items * raters * (raters - 1.0));
    let share = |category: usize| {
        counts.iter().map(|row| row[category]).sum::<usize>() as f64 / (items * raters)
    };
    let expected = sum((0..first.len()).map(|category| share(category).powi(2)));
    // One category throughout: its share is exactly 1.
    Ok((expected < 1.0).then(|| (observed - expected) / (1.0 - expected)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_and_its_opposite() {
        assert_eq!(fleiss_kappa(&[vec![3, 0], vec![0, 3]]), Ok(Some(1.0)));
        let split = fleiss_kappa(&vec![vec![1, 1]; 4]).unwrap().unwrap();
        assert!((split + 1.0).abs() < 1e-12, "{split}");
        assert_eq!(fleiss_kappa(&[vec![2, 0], vec![2, 0]]), Ok(None));
        assert_eq!(fleiss_kappa(&[vec![1, 0]]), Ok(None));
        assert_eq!(fleiss_kappa(&[]), Ok(None));
    }

    #[test]
    fn items_with_other_numbers_are_named() {
        let error = |counts: &[Vec<usize>]| fleiss_kappa(counts).unwrap_err().to_string();
        insta::assert_snapshot!(error(&[vec![2, 1], vec![1, 1]]), @"item 1 has 2 labels, the first item 3; Fleiss' kappa needs as many of each, Krippendorff's alpha does not");
        insta::assert_snapshot!(error(&[vec![2, 1], vec![3]]), @"categories of two items: 2 values against 1; pass one of each per row, in the same order");
    }
}
