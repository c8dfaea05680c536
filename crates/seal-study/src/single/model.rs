//! A model folder at work.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use seal_bilevel::{SftSettings, fine_tune, learn_selector, score};
use seal_data::{ExampleError, Row, RowId, TemplateSetting};
use seal_files::PendingFolder;
use seal_lm::{
    AdapterFiles, Lm, LoraConfig, Prompt, WeightFormat, generate_each, load_adapter, load_model_as,
    read_adapter_settings, save_adapter, save_weights,
};
use seal_select::{SelectorFile, frozen_loss_omega, keep_top, rank};
use seal_stats::spearman;
use serde::Serialize;
use serde_json::json;

use super::adapter_notices::adapter_notices;
use super::defect;
use super::lost;
use super::output::{AnswerFile, AnswerRow};
use super::record::{self, TrainingRecord};
use super::settings::StageSettings;
use crate::StudyError;
use crate::config::adapters_only;
use crate::encoder::Encoder;
use crate::pretrained::{FoundModel, digest};
use crate::stages::open_for;

/// Key of a selector file's settings: rank correlation of its logits with the ranking by
/// loss under the model as it was, the baseline to beat; null where a side is constant.
pub const SPEARMAN_TO_LOSS: &str = "spearman_to_loss";

/// Rows that pass through the model at once where nothing is trained.
const BATCH: usize = 16;

/// Told the steps done, and their number.
type Progress<'a> = &'a mut dyn FnMut(usize, usize);

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
        }
    }
}

/// A model with its tokenizer and template.
pub struct OwnModel {
    model: Lm,
    encoder: Encoder,
    dir: PathBuf,
    adapter: Option<PathBuf>,
    /// Of the adapter, where it is trained on.
    lora: Option<LoraConfig>,
    template_hash: String,
    notice: Option<String>,
    notices: Vec<String>,
    name: String,
    dtype: WeightFormat,
}

/// The loss of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredRow {
    /// The row.
    pub id: RowId,
    /// Mean negative log-likelihood of its answer, in nats a token.
    pub nll: f64,
    /// Tokens of the answer, its end included.
    pub tokens: usize,
}

/// What fine-tuning on a file met.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// Rows trained on.
    pub rows: usize,
    /// Rows that cannot be trained on, and why.
    pub left_out: Vec<ExampleError>,
    /// As [`seal_bilevel::FineTuned::losses`].
    pub losses: Vec<f64>,
}

/// A selector of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Its logits, ranking and kept rows.
    pub selector: SelectorFile,
    /// Rows that cannot be ranked, and why.
    pub left_out: Vec<ExampleError>,
}

/// What became of a file of prompts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generated {
    /// Answers that were made.
    pub new: usize,
    /// Prompts that had an answer before.
    pub before: usize,
    /// Prompts that get no answer, and why: the context has no room for one, or the template
    /// does not take them.
    pub left_out: Vec<ExampleError>,
}

/// The losses of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// In the order of the file.
    pub rows: Vec<ScoredRow>,
    /// Rows that cannot be scored, and why.
    pub left_out: Vec<ExampleError>,
}

impl OwnModel {
    /// Reads a model folder, and the adapter where one is asked for.
    ///
    /// # Errors
    /// A folder that is missing, incomplete or of no known family; a device that
    /// is not there; an adapter of another model.
    pub fn open(request: &ModelRequest, settings: &StageSettings) -> Result<Self, StudyError> {
        let device = open_for(&request.device, settings.dtype)?;
        // Before the model, which may take minutes to fetch and read.
        if let Some(adapter) = &request.adapter
            && let [config, weights] = [AdapterFiles::CONFIG, AdapterFiles::WEIGHTS]
            && let Some(missing) =
                [config, weights].into_iter().find(|file| !adapter.join(file).is_file())
        {
            let pickle = match adapter.join(AdapterFiles::PICKLE).is_file() {
                true => "; a pickle is not read: save it anew with safe_serialization=True",
                false => "",
            };
            return Err(StudyError::Config(format!(
                "--adapter {}: there is no {missing}; an adapter as PEFT saves it is a folder of \
                 {config} and {weights}{pickle}",
                adapter.display()
            )));
        }
        let (dir, shape) = FoundModel::shape_of(&request.path)?;
        let most = shape.max_position_embeddings;
        let context = request.context.unwrap_or(most);
        if context == 0 || context > most {
            return Err(StudyError::Config(format!(
                "--context {context}: the model was made for 1 to {most} tokens"
            )));
        }
        let encoder = Encoder::of_model(&dir, &settings.template, context)?;
        let template_hash = encoder.template_text_hash(&settings.template)?;
        let mut folders: Vec<&Path> = request.adapter.as_deref().into_iter().collect();
        folders.push(&dir);
        let notice = record::notice(&folders, &template_hash);
        let (model, report) = load_model_as(&dir, &device, settings.dtype)?;
        tracing::debug!(dir = %dir.display(), ?report, "model read");
        let mut notices = report.notices;
        encoder.fits(&model)?;
        let (model, lora) = match &request.adapter {
            Some(adapter) => {
                let stored = read_adapter_settings(adapter)?;
                notices.extend(adapter_notices(adapter, &stored, &request.path, model.config()));
                let config = stored.lora;
                let model = load_adapter(model, &config, adapter)?;
                match request.is_trainable {
                    true => (model, Some(config)),
                    false => (model.merged(), None),
                }
            }
            None => (model, None),
        };
        let name = match request.path.is_dir() {
            // An adapter names its base wherever it is loaded from.
            true => std::path::absolute(&request.path).map_err(StudyError::io(&request.path))?,
            false => request.path.clone(),
        };
        let name = name.display().to_string();
        let (adapter, dtype) = (request.adapter.clone(), settings.dtype);
        Ok(Self { model, encoder, dir, adapter, lora, template_hash, notice, notices, name, dtype })
    }

    /// The loss of each row.
    ///
    /// # Errors
    /// No row that can be scored; a loss that is not finite.
    pub fn score(&self, rows: &[Row], progress: Progress<'_>) -> Result<Scored, StudyError> {
        let prepared = self.encoder.prepare(rows);
        if prepared.examples.is_empty() {
            self.encoder.examples(rows, "given")?;
        }
        let losses = score(&self.model, &prepared.examples, BATCH, progress)?;
        let scored = prepared.examples.iter().zip(losses).map(|(e, nll)| ScoredRow {
            id: e.id,
            nll,
            tokens: e.answer_len(),
        });
        Ok(Scored { rows: scored.collect(), left_out: prepared.left_out })
    }

    /// Trains a selector over `data`, safe being `safe`, and keeps a share of it.
    ///
    /// # Errors
    /// As [`seal_bilevel::learn_selector`]; a share outside (0, 1].
    pub fn select(
        self,
        data: &[Row],
        safe: &[Row],
        settings: &StageSettings,
        keep: f64,
        seed: u64,
        progress: Progress<'_>,
    ) -> Result<Chosen, StudyError> {
        trainable(self.dtype, "[bilevel.lora]", settings.bilevel.lora.as_ref())?;
        let prepared = self.encoder.usable(data, "fine-tuning")?;
        let (data, left_out) = (prepared.examples, prepared.left_out);
        let safe = self.encoder.examples(safe, "safe")?;
        let losses = score(&self.model, &data, BATCH, &mut |_, _| ())?;
        let mean_loss = losses.iter().sum::<f64>() / losses.len() as f64;
        let by_loss = frozen_loss_omega(&losses)?;
        let (bilevel, provenance) = (&settings.bilevel, self.provenance()?);
        let learned = learn_selector(self.model, &data, &safe, bilevel, mean_loss, seed, progress)?;
        let ids: Vec<RowId> = data.iter().map(|e| e.id).collect();
        let ranking = rank(&ids, &learned.omega, seed)?;
        let kept = keep_top(&ranking, keep)?;
        let settings: BTreeMap<String, serde_json::Value> = [
            ("bilevel".to_owned(), json!(bilevel)),
            ("keep".to_owned(), json!(keep)),
            ("model".to_owned(), provenance),
            ("rate".to_owned(), json!(learned.rate)),
            ("seed".to_owned(), json!(seed)),
            (
                SPEARMAN_TO_LOSS.to_owned(),
                json!(spearman(&learned.omega, &by_loss).map_err(defect)?),
            ),
            ("template".to_owned(), json!(settings.template)),
            ("versions".to_owned(), json!({"seal-study": env!("CARGO_PKG_VERSION")})),
        ]
        .into();
        let (omega, p) = (&learned.omega, Some(&learned.weights[..]));
        let method = bilevel.selector.name();
        let selector = SelectorFile::new(method, settings, &ids, omega, p, &ranking, kept)?;
        Ok(Chosen { selector, left_out })
    }

    /// Ranks `data` by the loss under the model as it is, lowest first, and keeps
    /// a share of it: the baseline that a selector must beat.
    ///
    /// # Errors
    /// As [`OwnModel::score`]; a share outside (0, 1].
    pub fn select_by_loss(
        &self,
        data: &[Row],
        keep: f64,
        progress: Progress<'_>,
    ) -> Result<Chosen, StudyError> {
        let scored = self.score(data, progress)?;
        let (ids, losses): (Vec<RowId>, Vec<f64>) =
            scored.rows.iter().map(|r| (r.id, r.nll)).unzip();
        let omega = frozen_loss_omega(&losses)?;
        let ranking = rank(&ids, &omega, 0)?;
        let kept = keep_top(&ranking, keep)?;
        let settings = [
            ("keep".to_owned(), json!(keep)),
            ("model".to_owned(), self.provenance()?),
            ("template_hash".to_owned(), json!(self.template_hash)),
        ];
        let settings = settings.into();
        let selector =
            SelectorFile::new("frozen-loss", settings, &ids, &omega, None, &ranking, kept)?;
        Ok(Chosen { selector, left_out: scored.left_out })
    }

    /// Fine-tunes on `rows` and writes the adapter, or the whole model where no
    /// adapter is configured, to `out`. An adapter that was opened to be trained on goes
    /// on as it is: its rank, scale, layers and dropout are not those of the settings.
    ///
    /// # Errors
    /// As [`seal_bilevel::fine_tune`]; a folder that is not empty or cannot be
    /// written.
    pub fn fine_tune(
        self,
        rows: &[Row],
        settings: &StageSettings,
        seed: u64,
        out: &Path,
        progress: Progress<'_>,
    ) -> Result<Tuned, StudyError> {
        trainable(self.dtype, "[sft.lora]", settings.sft.lora.as_ref())?;
        let used = out.is_dir() && fs::read_dir(out).map_err(StudyError::io(out))?.next().is_some();
        if used || out.is_file() {
            return Err(StudyError::Config(format!(
                "--out {}: give an empty or a new folder",
                out.display()
            )));
        }
        let prepared = self.encoder.usable(rows, "fine-tuning")?;
        let (examples, left_out) = (prepared.examples, prepared.left_out);
        // With adapters of its own the model is given no others.
        let own = SftSettings { lora: None, ..settings.sft.clone() };
        let sft = if self.lora.is_some() { &own } else { &settings.sft };
        let lora = self.lora.as_ref().or(settings.sft.lora.as_ref());
        let tuned = fine_tune(self.model, &examples, sft, seed, progress)?;
        let (model, losses) = (tuned.model, tuned.losses);
        // A run that is killed here leaves `out` as it was.
        let pending = PendingFolder::create(out).map_err(StudyError::io(out))?;
        let dir = pending.path();
        match lora {
            Some(lora) => {
                save_adapter(&model, lora, &self.name, dir)?;
                record::say_on_card(&dir.join(AdapterFiles::CARD), &settings.template)?;
            }
            None => {
                save_weights(&model, dir)?;
                copy_tokenizer(&self.dir, dir)?;
            }
        }
        let record = TrainingRecord {
            format_version: 1,
            base: &self.name,
            adapter: self.adapter.as_deref(),
            dtype: self.dtype,
            template: &settings.template,
            template_hash: &self.template_hash,
            context: self.encoder.context(),
            rows: examples.len(),
            seed,
            sft: &SftSettings { lora: lora.cloned(), ..settings.sft.clone() },
            losses: &losses,
            version: env!("CARGO_PKG_VERSION"),
        };
        record.write(dir)?;
        pending.commit().map_err(StudyError::io(out))?;
        Ok(Tuned { rows: examples.len(), left_out, losses })
    }

    /// What a selector file says of the model.
    fn provenance(&self) -> Result<serde_json::Value, StudyError> {
        let adapter = self.adapter.as_deref().map(digest).transpose()?;
        let digest = digest(&self.dir)?;
        Ok(json!({"path": self.name, "digest": digest, "adapter": adapter, "dtype": self.dtype}))
    }

    /// What an answer depends on, hashed.
    fn made_by(&self, settings: &StageSettings, seed: u64) -> Result<String, StudyError> {
        let adapter = self.adapter.as_deref().map(digest).transpose()?;
        let sampled = (settings.generate.temperature > 0.0).then_some(seed);
        let what = json!([
            digest(&self.dir)?,
            adapter,
            // The text and not where it lies.
            self.template_hash,
            settings.generate,
            sampled,
            self.encoder.context(),
            self.dtype,
        ]);
        Ok(blake3::hash(what.to_string().as_bytes()).to_hex()[..32].to_owned())
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
    /// dressed by another template.
    pub fn template_notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// What the rows or the adapter have and the model does not see, in words: turns that
    /// the template has no place for, the adapter's own template and tokenizer.
    pub fn lost(&self, rows: &[Row], settings: &StageSettings) -> Vec<String> {
        let adapter = self.adapter.as_deref();
        let of_adapter = adapter.and_then(|adapter| {
            lost::of_adapter(adapter, &self.dir, &self.encoder, &settings.template)
        });
        of_adapter.into_iter().chain(lost::unplaced(&self.encoder, rows)).collect()
    }

    /// What is to be said of the files of the model and the adapter.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The adapters that training goes on from, where they were opened for it.
    pub fn trains_on(&self) -> Option<&LoraConfig> {
        self.lora.as_ref()
    }

    /// Answers each prompt that `file` has no answer for yet, and adds it there as
    /// soon as its batch is done: a run that was killed goes on.
    ///
    /// # Errors
    /// A file of other prompts, or one that cannot be written.
    pub fn generate(
        &self,
        rows: &[Row],
        settings: &StageSettings,
        seed: u64,
        path: &Path,
        progress: Progress<'_>,
    ) -> Result<Generated, StudyError> {
        let made_by = self.made_by(settings, seed)?;
        let mut file = AnswerFile::open(path, &made_by)?;
        let context = self.encoder.context();
        let (mut prompts, mut of, mut made) = (Vec::new(), Vec::new(), Generated::default());
        for row in rows {
            if file.has(row.id) {
                made.before += 1;
                continue;
            }
            let tokens = match self.encoder.prompt(row) {
                Ok(tokens) if tokens.len() < context => tokens,
                Ok(tokens) => {
                    let tokens = tokens.len();
                    made.left_out.push(ExampleError::TooLong { id: row.id, tokens, context });
                    continue;
                }
                Err(reason) => {
                    made.left_out.push(reason);
                    continue;
                }
            };
            prompts.push(Prompt { id: row.id, tokens });
            of.push(row);
        }
        let (stops, model) = (self.encoder.stops()?, self.model.valid());
        let (mut done, all) = (0, prompts.len());
        generate_each(&model, &prompts, &settings.generate, &stops, seed, |i, answer| {
            let text = self.encoder.tokenizer().decode(&answer.tokens);
            file.add(&AnswerRow::new(of[i], text, answer.finish, &made_by))?;
            done += 1;
            progress(done, all);
            Ok::<(), StudyError>(())
        })?;
        Ok(Generated { new: all, ..made })
    }
}

/// What a loader needs beside the weights.
pub(crate) fn copy_tokenizer(from: &Path, to: &Path) -> Result<(), StudyError> {
    for name in seal_files::tokenizer_files(from).map_err(StudyError::io(from))? {
        let (source, target) = (from.join(&name), to.join(&name));
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(StudyError::io(folder))?;
        }
        fs::copy(&source, target).map_err(StudyError::io(&source))?;
    }
    Ok(())
}

/// Refuses to train weights that are not f32.
fn trainable(dtype: WeightFormat, name: &str, lora: Option<&LoraConfig>) -> Result<(), StudyError> {
    adapters_only(dtype, name, lora).map_err(|e| StudyError::Config(format!("dtype: {e}")))
}
