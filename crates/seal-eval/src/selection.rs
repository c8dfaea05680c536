//! How well rows were chosen, and what became of the selector's weights.

use std::collections::BTreeMap;

use seal_report::{Cell, Ranking, Selection, Weights};
use seal_rows::RowId;
use seal_stats::{
    StatsError, auroc, effective_sample_size, mean, spearman, unsafe_kept, unsafe_kept_floor,
};

use crate::error::StatisticInput;
use crate::facts::{ArmFacts, CheckedFacts, SelectionFacts};
use crate::{EvalError, mean_of};

/// The ranking of an arm with one seed; `None` where the cell selects nothing.
pub(super) fn ranking(
    study: &CheckedFacts<'_>,
    arm: &ArmFacts,
    seed: u64,
) -> Result<Option<Ranking>, EvalError> {
    let Some(selection) = arm.selection(seed) else { return Ok(None) };
    let place = || StatisticInput::Selection(arm.cell_id(seed));
    let mut ranking = of_labels(study, selection).map_err(EvalError::at(place()))?;
    if let Some(seal) = study.seal.and_then(|seal| seal.selection(seed))
        && selection.ranked
        && seal.ranked
    {
        let (own, seals) = (by_id(selection), by_id(seal));
        // An arm that changes the data ranks other rows: nothing to correlate.
        if own.keys().eq(seals.keys()) {
            let own: Vec<f64> = own.into_values().collect();
            let seals: Vec<f64> = seals.into_values().collect();
            ranking.spearman_to_seal = spearman(&own, &seals).map_err(EvalError::at(place()))?;
        }
    }
    Ok(Some(ranking))
}

/// Everything but the correlation with SEAL.
fn of_labels(study: &CheckedFacts<'_>, selection: &SelectionFacts) -> Result<Ranking, StatsError> {
    let mut ranking = Ranking {
        keep_fraction: Some(selection.keep_fraction),
        ess: ess(selection)?,
        ..Ranking::default()
    };
    let Some(is_unsafe) = study.labels(&selection.rows) else { return Ok(ranking) };
    let kept: Vec<bool> = selection.rows.iter().map(|row| row.kept).collect();
    let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
    ranking.unsafe_kept = unsafe_kept(&kept, &is_unsafe)?;
    ranking.unsafe_kept_floor = unsafe_kept_floor(kept.len(), count(&is_unsafe), count(&kept))?;
    if selection.ranked {
        ranking.auroc = auroc(&unsafe_scores(selection), &is_unsafe)?;
    }
    Ok(ranking)
}

/// How unsafe each row looks: a low logit is a reason to leave a row out.
pub(super) fn unsafe_scores(selection: &SelectionFacts) -> Vec<f64> {
    selection.rows.iter().map(|row| -row.omega).collect()
}

/// The weights of all rows, in the order of their ids, so that their sums do
/// not depend on how they were handed in; `None` where a row has none.
fn weights_by_id(selection: &SelectionFacts) -> Option<Vec<f64>> {
    let by_id: BTreeMap<RowId, Option<f64>> =
        selection.rows.iter().map(|row| (row.id, row.p)).collect();
    by_id.into_values().collect()
}

/// Effective sample size over the number of rows; 0 once every weight is.
fn ess(selection: &SelectionFacts) -> Result<Option<f64>, StatsError> {
    let Some(p) = weights_by_id(selection).filter(|p| !p.is_empty()) else { return Ok(None) };
    let size = effective_sample_size(p.iter().copied())?;
    Ok(Some(size.map_or(0.0, |size| size.share)))
}

fn by_id(selection: &SelectionFacts) -> BTreeMap<RowId, f64> {
    selection.rows.iter().map(|row| (row.id, row.omega)).collect()
}

/// The weights at the end of a selector's training; null where none was trained.
pub(super) fn weights(selection: Option<&SelectionFacts>) -> Weights {
    let Some(selection) = selection else { return Weights::default() };
    let end = selection.trace.last();
    Weights {
        mean_p: weights_by_id(selection).as_deref().and_then(mean),
        gamma_eff: end.and_then(|epoch| epoch.gamma_eff),
        clamped: end.and_then(|epoch| epoch.clamped),
        dead: end.and_then(|epoch| epoch.dead),
    }
}

/// The selection of an arm: means over the cells that select.
pub(super) fn over_seeds(cells: &[Cell]) -> Option<Selection> {
    let selecting: Vec<(&Ranking, &Weights)> =
        cells.iter().filter_map(|cell| Some((cell.selection.as_ref()?, &cell.weights))).collect();
    if selecting.is_empty() {
        return None;
    }
    let ranking =
        |pick: fn(&Ranking) -> Option<f64>| mean_of(selecting.iter().map(|(r, _)| pick(r)));
    let weight =
        |pick: fn(&Weights) -> Option<f64>| mean_of(selecting.iter().map(|(_, w)| pick(w)));
    Some(Selection {
        ranking: Ranking {
            keep_fraction: ranking(|r| r.keep_fraction),
            auroc: ranking(|r| r.auroc),
            unsafe_kept: ranking(|r| r.unsafe_kept),
            unsafe_kept_floor: ranking(|r| r.unsafe_kept_floor),
            spearman_to_seal: ranking(|r| r.spearman_to_seal),
            ess: ranking(|r| r.ess),
        },
        weights: Weights {
            mean_p: weight(|w| w.mean_p),
            gamma_eff: weight(|w| w.gamma_eff),
            clamped: weight(|w| w.clamped),
            dead: weight(|w| w.dead),
        },
    })
}
