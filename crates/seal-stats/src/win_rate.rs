//! Win rate with its counts, and how far the missing verdicts could move it.

use crate::{Outcomes, mean};

/// Win rate of one arm on one test. Rates are fractions, counts are cells (prompt x seed).
///
/// Of paired differences the same fields say where the first arm did better, worse or the same, and
/// the rates lie in [-1, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WinRate {
    /// Mean over prompts of (1 win, 1/2 tie, 0 loss), each prompt averaged over its seeds that have a
    /// verdict; `None` where all are missing.
    pub mean: Option<f64>,
    /// Cells above a tie.
    pub wins: usize,
    /// Cells below a tie.
    pub losses: usize,
    /// Cells that are a tie.
    pub ties: usize,
    /// Cells without a verdict.
    pub missing: usize,
    /// The mean if every missing verdict were a loss; `None` of a matrix without cells.
    pub worst: Option<f64>,
    /// The mean if every missing verdict were a win; `None` of a matrix without cells.
    pub best: Option<f64>,
}

/// Win rate, counts and worst-case bounds of `outcomes`.
///
/// `worst <= mean <= best` always holds, with equality when nothing is missing.
pub fn win_rate(outcomes: &Outcomes) -> WinRate {
    let scale = outcomes.scale();
    let count = |wanted: fn(f64, f64) -> bool| {
        outcomes.cells().iter().flatten().filter(|value| wanted(**value, scale.tie())).count()
    };
    let filled = |value: f64| {
        let rows = outcomes.rows().filter_map(|row| {
            mean(&row.iter().map(|cell| cell.unwrap_or(value)).collect::<Vec<_>>())
        });
        mean(&rows.collect::<Vec<_>>())
    };
    WinRate {
        mean: outcomes.mean(),
        wins: count(|value, tie| value > tie),
        losses: count(|value, tie| value < tie),
        ties: count(|value, tie| value == tie),
        missing: outcomes.cells().iter().filter(|cell| cell.is_none()).count(),
        worst: filled(scale.lo()),
        best: filled(scale.hi()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_counts_once_whatever_it_misses() {
        let cells = vec![Some(1.0), None, Some(0.0), Some(0.5), None, None];
        let rate = win_rate(&Outcomes::rates(3, 2, cells).unwrap());
        assert_eq!(
            rate,
            WinRate {
                mean: Some((1.0 + 0.25) / 2.0),
                wins: 1,
                losses: 1,
                ties: 1,
                missing: 3,
                worst: Some((0.5 + 0.25 + 0.0) / 3.0),
                best: Some((1.0 + 0.25 + 1.0) / 3.0),
            }
        );
    }

    #[test]
    fn all_missing_has_bounds_and_no_mean() {
        let rate = win_rate(&Outcomes::rates(4, 2, vec![None; 8]).unwrap());
        assert_eq!((rate.mean, rate.worst, rate.best), (None, Some(0.0), Some(1.0)));
        let empty = win_rate(&Outcomes::rates(0, 3, vec![]).unwrap());
        assert_eq!((empty.mean, empty.worst, empty.best), (None, None, None));
    }
}
