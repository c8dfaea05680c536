//! A chat model that people use, against transformers and PEFT (`tests/reference/real_model.py`).
//! `SEAL_MODEL` names its folder, as `tests/reference/smollm2_folder.py` makes it.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::Param;
use burn::tensor::Tensor;
use common::{cpu, golden, mean_loss, norm, tape, values, worse};
use seal_data::RowId;
use seal_lm::{
    GenerateSettings, Lm, Prompt, generate, load_adapter, load_model, read_adapter_settings,
    row_nll, token_nll,
};
use serde::Deserialize;

/// Every so many of the logits of a position are compared.
const STRIDE: usize = 768;
/// Rows of the gradients.
const DIFFERENTIATED: usize = 4;

/// `expected.json`.
#[derive(Deserialize)]
struct Expected {
    rows: Vec<golden::Row>,
    row_nll: Vec<f64>,
    logits_sd: f64,
    /// Of the last position of each row.
    logits: Vec<Vec<f64>>,
    greedy: Vec<Greedy>,
    adapter_row_nll: Vec<f64>,
    /// Norm, and product with cos(0), cos(1), .., by PEFT's names.
    adapter_gradients: BTreeMap<String, [f64; 2]>,
}

#[derive(Deserialize)]
struct Greedy {
    tokens: Vec<u32>,
    /// Whether the last token ends the answer.
    stopped: bool,
    /// The smallest one from the first to the second logit.
    gap: f64,
}

fn here() -> PathBuf {
    golden::path("real_model")
}

fn expected() -> Expected {
    serde_json::from_slice(&std::fs::read(here().join("expected.json")).unwrap()).unwrap()
}

/// The folder that `SEAL_MODEL` names; `None`, with a line on stderr, where it is not set.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SEAL_MODEL").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: SEAL_MODEL is not set (it names the folder of SmolLM2-135M-Instruct)");
    }
    folder
}

/// Mean losses of all rows, side by side with padding.
fn losses(model: &Lm, rows: &[golden::Row]) -> Vec<f64> {
    let batch = golden::batch(rows);
    let tokens = values(token_nll(model, &batch, None)).into_iter().map(|x| x as f32);
    row_nll(&batch, &tokens.collect::<Vec<f32>>()).mean.clone()
}

fn farthest(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).fold(0.0, |worst, (a, b)| worse(worst, (a / b - 1.0).abs()))
}

#[test]
fn logits_losses_and_greedy_text_of_a_real_model() {
    let Some(folder) = folder() else { return };
    let (model, e) = (load_model(&folder, &cpu()).unwrap().0, expected());
    let off = farthest(&losses(&model, &e.rows), &e.row_nll);
    assert!(off < 1e-5, "losses of rows: {off:e}");

    let v = model.config().vocab_size;
    let mut worst = 0.0;
    for (row, want) in e.rows.iter().zip(&e.logits) {
        // A batch leaves the last token out: nothing follows it. Here it is read.
        let mut tokens = row.tokens.clone();
        tokens.push(0);
        let row = golden::Row { tokens, answer: row.answer };
        let batch = golden::batch(&[row]);
        let got = values(model.logits(model.hidden(&batch, None)));
        let last = &got[(batch.lengths[0] - 1) * v..][..v];
        let compared: Vec<f64> = last.iter().step_by(STRIDE).copied().collect();
        assert_eq!(compared.len(), want.len());
        for (got, want) in compared.iter().zip(want) {
            worst = worse(worst, (got - want).abs() / e.logits_sd);
        }
    }
    assert!(worst < 1e-4, "logits: {worst:e} of their standard deviation");

    let prompt = |(i, row): (usize, &golden::Row)| Prompt {
        id: RowId::of(&i.to_string(), "", 0),
        tokens: row.tokens[..row.answer].to_vec(),
    };
    let prompts: Vec<Prompt> = e.rows.iter().enumerate().map(prompt).collect();
    let end = e.greedy.iter().find(|g| g.stopped).and_then(|g| g.tokens.last().copied());
    let end = end.expect("an answer of the fixture ends by itself");
    let new = e.greedy.iter().map(|g| g.tokens.len()).max().unwrap();
    let settings = GenerateSettings { batch: 8, ..GenerateSettings::greedy(new) };
    let answers = generate(&model, &prompts, &settings, &[end], 0).unwrap();
    let mut compared = 0;
    for (i, (got, want)) in answers.iter().zip(&e.greedy).enumerate() {
        // Where two tokens are as good as equal, rounding chooses.
        if want.gap > 1e-3 {
            let kept = want.tokens.len() - usize::from(want.stopped);
            assert_eq!(got.tokens[..kept.min(got.tokens.len())], want.tokens[..kept], "answer {i}");
            compared += 1;
        }
    }
    assert!(compared >= 18, "{compared} answers have no near tie");
}

#[test]
fn losses_and_gradients_of_an_adapter_on_a_real_model() {
    let Some(folder) = folder() else { return };
    let e = expected();
    let dir = here().join("adapter");
    let settings = read_adapter_settings(&dir).unwrap();
    let model = load_model(&folder, &tape()).unwrap().0;
    let model = load_adapter(model, &settings.lora, &dir).unwrap();
    let off = farthest(&losses(&model, &e.rows), &e.adapter_row_nll);
    assert!(off < 1e-5, "losses of rows: {off:e}");
    let moved = farthest(&e.row_nll, &e.adapter_row_nll);
    assert!(moved > 0.01, "the adapter hardly matters: {moved:e}");

    let batch = golden::batch(&e.rows[..DIFFERENTIATED]);
    let gradients = mean_loss(&model, &batch).backward();
    let mut wanted = e.adapter_gradients;
    let mut worst = 0.0;
    let mut compare = |name: String, param: &Param<Tensor<2>>| {
        let [want_norm, want_product] = wanted.remove(&name).unwrap_or_else(|| panic!("{name}"));
        let gradient = param.val().grad(&gradients).expect("an adapter is trained");
        let g = values(gradient.transpose());
        let product: f64 = g.iter().enumerate().map(|(i, g)| g * (i as f64).cos()).sum();
        for off in [norm(&g) - want_norm, product - want_product] {
            worst = worse(worst, off.abs() / want_norm);
        }
    };
    for (i, block) in model.trunk.layers.iter().enumerate() {
        for (path, linear) in block.linears() {
            if let Some(lora) = &linear.lora {
                compare(format!("model.layers.{i}.{path}.lora_A.weight"), &lora.a);
                compare(format!("model.layers.{i}.{path}.lora_B.weight"), &lora.b);
            }
        }
    }
    assert!(wanted.is_empty(), "{:?}", wanted.keys());
    assert!(worst < 1e-4, "gradients: {worst:e} of their norms");
}
