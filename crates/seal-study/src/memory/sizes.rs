//! Sizes of a model, and of what a device holds for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use seal_lm::{
    Architecture, Cost, LmConfig, LoraConfig, ModelType, TrainingStep, WeightFormat, is_weight,
};
use seal_model::{
    Encoder, Expected, FolderError, FoundModel, ModelError, ModelSettings, TokenizerKind,
    is_address,
};

use super::training::Training;
use crate::config::Config;
use crate::error::{RowsError, StudyError, is_absent, is_absent_model};
use crate::options::FETCHED;

/// Longest header that safetensors allows.
const MAX_HEADER: u64 = 100_000_000;

/// What is known of a model.
pub(crate) struct Sizes {
    shape: Option<LmConfig>,
    /// Whether the shape is what the config tells of a model that is not here.
    told: bool,
    pub(crate) parameters: Option<u64>,
    pub(crate) context: Option<usize>,
}

impl Sizes {
    /// The name of the model of `config`, and what is known of it.
    ///
    /// # Errors
    /// A model folder that is here and cannot be used; a context that the model was not made for.
    pub(crate) fn of(
        config: &Config,
        missing: &mut Vec<String>,
    ) -> Result<(String, Self), StudyError> {
        // Whether the shape is what the config tells of a model that is not here.
        let mut told = false;
        let (name, shape, parameters, limit) = match &config.model {
            ModelSettings::Shape(shape) => {
                ("trained here".to_owned(), Some(shape.clone()), None, None)
            }
            ModelSettings::Folder(folder) => {
                // One that the study has found lies here, whatever its address.
                let found = folder.found.as_ref().map(|found| found.dir.as_path());
                let here = found.or_else(|| local(&folder.path));
                let found = match here.map(looked_at) {
                    None => None,
                    Some(Ok(found)) => Some(found),
                    Some(Err(e)) if lacks_a_file(&e) => {
                        missing.push(format!("model {}: {e}", folder.path.display()));
                        None
                    }
                    Some(Err(e)) => return Err(e),
                };
                if let Some(dir) = here.filter(|_| found.is_some())
                    && config.tokenizer.kind == TokenizerKind::Model
                    && let Err(e) = Encoder::of_folder(dir, &config.tokenizer.template, 0)
                {
                    if !is_absent_model(&e) {
                        return Err(e.into());
                    }
                    missing.push(format!("model {}: {e}", folder.path.display()));
                }
                let expected = folder.expect.as_ref();
                let (parameters, shape) = match found {
                    Some((parameters, shape)) => (Some(parameters), Some(shape)),
                    None => {
                        let asked = expected.and_then(|e| e.parameters);
                        if here.is_none() {
                            missing.push(absent_model(&folder.path, asked));
                        }
                        told = true;
                        (asked, expected.map(Expected::shape))
                    }
                };
                let most = shape.as_ref().map(|s| s.max_position_embeddings);
                if let Some((asked, most)) = folder.context.zip(most).filter(|(a, m)| a > m) {
                    let (path, context) = (folder.path.clone(), asked);
                    return Err(
                        ModelError::from(FolderError::Context { path, context, most }).into()
                    );
                }
                (folder.name(), shape, parameters, folder.context)
            }
        };
        let parameters =
            parameters.or_else(|| shape.as_ref().map(|s| Cost::of(s).parameters() as u64));
        let context = limit.or_else(|| shape.as_ref().map(|s| s.max_position_embeddings));
        Ok((name, Self { shape, told, parameters, context }))
    }

    /// Number of weights that a training trains.
    pub(crate) fn trained(&self, training: &Training<'_>) -> Option<u64> {
        match (training.lora, &self.shape, self.parameters) {
            (None, _, all) => all,
            (Some(lora), Some(shape), _) if self.told => adapter_weights(lora, shape),
            (Some(lora), Some(shape), _) => {
                Some(Cost::of(shape).trained_weights(Some(lora)) as u64)
            }
            (Some(_), None, _) => None,
        }
    }

    /// Bytes of its step.
    pub(crate) fn memory(&self, training: &Training<'_>, format: WeightFormat) -> Option<u64> {
        let (all, trained) = (self.parameters?, self.trained(training)?);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let step = TrainingStep {
            whole: training.lora.is_none(),
            rows: training.rows,
            context: self.context?,
            recompute: training.recompute,
            format,
            models: if training.has_value { 2 } else { 1 },
            accumulates: training.accumulates,
            is_shared: training.devices > 1,
            offload: training.offload,
            kernel_threads: training.kernels.then_some(threads),
        };
        Some(Cost::of(self.shape.as_ref()?).training_bytes(all as f64, trained as f64, &step) as u64)
    }

    /// Bytes of a forward pass over `rows` rows of the context's length.
    pub(crate) fn forward(&self, rows: usize, format: WeightFormat) -> Option<u64> {
        let cost = Cost::of(self.shape.as_ref()?);
        let tokens = rows.saturating_mul(self.context?);
        Some(cost.forward_bytes(self.parameters? as f64, tokens, format) as u64)
    }

    /// Bytes of `rows` answers that are generated side by side; with `kernels`, generation lays out
    /// weights anew.
    pub(crate) fn generation(
        &self,
        rows: usize,
        kernels: bool,
        format: WeightFormat,
    ) -> Option<u64> {
        let cost = Cost::of(self.shape.as_ref()?);
        let copied = if kernels { cost.copied_weights(false) } else { 0.0 };
        let weights = (self.parameters? as f64 + copied) * format.bytes() as f64;
        Some((weights + cost.cache_bytes(rows.saturating_mul(self.context?))) as u64)
    }
}

/// Whether a model folder only lacks files, which another machine may have.
fn lacks_a_file(error: &StudyError) -> bool {
    match error {
        StudyError::OneModel(error) => is_absent_model(error),
        StudyError::Rows(RowsError::NoWeights { .. }) => true,
        other => is_absent(other),
    }
}

/// The path, unless it lies on a hub and is not here yet.
fn local(path: &Path) -> Option<&Path> {
    (!is_address(path) && path.is_dir()).then_some(path)
}

fn absent_model(path: &Path, parameters: Option<u64>) -> String {
    let size = parameters.map_or(String::new(), |p| format!(", about {:.1} GB", 2e-9 * p as f64));
    match is_address(path) {
        true => format!(
            "model {}: {FETCHED}{size}, unless the cache holds it; a gated one needs \
             access and a token (HF_TOKEN)",
            path.display()
        ),
        false => format!("model {}: no such folder{size}", path.display()),
    }
}

/// Number of weights and shape of the model in a folder.
fn looked_at(path: &Path) -> Result<(u64, LmConfig), StudyError> {
    let (dir, shape) = FoundModel::shape_of(path)?;
    Ok((parameters_of(&dir, &shape)?, shape))
}

/// Weights in the safetensors of a folder, by their headers. Parts that see images are not read, and not
/// counted.
fn parameters_of(dir: &Path, model: &LmConfig) -> Result<u64, StudyError> {
    let mut all = 0;
    for entry in std::fs::read_dir(dir).map_err(StudyError::io(dir))? {
        let path = entry.map_err(StudyError::io(dir))?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            let header = header_of(&path).map_err(StudyError::io(&path))?;
            let weights = header.iter().filter(|(name, _)| is_weight(model, name));
            let shapes = weights.filter_map(|(_, tensor)| tensor["shape"].as_array());
            all += shapes
                .map(|s| s.iter().filter_map(serde_json::Value::as_u64).product::<u64>())
                .sum::<u64>();
        }
    }
    match all {
        0 => Err(RowsError::NoWeights { dir: dir.to_owned() }.into()),
        all => Ok(all),
    }
}

fn header_of(path: &Path) -> std::io::Result<BTreeMap<String, serde_json::Value>> {
    let mut file = File::open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let mut header = Vec::new();
    file.take(u64::from_le_bytes(length).min(MAX_HEADER)).read_to_end(&mut header)?;
    Ok(serde_json::from_slice(&header)?)
}

/// Weights of the adapters on a model that is not here, of which sizes are told, and perhaps no
/// family: of the first that has the layers they name.
fn adapter_weights(lora: &LoraConfig, shape: &LmConfig) -> Option<u64> {
    let as_family = |model_type| LmConfig {
        architecture: Architecture { model_type, ..shape.architecture.clone() },
        ..shape.clone()
    };
    // The family that is told comes first.
    let told = std::iter::once(shape.architecture.model_type);
    let mut families = told.chain(ModelType::ALL).map(as_family);
    let shape = families.find(|shape| lora.validate_for(shape).is_ok())?;
    Some(Cost::of(&shape).trained_weights(Some(lora)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of tensors of zeros, by name and number of weights.
    fn safetensors(dir: &Path, tensors: &[(&str, usize)]) {
        let (mut header, mut at) = (serde_json::Map::new(), 0);
        for (name, count) in tensors {
            let end = at + 4 * count;
            let tensor =
                serde_json::json!({"dtype": "F32", "shape": [count], "data_offsets": [at, end]});
            header.insert((*name).to_owned(), tensor);
            at = end;
        }
        let header = serde_json::Value::Object(header).to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + at, 0);
        std::fs::write(dir.join("model.safetensors"), bytes).unwrap();
    }

    #[test]
    fn parts_that_see_images_and_a_repeated_embedding_are_not_counted() {
        let dir = tempfile::tempdir().unwrap();
        safetensors(
            dir.path(),
            &[
                ("language_model.model.embed_tokens.weight", 70),
                ("language_model.lm_head.weight", 70),
                ("language_model.model.norm.weight", 7),
                ("vision_tower.encoder.weight", 1000),
                ("multi_modal_projector.weight", 100),
            ],
        );
        let of = |model_type: ModelType| LmConfig {
            vocab_size: 10,
            hidden_size: 7,
            num_hidden_layers: 1,
            num_attention_heads: 1,
            num_key_value_heads: 1,
            intermediate_size: 7,
            max_position_embeddings: 8,
            rope_theta: 1e4,
            rms_norm_eps: 1e-6,
            tie_word_embeddings: true,
            initializer_range: 0.02,
            architecture: Architecture { model_type, ..Architecture::default() },
        };
        assert_eq!(parameters_of(dir.path(), &of(ModelType::Gemma3Text)).unwrap(), 77);
        // Of a family without such parts they are what the folder holds.
        assert_eq!(parameters_of(dir.path(), &of(ModelType::Llama)).unwrap(), 1247);
    }
}
