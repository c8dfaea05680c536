//! Folders that are no model.

use std::fs;

use crate::common::with_model as sandbox;

#[test]
fn bad_model_folders_are_refused() {
    let sandbox = sandbox();
    let score = ["score", "--model", "model", "--data", "train.jsonl"];
    let refused = |what: &str, code: i32| {
        let finished = sandbox.run(&score);
        assert_eq!(finished.code, Some(code), "{what}: {}", finished.stderr);
        assert!(finished.stderr.lines().count() == 1, "{what}: {}", finished.stderr);
        finished.stderr
    };
    let path = |name: &str| sandbox.path().join("model").join(name);
    fs::rename(path("tokenizer.json"), path("tokenizer.bak")).unwrap();
    assert!(refused("no tokenizer", 2).contains("tokenizer.json"));
    fs::rename(path("tokenizer.bak"), path("tokenizer.json")).unwrap();

    let weights = fs::read(path("model.safetensors")).unwrap();
    fs::write(path("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    assert!(refused("half a file", 3).contains("model.safetensors"));
    fs::write(path("model.safetensors"), &weights).unwrap();

    let config = sandbox.read("model/config.json");
    sandbox.write("model/config.json", &config.replace("\"llama\"", "\"gpt2\""));
    assert!(refused("another family", 3).contains("gpt2"));
    sandbox.write("model/config.json", &config.replace("\"silu\"", "\"relu6\""));
    assert!(refused("another activation", 3).contains("relu6"));
    sandbox.write("model/config.json", &config);

    let adapter = sandbox.run(&[&score[..], &["--adapter", "nowhere"]].concat());
    assert_eq!(adapter.code, Some(2), "{}", adapter.stderr);
    assert!(adapter.stderr.contains("adapter_config.json"), "{}", adapter.stderr);
}
