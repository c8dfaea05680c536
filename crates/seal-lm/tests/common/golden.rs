//! What `tests/reference/llama.py` wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_data::{Batch, Example, RowId};
use seal_lm::{LmConfig, LoraConfig};
use serde::Deserialize;

/// Path below `tests/golden`.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// `expected.json` of a model.
#[derive(Deserialize)]
pub struct Expected {
    pub attention_entropy_of_uniform: f64,
    pub logits_sd: f64,
    pub rows: Vec<Row>,
    /// `[row][position][token]`, without padding.
    pub logits: Vec<Vec<Vec<f64>>>,
    pub row_nll: Vec<f64>,
    /// Norm, and product with cos(0), cos(1), .., of each gradient.
    pub gradients: BTreeMap<String, [f64; 2]>,
    pub prompts: Vec<Vec<u32>>,
    pub greedy: Vec<Vec<u32>>,
    pub optim: Optim,
    pub step_rows: Vec<Vec<Row>>,
    pub grad_norms: Vec<f64>,
    #[serde(default)]
    pub adapters: BTreeMap<String, Adapter>,
}

#[derive(Deserialize)]
pub struct Row {
    pub tokens: Vec<u32>,
    pub answer: usize,
}

#[derive(Deserialize)]
pub struct Optim {
    pub lr: f64,
    pub betas: (f64, f64),
    pub eps: f64,
    pub weight_decay: f64,
    pub max_grad_norm: f64,
}

#[derive(Deserialize)]
pub struct Adapter {
    pub settings: AdapterSettings,
    /// Shape of each tensor PEFT saves.
    pub tensors: BTreeMap<String, Vec<usize>>,
    pub row_nll: Vec<f64>,
    /// `[position][token]` of the first row, the longest.
    pub logits_row_0: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
pub struct AdapterSettings {
    r: usize,
    lora_alpha: f64,
    target_modules: Targets,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Targets {
    One(String),
    Many(Vec<String>),
}

impl AdapterSettings {
    pub fn config(&self) -> LoraConfig {
        LoraConfig {
            r: self.r,
            lora_alpha: self.lora_alpha,
            lora_dropout: 0.0,
            target_modules: match &self.target_modules {
                Targets::One(name) => vec![name.clone()],
                Targets::Many(names) => names.clone(),
            },
            ..LoraConfig::default()
        }
    }
}

/// `expected.json` of the model `name`.
pub fn expected(name: &str) -> Expected {
    let text = std::fs::read_to_string(path(name).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Shape of the model `name`, from the `config.json` that transformers wrote.
pub fn config(name: &str) -> LmConfig {
    let text = std::fs::read_to_string(path(name).join("config.json")).unwrap();
    LmConfig::from_hf(&text, Path::new("config.json")).unwrap()
}

/// `rows` side by side.
pub fn batch(rows: &[Row]) -> Batch {
    let example = |(i, row): (usize, &Row)| {
        Example::new(RowId::of(&i.to_string(), "", 0), row.tokens.clone(), row.answer)
    };
    let examples: Vec<Example> = rows.iter().enumerate().map(example).collect();
    super::batch(&examples, None)
}
