//! Variance components of a prompts x seeds matrix, one verdict a cell.
//!
//! The model is two-way crossed with random effects, x_ij = mu + P_i + S_j + e_ij. Of a complete
//! matrix the analysis of variance gives three spreads whose expectations are
//!
//! - s2_prompt, of the prompt means: var_P + var_e / S,
//! - s2_seed, of the seed means: var_S + var_e / n,
//! - s2_inter, of the residuals: var_e,
//!
//! and the grand mean has variance var_P / n + var_S / S + var_e / (n S), so that
//! s2_prompt / n + s2_seed / S - s2_inter / (n S) is unbiased for it.
//!
//! With verdicts missing, prompts and seeds are no longer orthogonal: a seed that happened to lose
//! its hard prompts looks good. Seed effects are then fitted by least squares beside the prompts,
//! and 1 / n and 1 / S are replaced by what the design gives. On a complete matrix every number below
//! equals the plain one.

use crate::{Outcomes, mean, sample_variance, sum};

/// The three spreads and what the design makes of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Crossed {
    /// Mean over prompts of the prompt means.
    pub(crate) mean: f64,
    /// Each prompt's mean over its seeds that have a verdict.
    pub(crate) prompt_means: Vec<f64>,
    /// Seeds with a verdict.
    pub(crate) seeds: usize,
    /// Sample variance of the prompt means.
    pub(crate) s2_prompt: f64,
    /// Sample variance of the fitted seed effects.
    pub(crate) s2_seed: f64,
    /// Residual variance; 0 where no degrees of freedom are left.
    pub(crate) s2_inter: f64,
    /// Residual variance contained in one unit of `s2_seed`: 1 / n of a complete matrix.
    pub(crate) noise: f64,
    /// Sum of the squared weights of the seeds in the mean: 1 / S of a complete matrix.
    pub(crate) weight: f64,
}

impl Crossed {
    /// Fits the model to the prompts and seeds that have a verdict.
    ///
    /// `None` with fewer than two prompts or two seeds, or where seeds cannot be told from prompts
    /// because no chain of shared prompts links them.
    pub(crate) fn fit(outcomes: &Outcomes) -> Option<Self> {
        let seen = |seed: &usize| outcomes.rows().any(|row| row[*seed].is_some());
        let columns: Vec<usize> = (0..outcomes.seeds()).filter(seen).collect();
        let rows = || outcomes.rows().filter(|row| row.iter().any(Option::is_some));
        let prompt_means = outcomes.prompt_means();
        let (prompts, seeds) = (prompt_means.len(), columns.len());
        if prompts < 2 || seeds < 2 {
            return None;
        }
        let mut normal = vec![vec![1.0; seeds]; seeds];
        let mut right = vec![0.0; seeds];
        let mut weights = vec![0.0; seeds];
        let mut cells = 0_usize;
        // Verdicts of one prompt with their seeds.
        let mut present: Vec<(usize, f64)> = Vec::with_capacity(seeds);
        for (row, row_mean) in std::iter::zip(rows(), &prompt_means) {
            collect(row, &columns, &mut present);
            let share = 1.0 / present.len() as f64;
            cells += present.len();
            for &(j, value) in &present {
                normal[j][j] += 1.0;
                weights[j] += share / prompts as f64;
                right[j] += value - row_mean;
                for &(k, _) in &present {
                    normal[j][k] -= share;
                }
            }
        }
        let inverse = invert(normal)?;
        let effects: Vec<f64> = inverse
            .iter()
            .map(|line| sum(std::iter::zip(line, &right).map(|(a, b)| a * b)))
            .collect();
        // The ones added to the normal equations pin the effects to mean 0 and add 1 / S to the trace.
        let trace = sum((0..seeds).map(|j| inverse[j][j])) - 1.0 / seeds as f64;
        let left_over = (cells + 1).saturating_sub(prompts + seeds);
        let mut squares = Vec::with_capacity(cells);
        for (row, row_mean) in std::iter::zip(rows(), &prompt_means) {
            collect(row, &columns, &mut present);
            // What prompt and seed effects leave of the prompt's verdicts.
            let row_effect = sum(present.iter().map(|(j, _)| effects[*j])) / present.len() as f64;
            let residual =
                |(j, value): &(usize, f64)| (value - row_mean) - (effects[*j] - row_effect);
            squares.extend(present.iter().map(|cell| residual(cell).powi(2)));
        }
        let residual = sum(squares);
        Some(Self {
            mean: mean(&prompt_means)?,
            s2_prompt: sample_variance(&prompt_means)?,
            s2_seed: sample_variance(&effects)?,
            s2_inter: if left_over > 0 { residual / left_over as f64 } else { 0.0 },
            noise: trace / (seeds - 1) as f64,
            weight: sum(weights.iter().map(|w| w * w)),
            prompt_means,
            seeds,
        })
    }
}

/// The verdicts of `row` with the positions of their seeds among `columns`.
fn collect(row: &[Option<f64>], columns: &[usize], present: &mut Vec<(usize, f64)>) {
    present.clear();
    present.extend(columns.iter().enumerate().filter_map(|(j, column)| Some((j, row[*column]?))));
}

/// Inverse by Gauss-Jordan elimination with row pivoting; `None` of a singular matrix.
///
/// The matrix is seeds x seeds, a handful of each, which is not worth a linear-algebra dependency.
fn invert(mut a: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = a.len();
    let largest = a.iter().flatten().fold(0.0_f64, |most, v| most.max(v.abs()));
    let mut inverse: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| f64::from(i == j)).collect()).collect();
    for column in 0..size {
        let pivot =
            (column..size).max_by(|i, j| a[*i][column].abs().total_cmp(&a[*j][column].abs()))?;
        if a[pivot][column].abs() <= 1e-9 * largest {
            return None;
        }
        a.swap(column, pivot);
        inverse.swap(column, pivot);
        let scale = 1.0 / a[column][column];
        for k in 0..size {
            a[column][k] *= scale;
            inverse[column][k] *= scale;
        }
        for i in (0..size).filter(|i| *i != column) {
            let factor = a[i][column];
            for k in 0..size {
                a[i][k] -= factor * a[column][k];
                inverse[i][k] -= factor * inverse[column][k];
            }
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_seeds_from_the_prompts_they_lost() {
        // Seed 1 is 0.25 above seed 0 everywhere; the hard prompts miss from it.
        let cells =
            vec![Some(0.5), Some(0.75), Some(0.5), Some(0.75), Some(0.0), None, Some(0.0), None];
        let fit = Crossed::fit(&Outcomes::rates(4, 2, cells).unwrap()).unwrap();
        assert!((fit.s2_seed - 0.25_f64.powi(2) / 2.0).abs() < 1e-12, "{fit:?}");
        assert!(fit.s2_inter.abs() < 1e-12, "{fit:?}");
        assert!((fit.weight - (0.75_f64.powi(2) + 0.25_f64.powi(2))).abs() < 1e-12);
    }

    #[test]
    fn unlinked_seeds_cannot_be_told_from_prompts() {
        let cells = vec![Some(1.0), None, Some(0.5), None, None, Some(0.0), None, Some(0.5)];
        assert_eq!(Crossed::fit(&Outcomes::rates(4, 2, cells).unwrap()), None);
    }

    #[test]
    fn empty_rows_and_columns_do_not_count() {
        let full =
            Outcomes::rates(3, 2, [1.0, 0.5, 0.0, 0.0, 0.5, 1.0].map(Some).to_vec()).unwrap();
        let mut cells = vec![];
        for row in full.rows() {
            cells.extend([row[0], None, row[1]]);
        }
        cells.extend([None; 3]);
        let padded = Outcomes::rates(4, 3, cells).unwrap();
        assert_eq!(Crossed::fit(&padded), Crossed::fit(&full));
    }

    #[test]
    fn two_prompts_and_two_seeds_are_enough_and_may_leave_no_degree_of_freedom() {
        let cells = vec![Some(0.5), Some(1.0), Some(0.25), None];
        let fit = Crossed::fit(&Outcomes::rates(2, 2, cells).unwrap()).unwrap();
        assert_eq!((fit.seeds, fit.s2_inter), (2, 0.0));
        let one_prompt = Outcomes::rates(1, 2, vec![Some(0.5), Some(1.0)]).unwrap();
        assert_eq!(Crossed::fit(&one_prompt), None);
        let one_seed = Outcomes::rates(2, 1, vec![Some(0.5), Some(1.0)]).unwrap();
        assert_eq!(Crossed::fit(&one_seed), None);
    }

    #[test]
    fn a_matrix_is_singular_by_the_size_of_its_own_entries() {
        let nearly = |by: f64| vec![vec![by, by], vec![by, by * (1.0 + 1e-10)]];
        for by in [1e-8, 1.0, 1e8] {
            assert_eq!(invert(nearly(by)), None, "{by}");
        }
        let inverse = invert(vec![vec![0.0, 2e8], vec![4e8, 0.0]]).unwrap();
        assert_eq!(inverse, [[0.0, 2.5e-9], [5e-9, 0.0]]);
    }
}
