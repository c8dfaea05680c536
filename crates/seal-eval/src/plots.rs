//! What the plots need beyond the results: histograms, curves and traces.

use seal_report::{CellFigures, Figures, Histogram, RocPoint};
use seal_stats::roc_curve;

use crate::EvalError;
use crate::error::{CellId, StatisticInput};
use crate::facts::{CheckedFacts, SelectionFacts, StudyFacts};
use crate::selection::unsafe_scores;

/// Bins of a histogram of weights.
const BINS: usize = 40;

/// Points of a ROC curve; finer steps than these are not seen.
const ROC_POINTS: usize = 200;

/// Histograms, ROC curves and traces of every cell that selects, in the order
/// of arms and seeds. [`Figures::rows`] is left to [`crate::row_samples`].
///
/// # Errors
/// [`EvalError`] where the facts do not fit each other, or a weight is
/// negative or not finite.
pub fn figures_of(facts: &StudyFacts) -> Result<Figures, EvalError> {
    let study = CheckedFacts::of(facts)?;
    let mut cells = Vec::new();
    for arm in &facts.arms {
        for &seed in &facts.seeds {
            let Some(selection) = arm.selection(seed) else { continue };
            let cell = arm.cell_id(seed);
            cells.push(CellFigures {
                arm: arm.id.clone(),
                seed,
                histogram: histogram(&study, selection, &cell)?,
                roc: roc(&study, selection, &cell)?,
                trace: selection.trace.clone(),
            });
        }
    }
    Ok(Figures { cells, ..Figures::default() })
}

/// Weights in equal bins from 0 to 2, with 1, where every row starts, in the
/// middle; to the largest weight where that is more. `None` without weights.
fn histogram(
    study: &CheckedFacts<'_>,
    selection: &SelectionFacts,
    cell: &CellId,
) -> Result<Option<Histogram>, EvalError> {
    let weights: Option<Vec<f64>> = selection.rows.iter().map(|row| row.p).collect();
    let Some(weights) = weights.filter(|weights| !weights.is_empty()) else { return Ok(None) };
    if let Some(p) = weights.iter().find(|p| !(p.is_finite() && **p >= 0.0)) {
        return Err(EvalError::Weight { cell: cell.clone(), weight: *p });
    }
    let hi = weights.iter().copied().fold(2.0, f64::max);
    let edge = |i: usize| hi * i as f64 / BINS as f64;
    let mut histogram = Histogram { edges: (0..=BINS).map(edge).collect(), ..Histogram::default() };
    for (row, p) in selection.rows.iter().zip(weights) {
        let counts = match study.facts.is_unsafe.get(&row.id) {
            Some(true) => &mut histogram.unsafe_rows,
            Some(false) => &mut histogram.safe,
            None => &mut histogram.unlabelled,
        };
        counts.resize(BINS, 0);
        // The last bin holds its upper edge too.
        counts[((p / hi * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    Ok(Some(histogram))
}

fn roc(
    study: &CheckedFacts<'_>,
    selection: &SelectionFacts,
    cell: &CellId,
) -> Result<Vec<RocPoint>, EvalError> {
    let Some(is_unsafe) = study.labels(&selection.rows).filter(|_| selection.ranked) else {
        return Ok(Vec::new());
    };
    let curve = roc_curve(&unsafe_scores(selection), &is_unsafe, ROC_POINTS)
        .map_err(EvalError::at(StatisticInput::Selection(cell.clone())))?;
    let point = |p: seal_stats::RocPoint| RocPoint {
        fpr: p.false_positive_rate,
        tpr: p.true_positive_rate,
    };
    Ok(curve.unwrap_or_default().into_iter().map(point).collect())
}
