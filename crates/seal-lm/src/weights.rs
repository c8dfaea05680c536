//! Weights as safetensors, under the names and in the layout of Hugging Face.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;

use crate::family;
use crate::folder::Folder;
use crate::init::parameter;
use crate::model::check;
use crate::source::{Place, Source, Values, Vector, build};
use crate::weight_format::Formatted;
use crate::{Lm, LmConfig, LmError, WeightFormat};

/// What loading a model did with each tensor of its files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// Files that were read.
    pub files: Vec<PathBuf>,
    /// Tensors that the model took.
    pub loaded: Vec<String>,
    /// Tensors of a kind that holds no weights (rotary frequencies, causal
    /// masks), and the output layer where it is tied to the embedding.
    pub ignored: Vec<String>,
    /// Tensors that the model asks for and no file has.
    pub missing: Vec<String>,
    /// Tensors that the model has no place for.
    pub unused: Vec<String>,
    /// Tensors that are stored as another type than f32 and were converted.
    pub converted: usize,
    /// Numbers in the model.
    pub parameters: usize,
}

impl LoadReport {
    fn of(config: &LmConfig, folder: &mut Folder) -> Result<Self, LmError> {
        let mut report = Self {
            files: folder.files.iter().map(|f| f.path().to_owned()).collect(),
            ..Self::default()
        };
        for (name, shape) in family::tensors(config) {
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
        (report.ignored, report.unused) =
            rest.into_iter().partition(|name| is_no_weight(config, name));
        Ok(report)
    }

    /// Refuses a model that would differ from the one in the files.
    fn complete(&self, folder: &mut Folder) -> Result<(), LmError> {
        if let Some(name) = self.missing.first() {
            let path = folder.file(name).path().to_owned();
            return Err(LmError::Missing { path, name: name.clone() });
        }
        match self.unused.first() {
            None => Ok(()),
            Some(first) => Err(LmError::Format {
                path: folder.file(first).path().to_owned(),
                reason: format!(
                    "holds {} tensors that the model has no place for, such as `{first}`: does \
                     the config describe this model?",
                    self.unused.len()
                ),
            }),
        }
    }
}

/// Buffers of older versions, and a repeated tied embedding.
fn is_no_weight(config: &LmConfig, name: &str) -> bool {
    let head = format!("{}.weight", config.architecture.model_type.names().head);
    [".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias"]
        .iter()
        .any(|end| name.ends_with(end))
        || (name == head && config.tie_word_embeddings)
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
    let mut folder = Folder::open(dir)?;
    let report = LoadReport::of(config, &mut folder)?;
    report.complete(&mut folder)?;
    let source = Files { folder: &mut folder, device };
    let model = build(config, &mut Formatted { source, format })?;
    Ok((if device.is_autodiff() { model.train() } else { model }, report))
}

/// Weights from files.
struct Files<'a> {
    folder: &'a mut Folder,
    device: &'a Device,
}

impl Source for Files<'_> {
    fn vector(&mut self, at: &Place, kind: Vector, n: usize) -> Result<Values<1>, LmError> {
        let name = match kind {
            Vector::Weight => format!("{}.weight", at.path()),
            Vector::Bias => format!("{}.bias", at.path()),
        };
        let values = self.folder.file(&name).read(&name, &[n])?;
        Ok(parameter(values, [n], self.device))
    }

    fn embedding(&mut self, at: &Place, shape: [usize; 2]) -> Result<Values<2>, LmError> {
        let name = format!("{}.weight", at.path());
        let values = self.folder.file(&name).read(&name, &shape)?;
        Ok(parameter(values, shape, self.device))
    }

    fn linear(
        &mut self,
        at: &Place,
        [input, output]: [usize; 2],
        _: bool,
    ) -> Result<Values<2>, LmError> {
        let name = format!("{}.weight", at.path());
        let values = self.folder.file(&name).read_turned(&name, [output, input])?;
        Ok(parameter(values, [input, output], self.device))
    }
}
