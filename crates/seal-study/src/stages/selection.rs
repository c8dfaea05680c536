//! Which rows are kept.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::RowId;
use seal_data::seed::hash64;
use seal_select::{frozen_loss_omega, keep_top, random_omega, rank};
use serde::{Deserialize, Serialize};

use super::scores::Scores;
use super::selector::SelectorOutput;
use super::{Base, examples, read_json, write_json};
use crate::StudyError;
use crate::config::{Config, Method};
use crate::exec::Job;
use crate::sets::Sets;

const FILE: &str = "selection.json";

/// A selection over the rows of D that can be trained on, in file order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Selection {
    pub(crate) ids: Vec<RowId>,
    /// Score that rows were ranked by; `None` where rows were not ranked.
    pub(crate) omega: Option<Vec<f64>>,
    /// Weight p, where a selector was trained.
    pub(crate) weights: Option<Vec<f64>>,
    /// Rank of each row, from 1; `None` where rows were not ranked.
    pub(crate) rank: Option<Vec<usize>>,
    pub(crate) kept: Vec<bool>,
}

impl Selection {
    pub(crate) fn read(dir: &Path) -> Result<Self, StudyError> {
        read_json(dir, FILE)
    }
}

/// Depends on: base, then the selector (`selector`) or the scores
/// (`frozen-loss`).
pub(crate) fn select(
    config: &Config,
    sets: &Sets,
    seed: u64,
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let base = Base::read(config, &job.deps[0])?;
    let rows = examples(config, &sets.data, &*base.tokenizer, "fine-tuning")?;
    let ids: Vec<RowId> = rows.iter().map(|e| e.id).collect();
    let mut weights = None;
    let omega = match config.selection.method {
        Method::Selector => {
            let output = SelectorOutput::read(&job.deps[1])?;
            same_rows(&ids, &output.ids)?;
            weights = Some(output.learned.weights);
            Some(output.learned.omega)
        }
        Method::Random => Some(random_omega(&ids, seed)),
        Method::FrozenLoss => {
            let scores = Scores::read(&job.deps[1])?;
            same_rows(&ids, &scores.ids)?;
            Some(frozen_loss_omega(&scores.losses)?)
        }
        Method::Labels | Method::All | Method::None => None,
    };
    let selection = match omega {
        Some(omega) => {
            let ranking = rank(&ids, &omega, seed)?;
            let mut places = vec![0; ids.len()];
            ranking.iter().enumerate().for_each(|(place, row)| places[*row] = place + 1);
            let kept = keep_top(&ranking, config.selection.keep)?.len();
            let kept = places.iter().map(|place| *place <= kept).collect();
            Selection { ids, omega: Some(omega), weights, rank: Some(places), kept }
        }
        None => {
            let kept = match config.selection.method {
                Method::Labels => by_label(config, sets, &ids, seed)?,
                _ => vec![true; ids.len()],
            };
            Selection { ids, omega: None, weights: None, rank: None, kept }
        }
    };
    write_json(job.dir, FILE, &selection)
}

fn same_rows(rows: &[RowId], scored: &[RowId]) -> Result<(), StudyError> {
    match rows == scored {
        true => Ok(()),
        false => Err(StudyError::Defect("scores are of other rows than the data".into())),
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
            None => {
                return Err(StudyError::Rows(format!(
                    "selection.method = \"labels\": row {id} does not say whether it is unsafe"
                )));
            }
        }
    }
    unsafe_rows.sort_unstable();
    let dose = (config.selection.unsafe_dose * unsafe_rows.len() as f64).round() as usize;
    let dropped: std::collections::BTreeSet<RowId> =
        unsafe_rows[dose..].iter().map(|(_, id)| *id).collect();
    Ok(ids.iter().map(|id| !dropped.contains(id)).collect())
}
