//! Weights as safetensors, under the names and in the layout of Hugging Face.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;

use crate::families::{self, Family};
use crate::folder::{WeightFiles, without_place};
use crate::scorer_config::SCORE;
use crate::tensor_file::CHUNK;
use crate::validate::check;
use crate::{Lm, LmConfig, LmError, WeightFormat, build, gains};

/// What loading a model did with each tensor of its files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// Files that were read.
    pub files: Vec<PathBuf>,
    /// Tensors that the model took.
    pub loaded: Vec<String>,
    /// Tensors of a kind that holds no weights (rotary frequencies, causal
    /// masks), and an output layer that repeats the embedding it is tied to.
    pub ignored: Vec<String>,
    /// Tensors that the model asks for and no file has.
    pub missing: Vec<String>,
    /// Tensors that the model has no place for.
    pub unused: Vec<String>,
    /// Tensors that are stored as another type than f32 and were converted.
    pub converted: usize,
    /// Numbers in the model.
    pub parameters: usize,
    /// What is to be said to who uses the model.
    pub notices: Vec<String>,
}

impl LoadReport {
    /// Of a folder whose model asks for `tensors`, by name and shape; what `is_no_weight` of the
    /// others is ignored.
    pub(crate) fn of(
        tensors: Vec<(String, Vec<usize>)>,
        folder: &mut WeightFiles,
        is_no_weight: impl Fn(&str) -> bool,
    ) -> Result<Self, LmError> {
        let mut report = Self {
            files: folder.files.iter().map(|f| f.path().to_owned()).collect(),
            ..Self::default()
        };
        for (name, shape) in tensors {
            if !folder.contains(&name) {
                report.missing.push(name);
                continue;
            }
            let file = folder.file(&name);
            file.check(&name, &shape)?;
            report.parameters += shape.iter().product::<usize>();
            let stored = file.entry(&name).map(|e| e.dtype.as_str());
            report.converted += usize::from(stored != Some("F32"));
            report.loaded.push(name);
        }
        let loaded: BTreeSet<&String> = report.loaded.iter().collect();
        let rest: Vec<String> =
            folder.names().map(str::to_owned).filter(|name| !loaded.contains(name)).collect();
        (report.ignored, report.unused) = rest.into_iter().partition(|name| is_no_weight(name));
        Ok(report)
    }

    /// Refuses a model that would differ from the one in the files.
    pub(crate) fn complete(&self, folder: &mut WeightFiles) -> Result<(), LmError> {
        if let Some(name) = self.missing.first() {
            let path = folder.file(name).path().to_owned();
            return Err(LmError::Missing { path, name: name.clone() });
        }
        let Some(first) = self.unused.first() else { return Ok(()) };
        let path = folder.file(first).path().to_owned();
        let unused: Vec<&str> = self.unused.iter().map(String::as_str).collect();
        Err(LmError::Format { path, reason: without_place(&unused) })
    }
}

/// The report on a causal model.
fn report_of(config: &LmConfig, folder: &mut WeightFiles) -> Result<LoadReport, LmError> {
    let tensors = families::plan(config).tensors();
    LoadReport::of(tensors, folder, |name| is_no_weight(config, name))
}

/// Whether a tensor of a model's folder is one of its weights: not a buffer, a repeated embedding, or of
/// a part that sees images.
pub fn is_weight(config: &LmConfig, name: &str) -> bool {
    let renamed = families::of(config.architecture.model_type).renamed();
    let own =
        renamed.iter().find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)));
    !is_no_weight(config, own.as_deref().unwrap_or(name))
}

/// Buffers of older versions, and a repeated tied embedding.
fn is_no_weight(config: &LmConfig, name: &str) -> bool {
    families::of(config.architecture.model_type).is_no_weight(name)
        || (name == head(config) && config.tie_word_embeddings)
}

/// What to say of a folder with parts that are not read.
fn other_parts(family: &dyn Family, report: &LoadReport, dir: &Path) -> Option<String> {
    let is_other = |name: &&String| family.other_parts().iter().any(|part| name.starts_with(part));
    let others = report.ignored.iter().filter(is_other).count();
    (others > 0).then(|| {
        format!(
            "{}: {others} tensors of the parts that see images are left out: the model reads and \
             writes text alone, and is saved as {}",
            dir.display(),
            family.name()
        )
    })
}

/// Name of the output layer's tensor.
fn head(config: &LmConfig) -> String {
    format!("{}.weight", families::plan(config).names.head)
}

/// Whether the files hold an output layer of other numbers than the embedding, which the
/// config ties it to.
///
/// # Errors
/// One of another shape; a file that cannot be read.
fn has_own_head(config: &LmConfig, folder: &mut WeightFiles) -> Result<bool, LmError> {
    let head = head(config);
    if !config.tie_word_embeddings || !folder.contains(&head) {
        return Ok(false);
    }
    let shape = [config.vocab_size, config.hidden_size];
    let embedding = format!("{}.weight", families::plan(config).names.embedding);
    let embedding = folder.file(&embedding).read(&embedding, &shape)?;
    let mut differ = false;
    folder.file(&head).each_chunk(&head, &shape, CHUNK, |start, chunk| {
        differ |= chunk != &embedding[start..start + chunk.len()];
    })?;
    Ok(differ)
}

/// Reads the Hugging Face folder `dir` as it was downloaded or saved: the shape
/// from its `config.json`, the weights from `model.safetensors` or the shards
/// of its index.
///
/// Every number becomes an f32. Tensors are read one by one and nothing is
/// drawn first, so that the peak of memory is about the model's own size.
///
/// # Errors
/// A file that is missing or malformed, a setting that is not supported, a
/// tensor that is missing, of another shape, has no place in the model or holds
/// a number that is not finite.
pub fn load_model(dir: &Path, device: &Device) -> Result<(Lm, LoadReport), LmError> {
    load_model_as(dir, device, WeightFormat::F32)
}

/// As [`load_model`], with the weights in `format`, into which each tensor is
/// brought as soon as it is read.
///
/// # Errors
/// As [`load_model`].
pub fn load_model_as(
    dir: &Path,
    device: &Device,
    format: WeightFormat,
) -> Result<(Lm, LoadReport), LmError> {
    let (config, json) = crate::hf::read(dir)?;
    let (model, report) = load(&config, dir, device, format)?;
    Ok((model.with_source(json), report))
}

/// Reads the weights in `dir` into a model of shape `config`.
///
/// # Errors
/// As [`load_model`], without those of `config.json`, which is not read.
pub fn load_weights(config: &LmConfig, dir: &Path, device: &Device) -> Result<Lm, LmError> {
    Ok(load(config, dir, device, WeightFormat::F32)?.0)
}

fn load(
    config: &LmConfig,
    dir: &Path,
    device: &Device,
    format: WeightFormat,
) -> Result<(Lm, LoadReport), LmError> {
    check(config)?;
    let family = families::of(config.architecture.model_type);
    let mut folder = WeightFiles::open(dir)?.named_by(family);
    let score = format!("{SCORE}.weight");
    if !config.tie_word_embeddings && !folder.contains(&head(config)) && folder.contains(&score) {
        let path = folder.file(&score).path().to_owned();
        let reason = format!(
            "holds `{score}` and no `{}`: these are the weights of a reward model, which writes no \
             text",
            head(config)
        );
        return Err(LmError::Format { path, reason });
    }
    let mut report = report_of(config, &mut folder)?;
    report.complete(&mut folder)?;
    let mut config = config.clone();
    if has_own_head(&config, &mut folder)? {
        let name = head(&config);
        report.notices.push(format!(
            "{}: `{name}` differs from the embedding, though config.json has \
             tie_word_embeddings = true; the file's is used, as by transformers 5 (transformers 4 \
             uses the embedding)",
            folder.file(&name).path().display()
        ));
        config.tie_word_embeddings = false;
        report = LoadReport { notices: report.notices, ..report_of(&config, &mut folder)? };
    }
    let model = build::model(&config, &mut folder, device, format)?.with_origin(dir);
    report.notices.extend(other_parts(family, &report, dir));
    report.notices.extend(gains::notice(&model.trunk, dir));
    Ok((if device.is_autodiff() { model.train() } else { model }, report))
}
