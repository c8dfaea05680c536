//! Weights as safetensors, under the names and in the layout of Hugging Face.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, View};

use crate::{Lm, LmConfig, LmError};

/// A tensor on the host, as safetensors wants it.
pub(crate) struct HostTensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl View for HostTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>) -> HostTensor {
    let data = tensor.into_data();
    HostTensor {
        shape: data.shape().iter().copied().collect(),
        bytes: data.iter::<f32>().flat_map(f32::to_le_bytes).collect(),
    }
}

/// All tensors of the model's base, by their Hugging Face names.
fn base_tensors(model: &Lm) -> BTreeMap<String, HostTensor> {
    let mut out = BTreeMap::new();
    out.insert("model.embed_tokens.weight".into(), to_host(model.embed_tokens.val()));
    for (i, block) in model.layers.iter().enumerate() {
        for (name, linear) in block.linears() {
            let name = format!("model.layers.{i}.{name}.weight");
            out.insert(name, to_host(linear.weight.val().transpose()));
        }
        let norms = [
            ("input_layernorm", &block.input_layernorm),
            ("post_attention_layernorm", &block.post_attention_layernorm),
        ];
        for (name, gain) in norms {
            out.insert(format!("model.layers.{i}.{name}.weight"), to_host(gain.val()));
        }
    }
    out.insert("model.norm.weight".into(), to_host(model.norm.val()));
    if let Some(head) = &model.lm_head {
        out.insert("lm_head.weight".into(), to_host(head.weight.val().transpose()));
    }
    out
}

pub(crate) fn write_safetensors(
    tensors: BTreeMap<String, HostTensor>,
    path: &Path,
) -> Result<(), LmError> {
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|e| LmError::Format { path: path.into(), reason: e.to_string() })?;
    std::fs::write(path, bytes).map_err(LmError::io(path))
}

/// Writes `model.safetensors` and `config.json` into `dir`, readable by
/// transformers. Adapters are not written: merge them first, or save them with
/// [`crate::save_adapter`].
///
/// # Errors
/// A file that cannot be written.
pub fn save_weights(model: &Lm, dir: &Path) -> Result<(), LmError> {
    write_safetensors(base_tensors(model), &dir.join("model.safetensors"))?;
    let c = model.config();
    let config = serde_json::json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
        "num_hidden_layers": c.num_hidden_layers, "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads, "head_dim": c.head_dim(),
        "intermediate_size": c.intermediate_size, "rope_theta": c.rope_theta,
        "max_position_embeddings": c.max_position_embeddings, "rms_norm_eps": c.rms_norm_eps,
        "tie_word_embeddings": c.tie_word_embeddings, "initializer_range": c.initializer_range,
        "attention_bias": false, "mlp_bias": false, "torch_dtype": "float32",
    });
    let path = dir.join("config.json");
    let text = serde_json::to_string_pretty(&config).expect("a JSON value serialises");
    std::fs::write(&path, text + "\n").map_err(LmError::io(path))
}

/// A safetensors file held in memory, with errors that name tensor and file.
pub(crate) struct Weights<'a> {
    path: &'a Path,
    file: SafeTensors<'a>,
    used: BTreeSet<String>,
}

impl<'a> Weights<'a> {
    pub(crate) fn parse(path: &'a Path, bytes: &'a [u8]) -> Result<Self, LmError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| LmError::Format {
            path: path.into(),
            reason: format!("not a whole safetensors file ({e}); copy or write it again"),
        })?;
        Ok(Self { path, file, used: BTreeSet::new() })
    }

    /// Refuses a file that holds more than was asked for: a deeper model, a
    /// bias or an adapter elsewhere, without which the model is another one.
    pub(crate) fn expect_all_used(&self, ignored: impl Fn(&str) -> bool) -> Result<(), LmError> {
        let unused = self
            .file
            .names()
            .into_iter()
            .filter(|name| !self.used.contains(*name) && !ignored(name));
        let mut unused: Vec<&str> = unused.collect();
        unused.sort_unstable();
        match unused.first() {
            None => Ok(()),
            Some(first) => Err(LmError::Format {
                path: self.path.into(),
                reason: format!(
                    "holds {} tensors that the model has no place for, such as `{first}`: does \
                     the config describe this model?",
                    unused.len()
                ),
            }),
        }
    }

    fn load<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        device: &Device,
    ) -> Result<Tensor<D>, LmError> {
        let view = self
            .file
            .tensor(name)
            .map_err(|_| LmError::Missing { path: self.path.into(), name: name.into() })?;
        if view.shape() != shape || view.dtype() != Dtype::F32 {
            return Err(LmError::Mismatch {
                path: self.path.into(),
                name: name.into(),
                found: format!("{:?} {:?}", view.dtype(), view.shape()),
                expected: format!("F32 {shape:?}"),
            });
        }
        self.used.insert(name.to_owned());
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        Ok(Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), shape), device))
    }

    /// Replaces a parameter by the tensor `name` of the same shape.
    pub(crate) fn fill<const D: usize>(
        &mut self,
        param: &mut Param<Tensor<D>>,
        name: &str,
    ) -> Result<(), LmError> {
        let old = param.val();
        *param = Param::from_tensor(self.load(name, old.dims(), &old.device())?);
        Ok(())
    }

    /// As [`Weights::fill`], where the file holds the transpose.
    pub(crate) fn fill_transposed(
        &mut self,
        param: &mut Param<Tensor<2>>,
        name: &str,
    ) -> Result<(), LmError> {
        let old = param.val();
        let [a, b] = old.dims();
        // Through the host, so that the weight lies contiguous for every later product.
        let tensor = self.load(name, [b, a], &old.device().inner())?.transpose().into_data();
        *param = Param::from_tensor(Tensor::from_data(tensor, &old.device()));
        Ok(())
    }
}

/// Reads `dir/model.safetensors` into a model of shape `config`.
///
/// # Errors
/// A file that is missing or malformed, a tensor that is missing or of another
/// shape, or one that the model has no place for.
pub fn load_weights(config: &LmConfig, dir: &Path, device: &Device) -> Result<Lm, LmError> {
    let path = dir.join("model.safetensors");
    let bytes = std::fs::read(&path).map_err(LmError::io(&path))?;
    let mut weights = Weights::parse(&path, &bytes)?;
    let mut model = Lm::init(config, 0, device)?;
    weights.fill(&mut model.embed_tokens, "model.embed_tokens.weight")?;
    for (i, block) in model.layers.iter_mut().enumerate() {
        for (name, linear) in block.linears_mut() {
            let name = format!("model.layers.{i}.{name}.weight");
            weights.fill_transposed(&mut linear.weight, &name)?;
        }
        let at = |name| format!("model.layers.{i}.{name}.weight");
        weights.fill(&mut block.input_layernorm, &at("input_layernorm"))?;
        weights.fill(&mut block.post_attention_layernorm, &at("post_attention_layernorm"))?;
    }
    weights.fill(&mut model.norm, "model.norm.weight")?;
    if let Some(head) = &mut model.lm_head {
        weights.fill_transposed(&mut head.weight, "lm_head.weight")?;
    }
    // Some files repeat the tied embedding, older ones the rotary frequencies.
    weights.expect_all_used(|name| {
        name.ends_with(".rotary_emb.inv_freq")
            || (name == "lm_head.weight" && config.tie_word_embeddings)
    })?;
    Ok(if device.is_autodiff() { model.train() } else { model })
}
