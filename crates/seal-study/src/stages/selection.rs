//! Which rows are kept.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::seed::hash64;
use seal_data::{Row, RowId};
use seal_select::{DsirSettings, dsir_omega, frozen_loss_omega, keep_top, random_omega, rank};
use serde::{Deserialize, Serialize};

use super::scores::Scores;
use super::selector::SelectorOutput;
use super::tokens::read_ids;
use super::{read_json, write_json};
use crate::StudyError;
use crate::config::{Config, Method};
use crate::error::{Defect, RowsError};
use crate::exec::Job;
use crate::sets::Sets;

const FILE: &str = "selection.json";

/// A selection over the rows of D that can be trained on, in file order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowSelection {
    pub(crate) ids: Vec<RowId>,
    /// Score that rows were ranked by; `None` where rows were not ranked.
    pub(crate) omega: Option<Vec<f64>>,
    /// Weight p, where a selector was trained.
    pub(crate) weights: Option<Vec<f64>>,
    /// Rank of each row, from 1; `None` where rows were not ranked.
    pub(crate) rank: Option<Vec<usize>>,
    pub(crate) kept: Vec<bool>,
}

impl RowSelection {
    pub(crate) fn read(dir: &Path) -> Result<Self, StudyError> {
        read_json(dir, FILE)
    }
}

/// Depends on: the tokens of D, then the selector (`selector`) or the scores (`frozen-loss`).
pub(crate) fn select(
    config: &Config,
    sets: &Sets,
    seed: u64,
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let ids = read_ids(&job.deps[0], "fine-tuning")?;
    let mut weights = None;
    let omega = match config.selection.method {
        Method::Selector => {
            let output = SelectorOutput::read(&job.deps[1])?;
            let (omega, p) = of_rows(&ids, output)?;
            weights = Some(p);
            Some(omega)
        }
        Method::Random => Some(random_omega(&ids, seed)),
        Method::FrozenLoss => {
            let scores = Scores::read(&job.deps[1])?;
            same_rows(&ids, &scores.ids)?;
            Some(frozen_loss_omega(&scores.losses)?)
        }
        Method::Dsir => Some(by_importance(sets, &ids, seed)?),
        Method::Labels | Method::Guard | Method::All | Method::None => None,
    };
    let selection = match omega {
        Some(omega) => {
            let ranking = rank(&ids, &omega, seed)?;
            let mut places = vec![0; ids.len()];
            ranking.iter().enumerate().for_each(|(place, row)| places[*row] = place + 1);
            let kept = keep_top(&ranking, config.selection.keep)?.len();
            let kept = places.iter().map(|place| *place <= kept).collect();
            RowSelection { ids, omega: Some(omega), weights, rank: Some(places), kept }
        }
        None => {
            let kept = match config.selection.method {
                Method::Labels => by_label(config, sets, &ids, seed)?,
                Method::Guard => by_guard(config, sets, &ids)?,
                _ => vec![true; ids.len()],
            };
            RowSelection { ids, omega: None, weights: None, rank: None, kept }
        }
    };
    write_json(job.dir, FILE, &selection)
}

/// Logits and weights of `ids`. A selector that was trained with another model
/// may know more rows, those that its context holds and this one's does not.
fn of_rows(ids: &[RowId], output: SelectorOutput) -> Result<(Vec<f64>, Vec<f64>), StudyError> {
    let learned = output.learned;
    if ids == output.ids {
        return Ok((learned.omega, learned.weights));
    }
    let scored = learned.omega.into_iter().zip(learned.weights);
    let by_id: BTreeMap<RowId, (f64, f64)> = output.ids.into_iter().zip(scored).collect();
    ids.iter()
        .map(|id| {
            let found = by_id.get(id).copied();
            Ok(found.ok_or(RowsError::NoLogit { row: *id })?)
        })
        .collect()
}

/// Importance of each row for D_safe, with the noise of a draw without
/// replacement. Rows are read whole, as the package reads its documents: all turns
/// and the answer.
fn by_importance(sets: &Sets, ids: &[RowId], seed: u64) -> Result<Vec<f64>, StudyError> {
    let by_id: BTreeMap<RowId, &Row> = sets.data.iter().map(|row| (row.id, row)).collect();
    let rows: Vec<String> = ids.iter().filter_map(|id| by_id.get(id).map(|r| r.text())).collect();
    let target: Vec<String> = sets.safe.iter().map(Row::text).collect();
    // The package leaves short texts out; rows of a chat are short.
    let settings = DsirSettings { min_tokens: 0, ..DsirSettings::default() };
    Ok(dsir_omega(settings, ids, &rows, &target, seed)?)
}

/// All rows but those that the guard removes.
fn by_guard(config: &Config, sets: &Sets, ids: &[RowId]) -> Result<Vec<bool>, StudyError> {
    let defect = || StudyError::from(Defect::NoGuard);
    let guard = config.selection.guard.as_ref().ok_or_else(defect)?.guard()?;
    let by_id: BTreeMap<RowId, &Row> = sets.data.iter().map(|row| (row.id, row)).collect();
    ids.iter().map(|id| Ok(!guard.removes(by_id.get(id).ok_or_else(defect)?)?)).collect()
}

fn same_rows(rows: &[RowId], scored: &[RowId]) -> Result<(), StudyError> {
    match rows == scored {
        true => Ok(()),
        false => Err(Defect::OtherScores.into()),
    }
}

/// All safe rows, and the dose of the unsafe ones with the lowest seeded hash,
/// so that a larger dose contains a smaller one.
fn by_label(
    config: &Config,
    sets: &Sets,
    ids: &[RowId],
    seed: u64,
) -> Result<Vec<bool>, StudyError> {
    let labels: BTreeMap<RowId, Option<bool>> =
        sets.data.iter().map(|r| (r.id, r.is_unsafe)).collect();
    let hash = |id: &RowId| hash64(&["dose".into(), seed.into(), id.into()]);
    let mut unsafe_rows = Vec::new();
    for id in ids {
        match labels.get(id).copied().flatten() {
            Some(true) => unsafe_rows.push((hash(id), *id)),
            Some(false) => {}
            None => return Err(RowsError::NoLabel { row: *id }.into()),
        }
    }
    unsafe_rows.sort_unstable();
    let dose = (config.selection.unsafe_dose * unsafe_rows.len() as f64).round() as usize;
    let dropped: std::collections::BTreeSet<RowId> =
        unsafe_rows[dose..].iter().map(|(_, id)| *id).collect();
    Ok(ids.iter().map(|id| !dropped.contains(id)).collect())
}

#[cfg(test)]
mod tests {
    use seal_data::{Rows, Speaker, Turn};

    use super::*;

    /// Rows that differ only in an early turn, or only in the system turn, have the importance
    /// of their whole texts.
    #[test]
    fn importance_is_that_of_whole_rows() {
        let turns = |texts: [&str; 3]| {
            let roles = [Speaker::System, Speaker::User, Speaker::Assistant];
            roles.into_iter().zip(texts).map(|(role, text)| Turn::new(role, text)).collect()
        };
        let mut data = Rows::new();
        let histories = [
            ["be kind", "name a colour", "blue"],
            ["be kind", "open the locked box", "blue"],
            ["be brief and open", "name a colour", "blue"],
            ["be kind", "name a colour", "the box is open"],
        ];
        for texts in histories {
            data.push_dialogue(turns(texts), "and now ?", "it is so");
        }
        let mut safe = Rows::new();
        safe.push_dialogue(turns(["be kind", "name a colour", "green"]), "and one more ?", "red");
        safe.push("name a colour", "blue");
        let (data, safe) = (data.into_vec(), safe.into_vec());
        let ids: Vec<RowId> = data.iter().map(|row| row.id).collect();
        let sets = Sets { data, safe, ..Sets::default() };

        let whole = [
            "be kind\nname a colour\nblue\nand now ?\nit is so",
            "be kind\nopen the locked box\nblue\nand now ?\nit is so",
            "be brief and open\nname a colour\nblue\nand now ?\nit is so",
            "be kind\nname a colour\nthe box is open\nand now ?\nit is so",
        ];
        let target = ["be kind\nname a colour\ngreen\nand one more ?\nred", "name a colour\nblue"];
        let settings = DsirSettings { min_tokens: 0, ..DsirSettings::default() };
        let by_hand = |rows: &[&str]| dsir_omega(settings, &ids, rows, &target, 3).unwrap();
        let omega = by_importance(&sets, &ids, 3).unwrap();
        assert_eq!(omega, by_hand(&whole));
        // Each of the changed turns counts.
        for row in 1..whole.len() {
            let mut without = whole;
            without[row] = whole[0];
            assert_ne!(omega[row], by_hand(&without)[row], "row {row}");
        }
    }
}
