//! How well a score separates two classes of rows: the ROC curve and the area under it.

use crate::rank::ranks_of;
use crate::{StatsError, sum};

/// One operating point: rows scoring at least `threshold` are called positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// Least score called positive; +infinity at the start, where nothing is.
    pub threshold: f64,
    /// Share of the negatives called positive.
    pub false_positive_rate: f64,
    /// Share of the positives called positive.
    pub true_positive_rate: f64,
}

/// Area under the ROC curve: the probability that a positive scores higher than a negative, a tie
/// counting half (Mann-Whitney U over n_pos n_neg). Positive = `true`, higher score = positive.
///
/// `Ok(None)` where either class is absent.
///
/// # Errors
/// [`StatsError::Length`] where the lists differ in length, [`StatsError::NotANumber`] for a NaN.
pub fn auroc(scores: &[f64], labels: &[bool]) -> Result<Option<f64>, StatsError> {
    let Some((positives, negatives)) = classes(scores, labels)? else { return Ok(None) };
    let ranks = ranks_of(scores, "scores")?;
    let rank_sum = sum(std::iter::zip(ranks, labels).filter(|(_, l)| **l).map(|(rank, _)| rank));
    let pairs_won = rank_sum - positives * (positives + 1.0) / 2.0;
    Ok(Some(pairs_won / (positives * negatives)))
}

/// The ROC curve from (0, 0) to (1, 1), one point per distinct score, thinned evenly to at most
/// `max_points` points (at least the two ends) for drawing. Use [`auroc`] for the area.
///
/// `Ok(None)` where either class is absent.
///
/// # Errors
/// As for [`auroc`].
pub fn roc_curve(
    scores: &[f64],
    labels: &[bool],
    max_points: usize,
) -> Result<Option<Vec<RocPoint>>, StatsError> {
    let Some((positives, negatives)) = classes(scores, labels)? else { return Ok(None) };
    let mut rows: Vec<(f64, bool)> =
        std::iter::zip(scores, labels).map(|(s, l)| (*s, *l)).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut false_alarms) = (0_usize, 0_usize);
    let mut curve = vec![RocPoint {
        threshold: f64::INFINITY,
        false_positive_rate: 0.0,
        true_positive_rate: 0.0,
    }];
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        let here = tied.iter().filter(|(_, label)| *label).count();
        hits += here;
        false_alarms += tied.len() - here;
        curve.push(RocPoint {
            threshold: tied[0].0,
            false_positive_rate: false_alarms as f64 / negatives,
            true_positive_rate: hits as f64 / positives,
        });
    }
    Ok(Some(thin(curve, max_points.max(2))))
}

/// Numbers of positives and negatives, or `None` where either is 0.
fn classes(scores: &[f64], labels: &[bool]) -> Result<Option<(f64, f64)>, StatsError> {
    if scores.len() != labels.len() {
        let what = "scores against labels";
        return Err(StatsError::Length { what, left: scores.len(), right: labels.len() });
    }
    if let Some(index) = scores.iter().position(|score| score.is_nan()) {
        return Err(StatsError::NotANumber { what: "scores", index });
    }
    let positives = labels.iter().filter(|label| **label).count();
    let negatives = labels.len() - positives;
    Ok((positives > 0 && negatives > 0).then_some((positives as f64, negatives as f64)))
}

/// Keeps `keep >= 2` points, evenly spaced by position, both ends among them.
fn thin(curve: Vec<RocPoint>, keep: usize) -> Vec<RocPoint> {
    let last = curve.len() - 1;
    if curve.len() <= keep {
        return curve;
    }
    (0..keep).map(|k| curve[(k * last + (keep - 1) / 2) / (keep - 1)]).collect()
}
