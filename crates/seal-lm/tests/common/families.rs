//! What `tests/reference/families.py` wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::Param;
use seal_lm::{Lm, Norm, Ops, load_model};
use serde::Deserialize;

use super::golden::Row;

/// Every model, by its folder.
pub const MODELS: [&str; 18] = [
    "llama_tied",
    "llama_sharded",
    "llama_biased",
    "mistral",
    "neox_parallel",
    "neox_sequential",
    "phi3",
    "phi3_window",
    "qwen2",
    "qwen2_tied",
    "qwen3",
    "qwen3_biased",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_untied",
    "smollm3",
    "smollm3_untied",
];

/// Those with gradients.
pub fn differentiated() -> impl Iterator<Item = &'static str> {
    MODELS.into_iter().skip(8)
}

/// Those with an adapter.
pub const ADAPTED: [&str; 5] = ["llama_tied", "neox_parallel", "phi3", "qwen2", "gemma2"];

/// `expected.json` of a model.
#[derive(Deserialize)]
pub struct Expected {
    pub attention_entropy_of_uniform: f64,
    pub logits_sd: f64,
    pub rows: Vec<Row>,
    pub row_nll: Vec<f64>,
    pub prompts: Vec<Vec<u32>>,
    pub greedy: Vec<Greedy>,
    /// Norm, and product with cos(0), cos(1), .., of each gradient of the mean loss.
    #[serde(default)]
    pub gradients: BTreeMap<String, [f64; 2]>,
    /// The same of the adapter, by PEFT's names.
    #[serde(default)]
    pub adapter_gradients: BTreeMap<String, [f64; 2]>,
}

/// A continuation; `gaps` are those from the first to the second logit.
#[derive(Deserialize)]
pub struct Greedy {
    pub tokens: Vec<u32>,
    pub gaps: Vec<f64>,
}

/// Folder of a model.
pub fn folder(name: &str) -> PathBuf {
    super::golden::path("families").join(name)
}

/// `expected.json` of the model `name`.
pub fn expected(name: &str) -> Expected {
    let text = std::fs::read_to_string(folder(name).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Expected logits by name, without their shapes.
pub fn logits(name: &str) -> BTreeMap<String, Vec<f64>> {
    let bytes = std::fs::read(folder(name).join("logits.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |data: &[u8]| {
        data.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
    };
    file.iter().map(|(name, view)| (name.to_owned(), numbers(view.data()))).collect()
}

/// The model off the tape.
pub fn load(name: &str, ops: Ops) -> Lm {
    load_model(&folder(name), &super::cpu()).unwrap().0.with_ops(ops)
}

/// The model with `by` added to every weight of its norms.
pub fn moved_gains(mut model: Lm, by: f64) -> Lm {
    let mut shift = |norm: &mut Norm| {
        norm.weight = Param::from_tensor(norm.weight.val().add_scalar(by));
    };
    for block in &mut model.trunk.layers {
        shift(&mut block.input_layernorm);
        shift(&mut block.post_attention_layernorm);
        let optional = [
            &mut block.query_norm,
            &mut block.key_norm,
            &mut block.attention_output_norm,
            &mut block.feed_forward_output_norm,
        ];
        optional.into_iter().flatten().for_each(&mut shift);
    }
    shift(&mut model.trunk.norm);
    model
}

/// Largest distance of the model's logits from the expected ones, over their
/// standard deviation.
pub fn worst(model: &Lm, name: &str) -> f64 {
    let (e, want) = (expected(name), logits(name));
    let batch = super::golden::batch(&e.rows);
    let v = model.config().vocab_size;
    let got = super::values(model.logits(model.hidden(&batch, None)));
    let mut worst = 0f64;
    for (b, len) in batch.lengths.iter().enumerate() {
        let want = &want[&format!("row.{b}")];
        assert_eq!(want.len(), len * v);
        let got = &got[b * batch.width * v..][..want.len()];
        for (got, want) in got.iter().zip(want) {
            let off = (got - want).abs() / e.logits_sd;
            worst = super::worse(worst, off);
        }
    }
    worst
}
