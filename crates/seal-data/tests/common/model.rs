//! A small model folder: a byte-level BPE of 280 entries, with ChatML's special
//! tokens as 280 and 281.

use seal_data::{Rows, TextTokenizer};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with the small `tokenizer.json` and `files`.
pub fn folder(files: &[(&str, Value)]) -> TempDir {
    let mut rows = Rows::new();
    for _ in 0..3 {
        rows.push("how do i clean a lamp?", "you clean a lamp with a cloth and water, slowly");
    }
    let rows = rows.into_vec();
    let json = TextTokenizer::train_bpe(&rows, 280).unwrap().to_json().unwrap();
    let mut json: Value = serde_json::from_str(&json).unwrap();
    for (id, token) in (280..).zip(["<|im_start|>", "<|im_end|>"]) {
        json["added_tokens"].as_array_mut().unwrap().push(json!({
            "id": id, "content": token, "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        }));
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), json.to_string()).unwrap();
    for (name, value) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value.as_str().map_or(value.to_string(), str::to_owned)).unwrap();
    }
    dir
}
