//! A small model folder to run verbs on.

#![allow(dead_code, reason = "not every test file uses every helper")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use whole_program::Sandbox;

/// Its words.
pub const WORDS: [&str; 14] = [
    "<|end|>",
    "[UNK]",
    "What",
    "is",
    "plus",
    "Open",
    "the",
    "?",
    "Human:",
    "Assistant:",
    "one",
    "two",
    "three",
    "No",
];

/// A sandbox with the folder `model` and rows. The weights are a tiny Llama that transformers
/// wrote for the tests of `seal-lm`; its tokenizer here knows whole words.
pub fn with_model() -> Sandbox {
    let sandbox = Sandbox::with_study(env!("CARGO_BIN_EXE_program"));
    let golden = "../crates/seal-lm/tests/golden/families/llama_tied";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    let model = sandbox.path().join("model");
    fs::create_dir(&model).unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(golden.join(name), model.join(name)).unwrap();
    }
    let vocab: serde_json::Map<String, Value> =
        WORDS.iter().enumerate().map(|(i, word)| ((*word).to_owned(), json!(i))).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [{"id": 0, "content": "<|end|>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}],
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
    });
    sandbox.write("model/tokenizer.json", &tokenizer.to_string());
    let template = "{% for m in messages %}{{ m.role }} {{ m.content }} {{ eos_token }}\n{% endfor %}\
                    {% if add_generation_prompt %}assistant {% endif %}";
    let config = json!({"eos_token": "<|end|>", "chat_template": template});
    sandbox.write("model/tokenizer_config.json", &config.to_string());
    sandbox
}

/// Runs the program, which must succeed, and gives what it prints.
pub fn run(sandbox: &Sandbox, args: &[&str]) -> String {
    let finished = sandbox.run(args);
    assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
    finished.stdout
}

/// JSON lines.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
