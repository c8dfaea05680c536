//! A model that was opened: weights, tokenizer, template and device.

use std::path::{Path, PathBuf};

use seal_data::{Row, TemplateSetting};
use seal_files::Digest;
use seal_lm::{
    AdapterFiles, Lm, LoraConfig, WeightFormat, load_adapter, load_model_as, read_adapter_settings,
};
use serde_json::json;

use super::adapter_notices::adapter_notices;
use super::notice::Notice;
use super::stage_settings::{StageSettings, TokenizerFrom};
use super::{lost, record};
use crate::ModelError;
use crate::device::open_device;
use crate::digest::{DigestFiles, digest_files, folder_digest};
use crate::encoder::Encoder;
use crate::pretrained::FoundModel;

/// Of what an answer depends on beside the settings.
// 2: products of generation are summed in another order.
const VERSION: u32 = 2;

/// Which model.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// The folder, or `hf://owner/name@revision`.
    pub path: PathBuf,
    /// Folder of an adapter to put on it.
    pub adapter: Option<PathBuf>,
    /// Whether the adapter is to be trained on: it is otherwise added to the weights.
    pub is_trainable: bool,
    /// Longest row in tokens; `None` is what the model was made for.
    pub context: Option<usize>,
    /// Device string, see [`seal_device::DeviceSpec`].
    pub device: String,
    /// Digests the files of the model: what is made with it says with which.
    pub digest_files: DigestFiles,
}

impl ModelRequest {
    /// The model of a folder, on the CPU.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            adapter: None,
            is_trainable: false,
            context: None,
            device: "flex".into(),
            digest_files,
        }
    }
}

/// A model with its tokenizer and template.
pub struct LoadedModel {
    pub(super) model: Lm,
    pub(super) encoder: Encoder,
    pub(super) dir: PathBuf,
    pub(super) adapter: Option<PathBuf>,
    pub(super) tokenizer: TokenizerFrom,
    /// Of the adapter, where it is trained on.
    pub(super) lora: Option<LoraConfig>,
    pub(super) template_hash: String,
    notice: Option<Notice>,
    notices: Vec<Notice>,
    pub(super) name: String,
    pub(super) dtype: WeightFormat,
    digest_files: DigestFiles,
}

impl LoadedModel {
    /// Reads a model folder, and the adapter where one is asked for.
    ///
    /// # Errors
    /// A folder that is missing, incomplete or of no known family; a device that
    /// is not there; an adapter of another model.
    pub fn open(request: &ModelRequest, settings: &StageSettings) -> Result<Self, ModelError> {
        let device = open_device(&request.device, settings.dtype)?;
        // Before the model, which may take minutes to fetch and read.
        if let Some(adapter) = &request.adapter {
            has_files(adapter)?;
        }
        let (dir, shape) = FoundModel::shape_of(&request.path)?;
        let most = shape.max_position_embeddings;
        let context = request.context.unwrap_or(most);
        if context == 0 || context > most {
            return Err(ModelError::Context { context, most });
        }
        let tokenizer = settings.tokenizer.folder(&dir, request.adapter.as_deref())?;
        let encoder = Encoder::of_folders(tokenizer, &dir, &settings.template, context)?;
        let template_hash = encoder.template_text_hash(&settings.template)?;
        let mut folders: Vec<&Path> = request.adapter.as_deref().into_iter().collect();
        folders.push(&dir);
        let notice = record::notice(&folders, &template_hash);
        let (model, report) = load_model_as(&dir, &device, settings.dtype)?;
        tracing::debug!(dir = %dir.display(), ?report, "model read");
        let mut notices: Vec<Notice> =
            report.notices.into_iter().map(|text| Notice::Weights { text }).collect();
        encoder.fits(&model)?;
        let (model, lora) = match &request.adapter {
            Some(adapter) => {
                let stored = read_adapter_settings(adapter)?;
                notices.extend(adapter_notices(adapter, &stored, &request.path, model.config()));
                let config = stored.lora;
                let other = notices.iter().find_map(|notice| match notice {
                    Notice::OtherBase { base, .. } => Some(base.clone()),
                    _ => None,
                });
                let misfit = |source| match other {
                    Some(base) => {
                        let (adapter, model) = (adapter.clone(), request.path.clone());
                        ModelError::OtherBase { adapter, base, model, source: Box::new(source) }
                    }
                    None => source.into(),
                };
                let model = load_adapter(model, &config, adapter).map_err(misfit)?;
                match request.is_trainable {
                    true => (model, Some(config)),
                    false => (model.merged(), None),
                }
            }
            None => (model, None),
        };
        let name = match request.path.is_dir() {
            // An adapter names its base wherever it is loaded from.
            true => std::path::absolute(&request.path).map_err(ModelError::io(&request.path))?,
            false => request.path.clone(),
        };
        let name = name.display().to_string();
        let (adapter, dtype) = (request.adapter.clone(), settings.dtype);
        Ok(Self {
            model,
            encoder,
            dir,
            adapter,
            tokenizer: settings.tokenizer,
            lora,
            template_hash,
            notice,
            notices,
            name,
            dtype,
            digest_files: request.digest_files,
        })
    }

    /// The folder that the model was read from.
    pub fn folder(&self) -> &Path {
        &self.dir
    }

    /// Whether the folder has a chat template that the settings do not use.
    pub fn ignores_chat_template(&self, settings: &StageSettings) -> bool {
        matches!(settings.template, TemplateSetting::Prompt(_)) && self.encoder.has_chat_template()
    }

    /// What is to be said where the adapter or the model was fine-tuned on rows that were
    /// rendered by another template.
    pub fn template_notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// What the rows or the adapter have and the model does not see: turns that the template
    /// has no place for, the adapter's own template and tokenizer.
    pub fn lost(&self, rows: &[Row], settings: &StageSettings) -> Vec<Notice> {
        let adapter = self.adapter.as_deref();
        lost::notices(adapter, &self.dir, &self.encoder, settings, rows)
    }

    /// What is to be said of the files of the model and the adapter.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The adapters that training goes on from, where they were opened for it.
    pub fn trains_on(&self) -> Option<&LoraConfig> {
        self.lora.as_ref()
    }

    /// What a selector file says of the model.
    pub(super) fn provenance(&self) -> Result<serde_json::Value, ModelError> {
        let adapter = self.adapter.as_deref().map(|dir| self.digest(dir)).transpose()?;
        let digest = self.digest(&self.dir)?;
        let mut what =
            json!({"path": self.name, "digest": digest, "adapter": adapter, "dtype": self.dtype});
        if !self.tokenizer.is_model() {
            what["tokenizer"] = json!(self.tokenizer);
        }
        Ok(what)
    }

    /// What an answer depends on, hashed.
    pub(super) fn made_by(
        &self,
        settings: &StageSettings,
        seed: u64,
    ) -> Result<String, ModelError> {
        let adapter = self.adapter.as_deref().map(|dir| self.digest(dir)).transpose()?;
        let sampled = (settings.generate.temperature > 0.0).then_some(seed);
        let mut what = vec![
            json!(self.digest(&self.dir)?),
            json!(adapter),
            // The text and not where it lies.
            json!(self.template_hash),
            json!(settings.generate),
            json!(sampled),
            json!(self.encoder.context()),
            json!(self.dtype),
            json!(VERSION),
        ];
        // Its files are in the digest of the adapter.
        if !self.tokenizer.is_model() {
            what.push(json!(self.tokenizer));
        }
        Ok(Digest::of(json!(what).to_string()).short())
    }

    fn digest(&self, dir: &Path) -> Result<String, ModelError> {
        folder_digest(dir, self.digest_files)
    }
}

/// Refuses an adapter of which a file is missing.
fn has_files(adapter: &Path) -> Result<(), ModelError> {
    let is_missing = |file: &&str| !adapter.join(file).is_file();
    match [AdapterFiles::CONFIG, AdapterFiles::WEIGHTS].into_iter().find(is_missing) {
        None => Ok(()),
        Some(missing) => Err(ModelError::AdapterFile {
            folder: adapter.to_owned(),
            missing,
            has_pickle: adapter.join(AdapterFiles::PICKLE).is_file(),
        }),
    }
}
