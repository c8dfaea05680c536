//! What the card of an exported base says.

use seal_lm::LoraConfig;
use seal_model::is_address;
use seal_report::BaseCard;

use crate::config::{Alignment, Config};
use crate::error::{Defect, StudyError};
use crate::sets::{Sets, TrainingSet};
use crate::stages::Aligned;

/// The card of the aligned base of `config`.
///
/// # Errors
/// Settings that TOML does not hold.
pub(super) fn base_card(
    config: &Config,
    sets: &Sets,
    aligned: &Aligned,
) -> Result<String, StudyError> {
    let Some(Alignment { folder, training }) = config.alignment() else {
        return Err(Defect::NoTraining.into());
    };
    let is_on_hub = is_address(&folder.path);
    let last = folder.path.file_name().map(|last| last.to_string_lossy().into_owned());
    let set = sets.name(TrainingSet::Base);
    let summary = sets.summaries.get(set);
    let card = BaseCard {
        study: config.study.name.clone(),
        model: last.filter(|_| !is_on_hub).unwrap_or_else(|| folder.name()),
        is_on_hub,
        digest: folder.found()?.digest.clone(),
        set: set.to_owned(),
        rows: aligned.rows,
        ids_hash: summary.map(|of| of.ids_hash.clone()).unwrap_or_default(),
        losses: aligned.losses.clone(),
        rank: training.lora.as_ref().map(LoraConfig::largest_rank),
        rounding: aligned.rounding,
        seed: config.base_seed(),
        device: config.device.in_keys(),
        settings_toml: toml::to_string_pretty(training).map_err(Defect::Toml)?,
    };
    Ok(card.text())
}
