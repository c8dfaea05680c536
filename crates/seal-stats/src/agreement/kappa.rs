//! Cohen's kappa of two raters, plain and weighted.

use super::check_labels;
use crate::{StatsError, sum};

/// What a disagreement costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KappaWeights {
    /// Every disagreement costs the same: for categories without an order.
    Nominal,
    /// The square of the distance of the categories (Cohen, Psychol. Bull. 1968, 70): for ordered ones
    /// such as loss, tie, win.
    Quadratic,
}

/// Agreement of two raters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// Number of items.
    pub items: usize,
    /// Agreement seen, a fraction; with quadratic weights a near miss counts in part.
    pub observed: f64,
    /// Agreement of raters who label at random with the same frequencies.
    pub expected: f64,
    /// (observed - expected) / (1 - expected). `None` where chance alone agrees fully, because both
    /// raters gave one and the same label throughout.
    pub kappa: Option<f64>,
}

/// Counts of items by the first rater's label (row) and the second's (column).
///
/// # Errors
/// [`StatsError::Length`] for lists of different lengths, [`StatsError::Label`] for a label that is not
/// below `categories`.
pub fn confusion(
    a: &[usize],
    b: &[usize],
    categories: usize,
) -> Result<Vec<Vec<usize>>, StatsError> {
    if a.len() != b.len() {
        let (left, right) = (a.len(), b.len());
        return Err(StatsError::Length { what: "labels of two raters", left, right });
    }
    check_labels("the first rater", a.iter().copied(), categories)?;
    check_labels("the second rater", b.iter().copied(), categories)?;
    let mut counts = vec![vec![0; categories]; categories];
    for (a, b) in std::iter::zip(a, b) {
        counts[*a][*b] += 1;
    }
    Ok(counts)
}

/// Cohen's kappa (Educ. Psychol. Meas. 1960, 20) of two raters who labelled the same items; `None`
/// without items.
///
/// # Errors
/// As [`confusion`].
pub fn cohen_kappa(
    a: &[usize],
    b: &[usize],
    categories: usize,
    weights: KappaWeights,
) -> Result<Option<Kappa>, StatsError> {
    let counts = confusion(a, b, categories)?;
    let items = a.len();
    if items == 0 {
        return Ok(None);
    }
    let n = items as f64;
    let widest = categories.saturating_sub(1).max(1) as f64;
    let cost = |i: usize, j: usize| match weights {
        KappaWeights::Nominal => f64::from(u8::from(i != j)),
        KappaWeights::Quadratic => (i.abs_diff(j) as f64 / widest).powi(2),
    };
    let of_first: Vec<f64> = counts.iter().map(|row| row.iter().sum::<usize>() as f64).collect();
    let of_second: Vec<f64> =
        (0..categories).map(|j| counts.iter().map(|row| row[j]).sum::<usize>() as f64).collect();
    let cells = || (0..categories).flat_map(|i| (0..categories).map(move |j| (i, j)));
    let seen = sum(cells().map(|(i, j)| cost(i, j) * counts[i][j] as f64)) / n;
    let chance = sum(cells().map(|(i, j)| cost(i, j) * of_first[i] * of_second[j])) / (n * n);
    Ok(Some(Kappa {
        items,
        observed: 1.0 - seen,
        expected: 1.0 - chance,
        kappa: (chance > 0.0).then(|| 1.0 - seen / chance),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_by_hand() {
        // 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no.
        let labels = |counts: [(usize, usize); 4]| -> Vec<usize> {
            counts.iter().flat_map(|(n, label)| vec![*label; *n]).collect()
        };
        let a = labels([(20, 0), (5, 0), (10, 1), (15, 1)]);
        let b = labels([(20, 0), (5, 1), (10, 0), (15, 1)]);
        assert_eq!(confusion(&a, &b, 2).unwrap(), [[20, 5], [10, 15]]);
        let found = cohen_kappa(&a, &b, 2, KappaWeights::Nominal).unwrap().unwrap();
        assert!((found.observed - 0.7).abs() < 1e-12 && (found.expected - 0.5).abs() < 1e-12);
        assert!((found.kappa.unwrap() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn one_label_throughout_has_no_kappa() {
        let found = cohen_kappa(&[1; 9], &[1; 9], 3, KappaWeights::Quadratic).unwrap().unwrap();
        assert_eq!((found.observed, found.expected, found.kappa), (1.0, 1.0, None));
        assert_eq!(cohen_kappa(&[], &[], 2, KappaWeights::Nominal), Ok(None));
    }

    #[test]
    fn labels_that_are_no_categories_are_named() {
        let error = |a: &[usize], b: &[usize]| confusion(a, b, 2).unwrap_err().to_string();
        insta::assert_snapshot!(error(&[0, 1], &[1, 2]), @"the second rater: label 1 is 2; the 2 categories are counted from 0");
        insta::assert_snapshot!(error(&[0], &[]), @"labels of two raters: 1 values against 0; pass one of each per row, in the same order");
    }

    #[test]
    fn quadratic_costs_are_shares_of_the_widest() {
        let found = cohen_kappa(&[0, 2], &[1, 2], 3, KappaWeights::Quadratic).unwrap().unwrap();
        // Costs of 1/4 and 0; by chance 1/4, 1, 1/4 and 0.
        assert_eq!((found.observed, found.expected), (1.0 - 0.125, 1.0 - 0.375));
    }
}
