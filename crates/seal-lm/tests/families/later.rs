//! What families that came later are held against beside logits: gradients, and folders that are
//! not quite as they should be.

use std::collections::BTreeMap;

use seal_lm::{Lm, Ops, load_adapter, load_model, read_adapter_settings, save_weights};

use super::BOTH;
use super::common::families::{
    ADAPTED, differentiated, expected, folder, load, moved_gains, worst,
};
use super::common::{cpu, golden, leaves, mean_loss, norm, tape, worse};

/// Largest distance of gradients from their fingerprints, over the norms.
fn gradients_off(model: &Lm, name: &str, want: &BTreeMap<String, [f64; 2]>, start: &str) -> f64 {
    let grads = mean_loss(model, &golden::batch(&expected(name).rows)).backward();
    let leaves = leaves(model, Some(&grads));
    let found = leaves.into_iter().filter_map(|leaf| Some((leaf.name, leaf.gradient?)));
    let mut found: BTreeMap<String, Vec<f64>> = found.collect();
    let mut worst = 0f64;
    for (key, [want_norm, want_product]) in want {
        let g = found.remove(key.strip_prefix(start).unwrap()).unwrap_or_else(|| panic!("{key}"));
        let product: f64 = g.iter().enumerate().map(|(i, g)| g * (i as f64).cos()).sum();
        for off in [norm(&g) - want_norm, product - want_product] {
            let off = off.abs() / want_norm;
            worst = worse(worst, off);
        }
    }
    assert!(found.is_empty(), "{name}: {:?}", found.keys());
    worst
}

#[test]
fn gradients_of_all_weights() {
    for (name, ops) in differentiated().flat_map(|name| BOTH.map(|ops| (name, ops))) {
        let model = load_model(&folder(name), &tape()).unwrap().0.with_ops(ops);
        let want = expected(name).gradients;
        assert!(want.len() >= 20, "{name}");
        let off = gradients_off(&model, name, &want, "");
        println!("{name:16} {ops:?}: {off:.1e} of the norm of a gradient");
        assert!(off <= 1e-4, "{name} {ops:?}: {off:e}");
    }
}

#[test]
fn gradients_of_adapters() {
    let mut compared = 0;
    for (name, ops) in ADAPTED.into_iter().flat_map(|name| BOTH.map(|ops| (name, ops))) {
        let want = expected(name).adapter_gradients;
        if want.is_empty() {
            continue;
        }
        let dir = folder(name).join("adapter");
        let settings = read_adapter_settings(&dir).unwrap();
        let model = load_model(&folder(name), &tape()).unwrap().0.with_ops(ops);
        let model = load_adapter(model, &settings.lora, &dir).unwrap();
        let off = gradients_off(&model, name, &want, "base_model.model.");
        assert!(off <= 1e-4, "{name} {ops:?}: {off:e}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}

/// A folder of text and images: the text part is the same model, whatever its names.
#[test]
fn the_text_part_of_a_folder_of_several_parts() {
    let from = folder("gemma3");
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(from.join("config.json")).unwrap()).unwrap();
    let bytes = std::fs::read(from.join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let whole = serde_json::json!({
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "text_config": config, "vision_config": {"hidden_size": 8}, "eos_token_id": [1, 106],
    });
    for (language, vision) in [
        ("language_model.model.", "vision_tower.x"),
        ("model.language_model.", "model.vision_tower.x"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), whole.to_string()).unwrap();
        let named = |name: &str| format!("{language}{}", name.strip_prefix("model.").unwrap());
        let mut tensors: Vec<_> = file.iter().map(|(n, view)| (named(n), view)).collect();
        let eyes = tensors[0].1.clone();
        tensors.push((vision.to_owned(), eyes));
        let path = dir.path().join("model.safetensors");
        safetensors::serialize_to_file(tensors, None, &path).unwrap();
        let (model, report) = load_model(dir.path(), &cpu()).unwrap();
        assert!(worst(&model, "gemma3") <= 1e-4);
        assert_eq!(report.ignored, [vision]);
        assert!(
            report.notices.len() == 1 && report.notices[0].contains("see images"),
            "{report:?}"
        );
        // Saved, it is a model of text alone that keeps its special tokens.
        let out = tempfile::tempdir().unwrap();
        save_weights(&model, out.path()).unwrap();
        let (back, report) = load_model(out.path(), &cpu()).unwrap();
        assert!(worst(&back, "gemma3") <= 1e-4);
        assert!(report.notices.is_empty() && report.ignored.is_empty(), "{report:?}");
        let written = std::fs::read_to_string(out.path().join("config.json")).unwrap();
        let written: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written["eos_token_id"], serde_json::json!([1, 106]));
        assert_eq!(written["model_type"], "gemma3_text");
        assert_eq!(written["architectures"], serde_json::json!(["Gemma3ForCausalLM"]));
    }
}

/// Norms with or without their offset, where the other is expected.
#[test]
fn norms_that_look_like_those_of_another_family_are_named() {
    for (name, by, word) in
        [("gemma", 1.0, "added to them already"), ("qwen2_tied", -1.0, "like those of a Gemma")]
    {
        let model = load(name, Ops::Fused);
        let dir = tempfile::tempdir().unwrap();
        save_weights(&model, dir.path()).unwrap();
        let right = load_model(dir.path(), &cpu()).unwrap().1;
        assert!(right.notices.is_empty(), "{right:?}");
        let wrong = moved_gains(model, by);
        save_weights(&wrong, dir.path()).unwrap();
        let notices = load_model(dir.path(), &cpu()).unwrap().1.notices;
        assert!(notices.len() == 1 && notices[0].contains(word), "{name}: {notices:?}");
    }
}
