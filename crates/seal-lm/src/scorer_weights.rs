//! A model with a head of scores, from a Hugging Face folder.

use std::path::Path;

use burn::module::Module as _;
use burn::tensor::Device;

use crate::families;
use crate::folder::WeightFiles;
use crate::scorer_config::SCORE;
use crate::validate::check;
use crate::{LmError, LoadReport, Scorer, ScorerConfig, WeightFormat, build, gains};

/// Reads the Hugging Face folder `dir` of a model with a head of scores, such as
/// `LlamaForSequenceClassification`: the shape from its `config.json`, the weights from
/// `model.safetensors` or the shards of its index. The head is `score.weight`, `[k, D]` in the
/// file, without a bias.
///
/// # Errors
/// As [`crate::load_model`]; a model without a head of scores, with what it is instead.
pub fn load_scorer(dir: &Path, device: &Device) -> Result<(Scorer, LoadReport), LmError> {
    load_scorer_as(dir, device, WeightFormat::F32)
}

/// As [`load_scorer`], with the weights in `format`, into which each tensor is brought as soon as
/// it is read.
///
/// # Errors
/// As [`load_scorer`].
pub fn load_scorer_as(
    dir: &Path,
    device: &Device,
    format: WeightFormat,
) -> Result<(Scorer, LoadReport), LmError> {
    let config = ScorerConfig::read(dir)?;
    check(&config.shape)?;
    let family = families::of(config.shape.architecture.model_type);
    let mut folder = WeightFiles::open(dir)?.named_by(family);
    let plan = families::plan(&config.shape);
    let (score, head) = (format!("{SCORE}.weight"), format!("{}.weight", plan.names.head));
    if !folder.contains(&score) && folder.contains(&head) {
        let path = folder.file(&head).path().to_owned();
        let reason = format!(
            "holds `{head}` and no `{score}`: these are the weights of a model that writes text, \
             not of a reward model"
        );
        return Err(LmError::Format { path, reason });
    }
    let mut tensors = plan.trunk_tensors();
    tensors.push((score, vec![config.labels, plan.width]));
    let mut report = LoadReport::of(tensors, &mut folder, |name| family.is_no_weight(name))?;
    report.complete(&mut folder)?;
    let (trunk, score) = build::scorer(plan, config.labels, &mut folder, device, format)?;
    report.notices.extend(gains::notice(&trunk, dir));
    let scorer = Scorer::of_parts(trunk, score, config.pad_token);
    Ok((if device.is_autodiff() { scorer.train() } else { scorer }, report))
}
