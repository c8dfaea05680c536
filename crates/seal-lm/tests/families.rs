//! Models of every family, read from folders that transformers wrote, against
//! transformers (`tests/reference/families.py`).

#![allow(clippy::print_stdout, reason = "the table of distances is worth reading")]

mod common;
#[path = "families/later.rs"]
mod later;
#[path = "families/saved.rs"]
mod saved;

use burn::module::Module as _;
use common::families::{ADAPTED, MODELS, expected, folder, load, logits, worst};
use common::{cpu, distance, golden, leaves, mean_loss, norm, tape, values};
use seal_data::RowId;
use seal_lm::{
    DropoutKey, GenerateSettings, Lm, LoraConfig, Ops, OptimConfig, Optimizer, Prompt, Tape,
    WeightFormat, differentiate, generate, load_adapter, load_model, load_model_as,
    read_adapter_settings, row_nll, save_adapter, save_merged, save_weights, token_losses,
    token_nll,
};

const BOTH: [Ops; 2] = [Ops::Fused, Ops::Composed];

/// Every model with both kinds of passes.
fn each() -> impl Iterator<Item = (&'static str, Ops)> {
    MODELS.into_iter().flat_map(|name| BOTH.map(|ops| (name, ops)))
}

#[test]
fn the_fixtures_are_worth_comparing_with() {
    for name in MODELS {
        let e = expected(name);
        assert!(e.attention_entropy_of_uniform < 0.7 && e.logits_sd > 1.0, "{name}");
        let clear = |g: &common::families::Greedy| {
            g.gaps.iter().position(|gap| *gap < 1e-3).unwrap_or(g.gaps.len())
        };
        let tokens: usize = e.greedy.iter().map(clear).sum();
        assert!(tokens > 100, "{name}: {tokens} tokens before a near tie");
    }
}

#[test]
fn a_distance_that_is_no_number_is_the_worst() {
    for offs in [[f64::NAN, 0.1, 0.2], [0.1, f64::NAN, 0.2], [0.1, 0.2, f64::NAN]] {
        assert!(offs.into_iter().fold(0.0, common::worse).is_nan(), "{offs:?}");
    }
    assert_eq!([0.2, 0.3, 0.1].into_iter().fold(0.0, common::worse), 0.3);
}

#[test]
fn logits_of_every_position() {
    for (name, ops) in each() {
        let worst = worst(&load(name, ops), name);
        println!("{name:16} {ops:?}: {worst:.1e} of the logits' standard deviation");
        assert!(worst <= 1e-4, "{name} {ops:?}: {worst:e}");
    }
}

#[test]
fn losses_of_padded_rows() {
    for (name, ops) in each() {
        let (model, e) = (load(name, ops), expected(name));
        let batch = golden::batch(&e.rows);
        let tokens: Vec<f32> =
            values(token_nll(&model, &batch, None)).into_iter().map(|x| x as f32).collect();
        for (got, want) in row_nll(&batch, &tokens).mean.iter().zip(&e.row_nll) {
            assert!((got / want - 1.0).abs() < 1e-5, "{name} {ops:?}: {got} {want}");
        }
    }
}

#[test]
fn greedy_continuations() {
    for (name, ops) in each() {
        let (model, e) = (load(name, ops), expected(name));
        let prompt = |(i, tokens): (usize, &Vec<u32>)| Prompt {
            id: RowId::of(&i.to_string(), "", 0),
            tokens: tokens.clone(),
        };
        let prompts: Vec<Prompt> = e.prompts.iter().enumerate().map(prompt).collect();
        for batch in [1, 8] {
            let settings = GenerateSettings { batch, ..GenerateSettings::greedy(64) };
            let answers = generate(&model, &prompts, &settings, &[], 0).unwrap();
            for (got, want) in answers.iter().zip(&e.greedy) {
                let clear = want.gaps.iter().position(|gap| *gap < 1e-3).unwrap_or(64);
                assert_eq!(got.tokens[..clear], want.tokens[..clear], "{name} {ops:?} {batch}");
            }
        }
    }
}

#[test]
fn fused_and_composed_gradients_agree() {
    for name in MODELS {
        let fused = load_model(&folder(name), &tape()).unwrap().0;
        let batch = golden::batch(&expected(name).rows);
        let [a, b] = BOTH.map(|ops| {
            let model = fused.clone().with_ops(ops);
            leaves(&model, Some(&mean_loss(&model, &batch).backward()))
        });
        assert!(a.len() > 10);
        for (a, b) in a.iter().zip(&b) {
            let (ga, gb) = (a.gradient.as_ref().unwrap(), b.gradient.as_ref().unwrap());
            // The bias of keys shifts all scores of a query alike: its gradient is 0.
            if norm(gb) > 1e-5 {
                let off = distance(ga, gb) / norm(gb);
                assert!(off < 3e-5, "{name} {}: {off:e}", a.name);
            }
        }
    }
}

#[test]
fn reports_account_for_every_tensor() {
    for name in MODELS {
        let (model, report) = load_model(&folder(name), &cpu()).unwrap();
        assert!(report.missing.is_empty() && report.unused.is_empty(), "{name}");
        let numbers: usize = leaves(&model, None).iter().map(|leaf| leaf.value.len()).sum();
        assert_eq!((report.parameters, report.files.is_empty()), (numbers, false), "{name}");
        let half = ["llama_sharded", "mistral"].contains(&name);
        assert_eq!(report.converted, if half { report.loaded.len() } else { 0 }, "{name}");
    }
    let sharded = load_model(&folder("llama_sharded"), &cpu()).unwrap().1;
    assert_eq!(sharded.files.len(), 2);
}

#[test]
fn a_saved_model_is_the_same_model() {
    for name in MODELS {
        let model = load(name, Ops::Fused);
        let dir = tempfile::tempdir().unwrap();
        save_weights(&model, dir.path()).unwrap();
        let (back, report) = load_model(dir.path(), &cpu()).unwrap();
        assert_eq!((back.config(), report.converted), (model.config(), 0), "{name}");
        for (a, b) in leaves(&model, None).iter().zip(leaves(&back, None)) {
            assert_eq!((&a.name, &a.value), (&b.name, &b.value), "{name}");
        }
        // A model that was made here says the same in its own words.
        let made = Lm::init(model.config(), 0, &cpu()).unwrap();
        save_weights(&made, dir.path()).unwrap();
        let (back, _) = load_model(dir.path(), &cpu()).unwrap();
        assert_eq!(back.config(), model.config(), "{name}");
    }
}

#[test]
fn adapters_that_peft_wrote() {
    for (name, ops) in ADAPTED.into_iter().flat_map(|name| BOTH.map(|ops| (name, ops))) {
        let dir = folder(name).join("adapter");
        let settings = read_adapter_settings(&dir).unwrap();
        let model = load_adapter(load(name, ops), &settings.lora, &dir).unwrap();
        let (e, want) = (expected(name), &logits(name)["adapter"]);
        let batch = golden::batch(&e.rows);
        for model in [model.clone(), model.merged()] {
            let got = values(model.logits(model.hidden(&batch, None)));
            let pairs = got[..want.len()].iter().zip(want);
            let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / e.logits_sd;
            assert!(off <= 1e-4, "{name} {ops:?}: {off:e}");
        }
    }
}

#[test]
fn adapters_are_written_as_peft_writes_them() {
    for name in ADAPTED {
        let from = folder(name).join("adapter");
        let settings = read_adapter_settings(&from).unwrap();
        let model = load_adapter(load(name, Ops::Fused), &settings.lora, &from).unwrap();
        let dir = tempfile::tempdir().unwrap();
        save_adapter(&model, &settings.lora, "org/base", dir.path()).unwrap();
        let [ours, theirs] = [dir.path(), &from].map(|dir| {
            let bytes = std::fs::read(dir.join("adapter_model.safetensors")).unwrap();
            let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            let tensors = file
                .iter()
                .map(|(name, view)| (name.to_owned(), view.shape().to_vec(), view.data().to_vec()));
            let mut tensors: Vec<_> = tensors.collect();
            tensors.sort();
            tensors
        });
        assert_eq!(ours.len(), theirs.len(), "{name}");
        assert!(ours == theirs, "{name}: {:?}", ours.iter().map(|t| &t.0).collect::<Vec<_>>());
        let written = read_adapter_settings(dir.path()).unwrap();
        assert_eq!(written.base.as_deref(), Some("org/base"));
        assert_eq!(written.lora, settings.lora);
        let card = std::fs::read_to_string(dir.path().join("README.md")).unwrap();
        assert!(card.starts_with("---\nbase_model: \"org/base\"\nlibrary_name: peft\n"), "{card}");
    }
}

/// Weights as bf16 has them.
fn base_of(dir: &std::path::Path) -> Lm {
    load_model_as(dir, &tape(), WeightFormat::Bf16).unwrap().0
}

/// Sum of the differences over the sum of `a`.
fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.iter().sum::<f32>()
}

/// Nothing in any family meets a number format that it does not expect, and the
/// losses stay near those in full precision.
#[test]
fn every_family_runs_in_half_precision() {
    for name in MODELS {
        let dir = folder(name);
        let batch = golden::batch(&expected(name).rows);
        let lora = LoraConfig {
            r: 2,
            lora_alpha: 4.0,
            lora_dropout: 0.2,
            target_modules: vec!["all-linear".into()],
            ..LoraConfig::default()
        };
        let key = DropoutKey { seed: 0, step: 0, ids: &batch.ids, lengths: &batch.lengths };
        let weights = vec![1.0 / batch.targets.len() as f32; batch.targets.len()];
        let full = load_model(&dir, &cpu()).unwrap().0;
        let model = base_of(&dir).with_lora(&lora, 1).unwrap();
        // What is left with states in f32 is that weights are rounded.
        let off = tempfile::tempdir().unwrap();
        save_weights(&base_of(&dir), off.path()).unwrap();
        let rounded = load_model(off.path(), &cpu()).unwrap().0;
        let wide = model.clone().valid().with_f32_states();
        let (a, b) = (token_losses(&rounded, &batch), token_losses(&wide, &batch));
        assert!(max_difference(&a, &b) < 1e-6, "{name}: {}", max_difference(&a, &b));
        let (a, b) = (token_losses(&full, &batch), token_losses(&model.clone().valid(), &batch));
        assert!(max_difference(&a, &b) < 0.03, "{name}: {}", max_difference(&a, &b));
        let mut optimizer = Optimizer::new(&model, &OptimConfig::default(), 2);
        let mut model = model;
        for recompute in [false, true] {
            let done = differentiate(&model, &batch, &weights, Some(key), Tape { recompute });
            model = optimizer.step(model, done.gradients).unwrap().0;
        }
        let merged = model.clone().valid().merged();
        // The side paths are kept, so that nothing is rounded that was not before.
        let (a, b) = (token_losses(&model.valid(), &batch), token_losses(&merged, &batch));
        assert_eq!(a, b, "{name} merged");
        let prompts = [Prompt { id: RowId::of("p", "", 0), tokens: vec![1, 2, 3] }];
        let answers = generate(&merged, &prompts, &GenerateSettings::greedy(4), &[], 0).unwrap();
        assert_eq!(answers[0].tokens.len(), 4, "{name}");
        let out = tempfile::tempdir().unwrap();
        save_merged(&merged, out.path()).unwrap().unwrap();
        let dense = token_losses(&load_model(out.path(), &cpu()).unwrap().0, &batch);
        let wide = token_losses(&merged.with_f32_states(), &batch);
        assert!(
            max_difference(&wide, &dense) < 1e-5,
            "{name} saved: {}",
            max_difference(&wide, &dense)
        );
        // Whole, it is not trained.
        let base = base_of(&dir);
        let done = differentiate(&base, &batch, &weights, None, Tape::default());
        let mut optimizer = Optimizer::new(&base, &OptimConfig::default(), 1);
        let error = optimizer.step(base, done.gradients).unwrap_err().to_string();
        assert!(error.contains("bf16"), "{error}");
    }
}
