//! Settings of adapters against PEFT (`tests/reference/peft_settings.py`): what is plain
//! LoRA is read and does the same, all else is refused by name.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::{cpu, distance, golden, norm, values};
use seal_data::{Batch, Example, RowId};
use seal_lm::{AdapterFiles, AdapterSettings, Lm, LmError, LoraConfig, load_adapter, load_weights};
use seal_lm::{read_adapter_settings, save_adapter};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Expected {
    row: Vec<u32>,
    adapters: BTreeMap<String, Adapter>,
}

#[derive(Deserialize)]
struct Adapter {
    plain: bool,
    /// Where plain, `[T, V]`.
    logits: Option<Vec<Vec<f64>>>,
    /// Where not, the setting.
    field: Option<String>,
}

fn folder(name: &str) -> PathBuf {
    golden::path("peft").join(name)
}

fn expected() -> Expected {
    serde_json::from_str(&std::fs::read_to_string(folder("expected.json")).unwrap()).unwrap()
}

fn base() -> Lm {
    load_weights(&golden::config("tied"), &golden::path("tied"), &cpu()).unwrap()
}

#[test]
fn plain_adapters_do_what_peft_does() {
    let Expected { row, adapters } = expected();
    let row = Example::new(RowId::of("row", "", 0), row, 1);
    let batch = Batch::of(&[&row], None);
    let mut plain = 0;
    for (name, adapter) in adapters.iter().filter(|(_, adapter)| adapter.plain) {
        // Layers that some names do not meet, and a pattern, among them.
        let settings = read_adapter_settings(&folder(name)).unwrap();
        let model = load_adapter(base(), &settings.lora, &folder(name)).unwrap();
        let got = values(model.logits(model.hidden(&batch, None)));
        // After the last token nothing is predicted here.
        let want = &adapter.logits.as_ref().unwrap().concat()[..got.len()];
        assert!(distance(&got, want) < 1e-5 * norm(want), "{name}");
        // Written and read again it is the same.
        let dir = tempfile::tempdir().unwrap();
        save_adapter(&model, &settings.lora, "tied", dir.path()).unwrap();
        let AdapterSettings { lora, .. } = read_adapter_settings(dir.path()).unwrap();
        let again = load_adapter(base(), &lora, dir.path()).unwrap();
        assert_eq!(values(again.logits(again.hidden(&batch, None))), got, "{name}");
        plain += 1;
    }
    assert!(plain >= 10, "{plain}");
}

#[test]
fn all_other_settings_are_refused_by_name() {
    let adapters = expected().adapters;
    let mut refused = 0;
    for (name, Adapter { field, .. }) in adapters.iter().filter(|(_, adapter)| !adapter.plain) {
        let error = read_adapter_settings(&folder(name)).unwrap_err();
        let LmError::Setting { setting, .. } = &error else { panic!("{name}: {error}") };
        assert_eq!(Some(setting), field.as_ref(), "{name}: {error}");
        refused += 1;
    }
    assert!(refused >= 20, "{refused}");
}

#[test]
fn names_that_no_layer_has_are_told() {
    let settings = read_adapter_settings(&folder("extra-names")).unwrap();
    assert_eq!(settings.unmatched(&golden::config("tied")), ["c_attn", "query_key_value"]);
    let settings = read_adapter_settings(&folder("default")).unwrap();
    assert!(settings.unmatched(&golden::config("tied")).is_empty());
}

/// Every field of the settings of a layer, as it is trained and written.
#[test]
fn ranks_and_scales_of_single_layers_are_written_and_read() {
    let lora = LoraConfig {
        r: 4,
        lora_alpha: 8.0,
        target_modules: vec!["q_proj".into(), "v_proj".into()],
        use_rslora: true,
        layers_to_transform: vec![1],
        rank_pattern: BTreeMap::from([("v_proj".to_owned(), 2)]),
        alpha_pattern: BTreeMap::from([("layers.1.self_attn.q_proj".to_owned(), 3.0)]),
        ..LoraConfig::default()
    };
    let model = base().with_lora(&lora, 7).unwrap();
    let layer = |block: usize, name: &str| model.trunk.layers[block].linear(name).unwrap();
    assert!(layer(0, "q_proj").lora.is_none() && layer(0, "v_proj").lora.is_none());
    let of = |name: &str| {
        let rank = layer(1, name).lora.as_ref().unwrap().a.val().dims()[1];
        (rank, lora.scale_of(&format!("model.layers.1.self_attn.{name}")))
    };
    assert_eq!(of("q_proj"), (4, 3.0 / 2.0));
    assert_eq!(of("v_proj"), (2, 8.0 / 2f64.sqrt()));
    let dir = tempfile::tempdir().unwrap();
    save_adapter(&model, &lora, "tied", dir.path()).unwrap();
    let read = read_adapter_settings(dir.path()).unwrap().lora;
    assert!(read.use_rslora && read.rank_pattern == lora.rank_pattern);
    assert_eq!(read.alpha_pattern, lora.alpha_pattern);
    for lora in [&lora, &read] {
        load_adapter(base(), lora, dir.path()).unwrap();
    }
    let plain = LoraConfig { use_rslora: false, ..lora.clone() };
    let error = load_adapter(base(), &plain, dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("use_rslora is not that of the settings"), "{error}");
}

/// PEFT refuses blocks together with `all-linear`, so names are written.
#[test]
fn all_linear_layers_of_one_block_are_written_by_their_names() {
    let lora = LoraConfig {
        target_modules: vec!["all-linear".into()],
        layers_to_transform: vec![1],
        ..LoraConfig::default()
    };
    let model = base().with_lora(&lora, 7).unwrap();
    assert!(model.trunk.layers[0].linears().iter().all(|(_, linear)| linear.lora.is_none()));
    assert!(model.trunk.layers[1].linears().iter().all(|(_, linear)| linear.lora.is_some()));
    let dir = tempfile::tempdir().unwrap();
    save_adapter(&model, &lora, "tied", dir.path()).unwrap();
    let path = dir.path().join(AdapterFiles::CONFIG);
    let json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(json["target_modules"].as_array().unwrap().len(), 7);
    let read = read_adapter_settings(dir.path()).unwrap().lora;
    for lora in [&lora, &read] {
        load_adapter(base(), lora, dir.path()).unwrap();
    }
}

#[test]
fn patterns_that_cannot_be_followed_are_refused() {
    let error = |change: &dyn Fn(&mut LoraConfig)| {
        let target_modules = vec!["q_proj".to_owned()];
        let mut lora = LoraConfig { target_modules, ..LoraConfig::default() };
        change(&mut lora);
        base().with_lora(&lora, 0).unwrap_err().to_string()
    };
    let lines = [
        error(&|lora| lora.layers_to_transform = vec![0, 9]),
        error(&|lora| _ = lora.rank_pattern.insert("q_porj".into(), 2)),
        error(&|lora| {
            lora.layers_to_transform = vec![0];
            lora.alpha_pattern.insert("layers.1.self_attn.q_proj".into(), 2.0);
        }),
        error(&|lora| _ = lora.rank_pattern.insert("q_proj".into(), 0)),
        error(&|lora| _ = lora.rank_pattern.insert("q_.*".into(), 2)),
        error(&|lora| _ = lora.alpha_pattern.insert("q_proj".into(), f64::NAN)),
        error(&|lora| {
            lora.alpha_pattern.insert("q_proj".into(), 1.0);
            lora.alpha_pattern.insert("self_attn.q_proj".into(), 2.0);
        }),
    ];
    insta::assert_snapshot!(lines.join("\n"));
    // A whole path counts in every block, as in PEFT.
    let target_modules = vec!["model.layers.1.self_attn.q_proj".to_owned()];
    let layers_to_transform = vec![0];
    let lora = LoraConfig { target_modules, layers_to_transform, ..LoraConfig::default() };
    let model = base().with_lora(&lora, 0).unwrap();
    assert!(model.trunk.layers[1].linear("q_proj").unwrap().lora.is_some());
}

/// A copy of the adapter `default` with changed settings.
fn changed(change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in [AdapterFiles::CONFIG, AdapterFiles::WEIGHTS] {
        std::fs::copy(folder("default").join(file), dir.path().join(file)).unwrap();
    }
    let path = dir.path().join(AdapterFiles::CONFIG);
    let mut json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
    dir
}

#[test]
fn malformed_settings_are_refused() {
    let refusal = |key: &str, value: Value| {
        let dir = changed(|json| json[key] = value.clone());
        let read = read_adapter_settings(dir.path());
        let error = read
            .and_then(|settings| load_adapter(base(), &settings.lora, dir.path()))
            .unwrap_err()
            .to_string();
        error.replace(&dir.path().display().to_string(), "DIR")
    };
    let lines = [
        refusal("r", json!("4")),
        refusal("r", json!(0)),
        refusal("r", json!(1u64 << 40)),
        refusal("lora_alpha", json!("8")),
        refusal("lora_alpha", json!(1e300)),
        refusal("lora_dropout", json!("0.1")),
        refusal("target_modules", json!(null)),
        refusal("target_modules", json!([1])),
        refusal("target_modules", json!([])),
        refusal("target_modules", json!(["c_attn", "wte"])),
        refusal("base_model_name_or_path", json!(7)),
        refusal("init_lora_weights", json!("pissa_niter_16")),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn tensors_that_nothing_reads_are_named() {
    let dir = changed(|json| json["target_modules"] = json!(["q_proj"]));
    let settings = read_adapter_settings(dir.path()).unwrap();
    let error = load_adapter(base(), &settings.lora, dir.path()).unwrap_err().to_string();
    for layer in [0, 1] {
        for side in ["A", "B"] {
            let name = format!(
                "`base_model.model.model.layers.{layer}.self_attn.v_proj.lora_{side}.weight`"
            );
            assert!(error.contains(&name), "{error}");
        }
    }
}
