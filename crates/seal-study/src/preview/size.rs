//! Sizes of a model and of its largest training step.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use seal_bilevel::SftSettings;
use seal_lm::{
    Architecture, Cost, LmConfig, LoraConfig, ModelType, TrainingStep, WeightFormat, is_weight,
};
use seal_model::{
    Encoder, Expected, FolderError, FoundModel, ModelError, ModelSettings, TokenizerKind,
    is_address,
};

use super::{BasePreview, ModelPreview};
use crate::config::Config;
use crate::error::{RowsError, StudyError, is_absent, is_absent_model};
use crate::options::FETCHED;

/// How a model is trained: what of it, and with how many rows on the tape.
pub(super) struct Training<'a> {
    pub(super) lora: Option<&'a LoraConfig>,
    pub(super) rows: usize,
    pub(super) recompute: bool,
    /// Whether the device has kernels: parts of a batch take turns on the tape.
    pub(super) kernels: bool,
}

/// Sizes of one model of a config.
pub(super) struct ModelSize {
    pub(super) preview: ModelPreview,
    pub(super) parameters: Option<f64>,
    pub(super) context: Option<f64>,
}

/// Longest header that safetensors allows.
const MAX_HEADER: u64 = 100_000_000;

/// Tokens of a row, as a share of the context: instruction data is short.
pub(super) const ROW_SHARE: f64 = 0.15;

impl ModelSize {
    /// # Errors
    /// A model folder that is here and cannot be used; a context that the model was not made for.
    pub(super) fn of(
        config: &Config,
        training: &Training<'_>,
        kernels: bool,
        missing: &mut Vec<String>,
    ) -> Result<Self, StudyError> {
        // Whether the shape is what the config tells of a model that is not here.
        let mut told = false;
        let (name, shape, parameters, limit) = match &config.model {
            ModelSettings::Shape(shape) => {
                ("trained here".to_owned(), Some(shape.clone()), None, None)
            }
            ModelSettings::Folder(folder) => {
                let found = match local(&folder.path).map(looked_at) {
                    None => None,
                    Some(Ok(found)) => Some(found),
                    Some(Err(e)) if lacks_a_file(&e) => {
                        missing.push(format!("model {}: {e}", folder.path.display()));
                        None
                    }
                    Some(Err(e)) => return Err(e),
                };
                if let Some(dir) = local(&folder.path).filter(|_| found.is_some())
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
                        if local(&folder.path).is_none() {
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
        let sizes = Sizes { shape: shape.as_ref(), told, parameters, context };
        let dtype = config.model.dtype();
        let trained = sizes.trained(training);
        let memory = sizes.memory(training, dtype);
        let base = config.alignment().map(|of| {
            let SftSettings { epochs, batch, micro_batch, recompute, lora, .. } = of.training;
            let (rows, recompute) = (micro_batch.unwrap_or(*batch), *recompute);
            let first = Training { lora: lora.as_ref(), rows, recompute, kernels };
            let (trained, memory) = (sizes.trained(&first), sizes.memory(&first, dtype));
            BasePreview { rows: None, epochs: *epochs, trained, memory }
        });
        // Of a step that is not known nothing is said.
        let memory = match &base {
            None => memory,
            Some(base) => memory.zip(base.memory).map(|(a, b)| a.max(b)),
        };
        Ok(Self {
            parameters: parameters.map(|p| p as f64),
            context: context.map(|c| c as f64),
            preview: ModelPreview {
                name,
                parameters,
                trained,
                memory,
                format: dtype,
                context,
                base,
            },
        })
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

/// What is known of a model.
struct Sizes<'a> {
    shape: Option<&'a LmConfig>,
    /// Whether the shape is what the config tells of a model that is not here.
    told: bool,
    parameters: Option<u64>,
    context: Option<usize>,
}

impl Sizes<'_> {
    /// Number of weights that a training trains.
    fn trained(&self, training: &Training<'_>) -> Option<u64> {
        match (training.lora, self.shape, self.parameters) {
            (None, _, all) => all,
            (Some(lora), Some(shape), _) if self.told => adapter_weights(lora, shape),
            (Some(lora), Some(shape), _) => {
                Some(Cost::of(shape).trained_weights(Some(lora)) as u64)
            }
            (Some(_), None, _) => None,
        }
    }

    /// Bytes of its step.
    fn memory(&self, training: &Training<'_>, format: WeightFormat) -> Option<u64> {
        let (all, trained) = (self.parameters?, self.trained(training)?);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let step = TrainingStep {
            whole: training.lora.is_none(),
            rows: training.rows,
            context: self.context?,
            recompute: training.recompute,
            format,
            kernel_threads: training.kernels.then_some(threads),
        };
        Some(Cost::of(self.shape?).training_bytes(all as f64, trained as f64, &step) as u64)
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

/// Weights of the adapters on a model that is not here, of which sizes are told and no
/// family: the first that has the layers they name.
fn adapter_weights(lora: &LoraConfig, shape: &LmConfig) -> Option<u64> {
    let as_family = |model_type| LmConfig {
        architecture: Architecture { model_type, ..shape.architecture.clone() },
        ..shape.clone()
    };
    let mut families = ModelType::ALL.into_iter().map(as_family);
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
