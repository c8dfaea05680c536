//! Adapters: trained on, counted in half precision, of another model.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::common::{lines, run, with_model as sandbox};

/// As PEFT's `is_trainable`: the adapter itself is trained on.
#[test]
fn training_goes_on_from_an_adapter() {
    let sandbox = sandbox();
    let data = ["--model", "model", "--data", "train.jsonl"];
    let sft = |more: &[&str]| {
        let finished = sandbox.run(&[&["sft"][..], &data, more].concat());
        assert_eq!(finished.code, Some(0), "{more:?}: {}", finished.stderr);
        finished.stderr
    };
    sft(&[
        "--out",
        "one",
        "--set",
        "sft.lora.r=3",
        "--set",
        "sft.batch=8",
        "--set",
        "sft.optim.lr=0.01",
    ]);
    let still = ["--set", "sft.optim.lr=1e-9", "--set", "sft.epochs=1"];
    let said = sft(&[&["--out", "two", "--adapter", "one"][..], &still].concat());
    assert!(said.contains("training goes on from the adapter: rank 3,"), "{said}");
    let config = |folder: &str| sandbox.json(&format!("{folder}/adapter_config.json"));
    assert_eq!(config("two"), config("one"));
    assert_eq!(sandbox.json("two/seal-training.json")["adapter"], "one");
    let losses = |more: &[&str]| -> Vec<f64> {
        let rows = lines(&run(&sandbox, &[&["score"][..], &data, more].concat()));
        rows.iter().map(|row| row["nll"].as_f64().unwrap()).collect()
    };
    let (base, one, two) =
        (losses(&[]), losses(&["--adapter", "one"]), losses(&["--adapter", "two"]));
    let apart =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart(&one, &two) < 1e-4, "{}", apart(&one, &two));
    assert!(apart(&one, &base) > 1e-2, "{}", apart(&one, &base));
    let further = ["--out", "three", "--adapter", "one", "--set", "sft.batch=8"];
    sft(&[&further[..], &["--set", "sft.optim.lr=0.01"]].concat());
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let three = losses(&["--adapter", "three"]);
    assert!(mean(&three) < mean(&one) - 1e-3, "{} {}", mean(&three), mean(&one));
    let pickle = sandbox.path().join("three/adapter_model.bin");
    fs::rename(sandbox.path().join("three/adapter_model.safetensors"), pickle).unwrap();
    let refused = sandbox.run(&[&["score"][..], &data, &["--adapter", "three"]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("a pickle is not read"), "{}", refused.stderr);
}

/// Rounded into bf16 weights, or added to bf16 states, so small an adapter does nothing.
#[test]
fn a_small_adapter_counts_in_bf16_and_its_base_is_told() {
    let sandbox = sandbox();
    let data = ["--model", "model", "--data", "train.jsonl"];
    let small = ["--set", "sft.optim.lr=1e-4", "--set", "sft.epochs=1", "--out", "small"];
    run(&sandbox, &[&["sft"][..], &data, &small].concat());
    let losses = |more: &[&str]| -> Vec<f64> {
        let text = run(&sandbox, &[&["score"][..], &data, more].concat());
        lines(&text).iter().map(|line| line["nll"].as_f64().unwrap()).collect()
    };
    let change = |dtype: &str| -> Vec<f64> {
        let dtype = ["--set", dtype];
        let adapted = losses(&[&["--adapter", "small"][..], &dtype].concat());
        adapted.iter().zip(losses(&dtype)).map(|(a, b)| a - b).collect()
    };
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (full, half) = (change("dtype=f32"), change("dtype=bf16"));
    let apart: Vec<f64> = full.iter().zip(&half).map(|(a, b)| a - b).collect();
    assert!(norm(&full) > 0.0);
    // The bases differ: weights are rounded in one.
    assert!(norm(&apart) < 0.1 * norm(&full), "{full:?} {half:?}");

    let path = sandbox.path().join("small/adapter_config.json");
    let mut config = sandbox.json("small/adapter_config.json");
    let said = || {
        let score = ["score", "--adapter", "small"];
        let finished = sandbox.run(&[&score[..], &data].concat());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished.stderr
    };
    assert!(!said().contains("base_model_name_or_path"));
    config["base_model_name_or_path"] = json!("owner/another-7b");
    config["target_modules"] = json!(["q_proj", "v_proj", "c_attn"]);
    fs::write(&path, config.to_string()).unwrap();
    let notices = said();
    assert!(notices.contains("\"owner/another-7b\" (base_model_name_or_path)"), "{notices}");
    assert!(notices.contains("names [\"c_attn\"], which no layer"), "{notices}");
    config["use_dora"] = json!(true);
    fs::write(&path, config.to_string()).unwrap();
    let refused = sandbox.run(&[&["score", "--adapter", "small"][..], &data].concat());
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("use_dora = true"), "{}", refused.stderr);
}

#[test]
fn an_adapter_on_a_model_of_other_sizes_is_refused_with_the_model_that_it_names() {
    let sandbox = sandbox();
    let short = ["sft.epochs=1", "sft.batch=8", "sft.lora.r=2"].map(|set| ["--set", set]).concat();
    let tune = ["sft", "--model", "model", "--data", "train.jsonl", "--out", "one"];
    run(&sandbox, &[&tune[..], &short].concat());
    // A Llama of half the width, under another name.
    let golden = "../crates/seal-lm/tests/golden/judges/llama";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    fs::create_dir(sandbox.path().join("other")).unwrap();
    for entry in fs::read_dir(golden).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), sandbox.path().join("other").join(entry.file_name())).unwrap();
    }
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(sandbox.path().join("model").join(name), sandbox.path().join("other").join(name))
            .unwrap();
    }
    let score = ["score", "--model", "other", "--adapter", "one", "--data", "train.jsonl"];
    let refused = sandbox.run(&score);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let base = sandbox.json("one/adapter_config.json")["base_model_name_or_path"].clone();
    let said = format!(
        "; the adapter was made for {base} (base_model_name_or_path in one/adapter_config.json), and \
         the model is other: put it on the model that it was made for"
    );
    assert!(refused.stderr.contains(&said), "{}", refused.stderr);
}
