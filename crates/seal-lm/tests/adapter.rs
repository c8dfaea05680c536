//! LoRA against PEFT (`tests/reference/llama.py`), and its own rules.

mod common;

use std::collections::BTreeMap;

use burn::module::Param;
use common::{
    SHAPES, batch, cpu, distance, examples, golden, leaves, mean_loss, model, norm, tape, values,
};
use safetensors::SafeTensors;
use seal_data::Batch;
use seal_device::Kernels;
use seal_lm::{
    AdapterFiles, DropoutKey, Lm, LoraConfig, Ops, OptimConfig, Optimizer, load_adapter,
    load_weights, row_nll, save_adapter, token_nll,
};

fn lora(dropout: f64) -> LoraConfig {
    LoraConfig {
        r: 4,
        lora_alpha: 8.0,
        lora_dropout: dropout,
        target_modules: vec!["q_proj".into(), "down_proj".into()],
        ..LoraConfig::default()
    }
}

/// A model whose adapters do something: B is not 0.
fn adapted(config: &LoraConfig) -> Lm {
    let mut model = model(&common::config(), 0, &tape()).with_lora(config, 1).unwrap();
    for block in &mut model.trunk.layers {
        for (_, linear) in block.linears_mut() {
            if let Some(lora) = &mut linear.lora {
                let [_, out] = lora.b.val().dims();
                let a = lora.a.val().inner().slice([0..4, 0..4]).repeat_dim(1, out.div_ceil(4));
                let b = a.slice([0..4, 0..out]).mul_scalar(3.0);
                lora.b =
                    Param::from_tensor(burn::tensor::Tensor::from_data(b.into_data(), &tape()));
            }
        }
    }
    model
}

fn losses(model: &Lm, batch: &Batch) -> Vec<f64> {
    values(token_nll(model, batch, None))
}

#[test]
fn an_adapter_made_by_peft_gives_the_same_logits() {
    let expected = golden::expected("tied");
    assert_eq!(expected.adapters.len(), 2);
    let rows = golden::batch(&expected.rows);
    for (name, adapter) in &expected.adapters {
        let base = load_weights(&golden::config("tied"), &golden::path("tied"), &tape()).unwrap();
        let dir = golden::path("adapters").join(name);
        let model = load_adapter(base, &adapter.settings.config(), &dir).unwrap();
        let v = model.config().vocab_size;
        let got = values(model.logits(model.hidden(&rows, None)));
        let want: Vec<f64> = adapter.logits_row_0.concat();
        let got = &got[..rows.lengths[0] * v];
        assert!(distance(got, &want) < 1e-5 * norm(&want), "{name}");
        let tokens: Vec<f32> = losses(&model, &rows).into_iter().map(|x| x as f32).collect();
        let rows_got = row_nll(&rows, &tokens).mean;
        assert!(distance(&rows_got, &adapter.row_nll) < 1e-6 * norm(&adapter.row_nll), "{name}");
    }
}

#[test]
fn a_saved_adapter_has_the_tensors_that_peft_saves() {
    for (name, adapter) in golden::expected("tied").adapters {
        let config = adapter.settings.config();
        let base = load_weights(&golden::config("tied"), &golden::path("tied"), &tape()).unwrap();
        let from = golden::path("adapters").join(&name);
        let model = load_adapter(base.clone(), &config, &from).unwrap();
        let dir = tempfile::tempdir().unwrap();
        save_adapter(&model, &config, "tied", dir.path()).unwrap();
        let [ours, theirs] = [dir.path(), &from].map(|dir| {
            let bytes = std::fs::read(dir.join(AdapterFiles::WEIGHTS)).unwrap();
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let tensors = file.iter().map(|(name, view)| {
                (name.to_owned(), (view.shape().to_vec(), view.data().to_vec()))
            });
            tensors.collect::<BTreeMap<_, _>>()
        });
        let shapes: BTreeMap<_, _> =
            ours.iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect();
        assert_eq!(shapes, adapter.tensors, "{name}");
        assert!(ours == theirs, "{name}: the numbers changed on the way");
        let back = load_adapter(base, &config, dir.path()).unwrap();
        let rows = batch(&examples(96, 0, &SHAPES), None);
        assert_eq!(losses(&back, &rows), losses(&model, &rows), "{name}");
    }
}

#[test]
fn the_written_settings() {
    let dir = tempfile::tempdir().unwrap();
    save_adapter(&adapted(&lora(0.1)), &lora(0.1), "models/base", dir.path()).unwrap();
    let text = std::fs::read_to_string(dir.path().join(AdapterFiles::CONFIG)).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn an_adapter_that_does_not_fit_is_refused() {
    let config = LoraConfig { lora_dropout: 0.0, ..lora(0.0) };
    let dir = tempfile::tempdir().unwrap();
    save_adapter(&adapted(&config), &config, "base", dir.path()).unwrap();
    let refusal = |config: &LoraConfig| {
        let error = load_adapter(model(&common::config(), 0, &cpu()), config, dir.path());
        error.unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    let scale = LoraConfig { lora_alpha: 16.0, ..config.clone() };
    insta::assert_snapshot!(refusal(&scale), @"DIR/adapter_config.json: lora_alpha is 8, the settings say 16");
    let fewer = LoraConfig { target_modules: vec!["q_proj".into()], ..config.clone() };
    insta::assert_snapshot!(refusal(&fewer), @"DIR/adapter_model.safetensors: holds tensors that the model has no place for: `base_model.model.model.layers.0.mlp.down_proj.lora_A.weight`, `base_model.model.model.layers.0.mlp.down_proj.lora_B.weight`, `base_model.model.model.layers.1.mlp.down_proj.lora_A.weight`, `base_model.model.model.layers.1.mlp.down_proj.lora_B.weight`; does the config describe this model?");
    let others = LoraConfig { target_modules: vec!["all-linear".into()], ..config.clone() };
    insta::assert_snapshot!(refusal(&others), @"DIR/adapter_model.safetensors: no tensor `base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight`, which the config asks for");
    let path = dir.path().join(AdapterFiles::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"inference_mode\"", "\"use_dora\": true, \"x\"")).unwrap();
    insta::assert_snapshot!(refusal(&config), @"DIR/adapter_config.json: use_dora = true: not plain LoRA, which alone is read; merge the adapter into its model with PEFT (merge_and_unload) and use that folder");
}

#[test]
fn adapters_start_without_effect() {
    let base = model(&common::config(), 0, &tape());
    let rows = batch(&examples(101, 0, &SHAPES), None);
    let before = losses(&base, &rows);
    let config = LoraConfig { target_modules: vec!["all-linear".into()], ..lora(0.0) };
    let fresh = base.with_lora(&config, 9).unwrap();
    assert_eq!(losses(&fresh, &rows), before);
}

#[test]
fn the_side_path_equals_the_merged_weight() {
    let model = adapted(&lora(0.0));
    let rows = batch(&examples(101, 0, &SHAPES), None);
    let side = losses(&model, &rows);
    let merged = model.clone().merged();
    assert!(merged.trunk.layers.iter().all(|b| b.linears().iter().all(|(_, l)| l.lora.is_none())));
    let merged = losses(&merged, &rows);
    assert!(distance(&side, &merged) < 1e-5 * norm(&side));
    let bare = losses(&common::model(&common::config(), 0, &cpu()), &rows);
    assert!(distance(&side, &bare) > 1e-2 * norm(&side), "the adapter does nothing");
}

#[test]
fn only_adapters_get_gradients_and_move() {
    let model = adapted(&lora(0.0));
    let rows = batch(&examples(101, 0, &SHAPES), None);
    let before = leaves(&model, None);
    let gradients = mean_loss(&model, &rows).backward();
    for leaf in leaves(&model, Some(&gradients)) {
        let has = leaf.gradient.as_ref().is_some_and(|g| norm(g) > 0.0);
        assert_eq!(has, leaf.name.contains("lora_"), "{}", leaf.name);
    }
    let settings = OptimConfig { weight_decay: 0.1, ..OptimConfig::default() };
    let moves = common::gradients(&model, &rows);
    let (model, _) = Optimizer::new(&model, &settings, 1).step(model, moves).unwrap();
    for (a, b) in before.iter().zip(leaves(&model, None)) {
        assert_eq!(a.value != b.value, b.name.contains("lora_"), "{}", b.name);
    }
}

#[test]
fn dropout_is_keyed_by_seed_step_and_row_not_by_the_batch() {
    let rows = examples(101, 0, &SHAPES);
    let all = batch(&rows, None);
    let run = |share: f64, batch: &Batch, key: Option<(u64, u64)>| {
        let key = key.map(|(seed, step)| DropoutKey {
            seed,
            step,
            ids: &batch.ids,
            lengths: &batch.lengths,
        });
        values(token_nll(&adapted(&lora(share)), batch, key))
    };
    let dry = run(0.0, &all, None);
    assert_eq!(run(0.0, &all, Some((1, 2))), dry, "a share of 0 drops nothing");
    assert_eq!(run(0.5, &all, None), dry, "no key, no dropout");
    let wet = run(0.5, &all, Some((1, 2)));
    assert_ne!(wet, dry);
    assert_eq!(run(0.5, &all, Some((1, 2))), wet);
    assert_ne!(run(0.5, &all, Some((2, 2))), wet);
    assert_ne!(run(0.5, &all, Some((1, 3))), wet);
    let alone: Vec<f64> = rows
        .iter()
        .flat_map(|row| run(0.5, &batch(std::slice::from_ref(row), Some(7)), Some((1, 2))))
        .collect();
    assert!(distance(&alone, &wet) < 1e-5 * norm(&wet));
    // The composed pass keeps the padding that the fused one leaves out.
    let key = DropoutKey { seed: 1, step: 2, ids: &all.ids, lengths: &all.lengths };
    let padded = adapted(&lora(0.5)).with_ops(Ops::Composed);
    let padded = values(token_nll(&padded, &all, Some(key)));
    assert!(distance(&padded, &wet) < 1e-5 * norm(&wet));
}

#[test]
fn dropout_keeps_the_mean() {
    // B feeds back what A passes on, so that the output is linear in the mask.
    let rows = batch(&examples(101, 0, &[(40, 1)]), None);
    let model = adapted(&lora(0.3));
    let linear = model.trunk.layers[0].linear("q_proj").unwrap();
    let x = burn::tensor::Tensor::<2>::ones([rows.width, 32], &cpu());
    let kernels = Kernels::of(&cpu());
    let dry = values(linear.forward(x.clone(), None, "q", kernels));
    let mut mean = vec![0.0; dry.len()];
    const DRAWS: u64 = 400;
    for step in 0..DRAWS {
        let key = DropoutKey { seed: 0, step, ids: &rows.ids, lengths: &rows.lengths };
        let wet = values(linear.forward(x.clone(), Some(key), "q", kernels));
        mean.iter_mut().zip(wet).for_each(|(m, w)| *m += w / DRAWS as f64);
    }
    let wet = distance(&mean, &dry) / norm(&dry);
    assert!(wet < 0.05, "{wet}");
}

#[test]
fn targets_are_those_of_the_family() {
    let with = |target: &str| LoraConfig { target_modules: vec![target.into()], ..lora(0.0) };
    let refusal = |name: &str, target: &str| {
        let model = common::families::load(name, Ops::Fused);
        model.with_lora(&with(target), 0).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refusal("neox_parallel", "q_proj"), @"model config: target_modules: no layer `q_proj` in this model of 2 blocks; known are all-linear, query_key_value, dense, dense_h_to_4h, dense_4h_to_h (gpt_neox)");
    insta::assert_snapshot!(refusal("phi3", "model.layers.2.mlp.down_proj"), @"model config: target_modules: no layer `model.layers.2.mlp.down_proj` in this model of 2 blocks; known are all-linear, qkv_proj, o_proj, gate_up_proj, down_proj (phi3)");
    insta::assert_snapshot!(with("lm_head").validate().unwrap_err(), @"target_modules: unknown layer `lm_head`; known are all-linear, q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj (llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text, smollm3), query_key_value, dense, dense_h_to_4h, dense_4h_to_h (gpt_neox), qkv_proj, o_proj, gate_up_proj, down_proj (phi3)");
    let adapted = |name: &str, target: &str| {
        let model = common::families::load(name, Ops::Fused).with_lora(&with(target), 0).unwrap();
        let layers = model.trunk.layers.iter().flat_map(|b| b.linears());
        layers.filter(|(_, l)| l.lora.is_some()).map(|(n, _)| n).collect::<Vec<_>>()
    };
    // `dense` is no end of `dense_h_to_4h`.
    assert_eq!(adapted("neox_parallel", "dense"), ["attention.dense"; 2]);
    assert_eq!(adapted("phi3", "model.layers.1.mlp.down_proj"), ["mlp.down_proj"]);
    assert_eq!(adapted("phi3", "all-linear").len(), 8);
}

#[test]
fn variants_of_peft_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let from = common::families::folder("phi3").join("adapter").join(AdapterFiles::CONFIG);
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(from).unwrap()).unwrap();
    let read = |key: &str, value: serde_json::Value| {
        let mut json = json.clone();
        json[key] = value;
        std::fs::write(dir.path().join(AdapterFiles::CONFIG), json.to_string()).unwrap();
        let error = seal_lm::read_adapter_settings(dir.path()).unwrap_err().to_string();
        error.replace(&dir.path().display().to_string(), "DIR")
    };
    use serde_json::json;
    insta::assert_snapshot!(read("use_dora", json!(true)), @"DIR/adapter_config.json: use_dora = true: not plain LoRA, which alone is read; merge the adapter into its model with PEFT (merge_and_unload) and use that folder");
    insta::assert_snapshot!(read("use_rslora", json!("yes")), @r#"DIR/adapter_config.json: use_rslora = "yes": true or false is wanted"#);
    insta::assert_snapshot!(read("rank_pattern", json!({"q_.*": 2})), @r#"DIR/adapter_config.json: rank_pattern = {"q_.*":2}: a regular expression; names of layers are read alone"#);
    insta::assert_snapshot!(read("alpha_pattern", json!({"q_proj": "2"})), @r#"DIR/adapter_config.json: alpha_pattern = {"q_proj":"2"}: a number for each name is wanted"#);
    insta::assert_snapshot!(read("bias", json!("all")), @r#"DIR/adapter_config.json: bias = "all": "none" is wanted: biases are not adapted here"#);
    insta::assert_snapshot!(read("modules_to_save", json!(["lm_head"])), @r#"DIR/adapter_config.json: modules_to_save = ["lm_head"]: not plain LoRA, which alone is read; merge the adapter into its model with PEFT (merge_and_unload) and use that folder"#);
    insta::assert_snapshot!(read("peft_type", json!("IA3")), @r#"DIR/adapter_config.json: peft_type = "IA3": "LORA" is wanted"#);
    insta::assert_snapshot!(read("r", json!(-1)), @"DIR/adapter_config.json: r = -1: a whole number is wanted");
}
