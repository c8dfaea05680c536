//! Files that are damaged or made to do harm: an error with file, place and
//! remedy, never a panic and never another model.

mod common;

use std::path::Path;

use common::families::folder;
use common::{cpu, model};
use proptest::prelude::*;
use seal_lm::{Lm, LmConfig, load_model, load_weights, save_weights};
use serde_json::json;

const FILE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A folder with `bytes` as its weights.
fn with_bytes(bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), bytes).unwrap();
    dir
}

/// A file of `header` and `data`.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// A small shape; the files below do not get as far as to be compared with it.
fn tiny() -> LmConfig {
    LmConfig { vocab_size: 2, num_hidden_layers: 1, ..common::config() }
}

fn message(config: &LmConfig, dir: &Path) -> String {
    let error = load_weights(config, dir, &cpu()).unwrap_err().to_string();
    error.replace(&dir.display().to_string(), "DIR")
}

#[test]
fn headers_that_lie() {
    let claims = |n: u64| [&n.to_le_bytes(), b"{}".as_slice()].concat();
    let one = |entry: &str| file(&format!("{{\"a\":{entry}}}"), &[0; 8]);
    let two = |a: &str, b: &str| file(&format!("{{\"a\":{a},\"b\":{b}}}"), &[0; 8]);
    let f32s = |from: u64, to: u64| {
        let n = (to - from) / 4;
        format!("{{\"dtype\":\"F32\",\"shape\":[{n}],\"data_offsets\":[{from},{to}]}}")
    };
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("beyond the format", claims(100_000_001)),
        ("all ones", claims(u64::MAX)),
        ("beyond the file", claims(3)),
        ("no JSON", file("{\"a\":", &[])),
        ("no table", file("[1,2]", &[])),
        ("nested", file(&deep, &[])),
        ("a name twice", file(&format!("{{\"a\":{0},\"a\":{0}}}", f32s(0, 4)), &[0; 4])),
        ("overlap", two(&f32s(0, 8), &f32s(4, 8))),
        ("same place", two(&f32s(0, 8), &f32s(0, 8))),
        ("gap", two(&f32s(0, 4), "{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[5,8]}")),
        ("rest", one(&f32s(0, 4))),
        ("too short", one(&f32s(0, 12))),
        ("backwards", one("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]}")),
        (
            "overflow",
            one("{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}"),
        ),
        ("other size", one("{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}")),
        ("negative", one("{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}")),
    ];
    let lines: Vec<String> = cases
        .into_iter()
        .map(|(what, bytes)| format!("{what}: {}", message(&tiny(), with_bytes(&bytes).path())))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_header_as_long_as_the_format_allows_is_read_and_refused() {
    // The file is sparse: 100 MB of zeros that take no room.
    let dir = with_bytes(&100_000_000u64.to_le_bytes());
    let path = dir.path().join(FILE);
    std::fs::File::options().write(true).open(&path).unwrap().set_len(100_000_008).unwrap();
    assert!(message(&tiny(), dir.path()).contains("no table of tensors"));
}

/// A saved model, and the place of the last number of its file.
fn saved() -> (tempfile::TempDir, LmConfig) {
    let dir = tempfile::tempdir().unwrap();
    let config = common::config();
    save_weights(&model(&config, 5, &cpu()), dir.path()).unwrap();
    (dir, config)
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let (dir, config) = saved();
        let path = dir.path().join(FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&value.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(
            message(&config, dir.path()),
            format!(
                "DIR/model.safetensors: tensor `model.norm.weight` holds {shown} at place 31: the \
                 file is damaged or the training that wrote it diverged"
            )
        );
    }
}

#[test]
fn pickled_weights_come_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pytorch_model.bin"), b"PK").unwrap();
    let message = message(&tiny(), dir.path());
    assert!(message.starts_with("DIR: no model.safetensors, but `pytorch_model.bin`"), "{message}");
    assert!(message.contains("save_pretrained('OUT', safe_serialization=True)"), "{message}");
}

#[test]
fn files_that_stand_for_others_are_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1234\n";
    let refused = |dir: &Path, file: &str| {
        std::fs::write(dir.join(file), pointer).unwrap();
        let error = load_model(dir, &cpu()).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("Git LFS pointer"), "{error}");
    };
    refused(saved().0.path(), FILE);
    refused(saved().0.path(), "config.json");
    let (dir, _) = sharded();
    refused(dir.path(), "model-00002-of-00002.safetensors");
    refused(dir.path(), INDEX);
    let adapter = tempfile::tempdir().unwrap();
    std::fs::write(adapter.path().join("adapter_config.json"), pointer).unwrap();
    let error = seal_lm::read_adapter_settings(adapter.path()).unwrap_err().to_string();
    assert!(error.contains("Git LFS pointer"), "{error}");
    // Another text in the place of a file, such as a page of a web server.
    let page = message(&tiny(), with_bytes(b"<!DOCTYPE html><html>").path());
    assert!(page.contains("it begins with the text `<!DOCTYP`"), "{page}");
}

#[test]
fn shards_without_their_index_are_named() {
    let (dir, _) = sharded();
    std::fs::remove_file(dir.path().join(INDEX)).unwrap();
    let message = sharded_message(dir.path());
    assert!(
        message.contains("of-00002.safetensors` is there, but model.safetensors.index.json"),
        "{message}"
    );
    let (dir, _) = sharded();
    std::fs::write(dir.path().join(INDEX), r#"{"weight_map": {}}"#).unwrap();
    assert!(sharded_message(dir.path()).contains("names no tensor"));
}

/// The sharded model, copied, so that parts can be broken.
fn sharded() -> (tempfile::TempDir, serde_json::Value) {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder("llama_sharded")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let text = std::fs::read_to_string(dir.path().join(INDEX)).unwrap();
    (dir, serde_json::from_str(&text).unwrap())
}

fn sharded_message(dir: &Path) -> String {
    let error = load_model(dir, &cpu()).unwrap_err().to_string();
    error.replace(&dir.display().to_string(), "DIR")
}

#[test]
fn shards_that_do_not_fit_their_index() {
    const SECOND: &str = "model-00002-of-00002.safetensors";
    let (dir, _) = sharded();
    std::fs::remove_file(dir.path().join(SECOND)).unwrap();
    insta::assert_snapshot!(sharded_message(dir.path()), @"DIR/model.safetensors.index.json: shard `model-00002-of-00002.safetensors` is not in the folder: the download is not complete");

    let (dir, _) = sharded();
    std::fs::copy(dir.path().join("model-00001-of-00002.safetensors"), dir.path().join(SECOND))
        .unwrap();
    assert!(
        sharded_message(dir.path()).contains("is in `model-00002-of-00002.safetensors` and in")
    );

    let changed = |change: fn(&mut serde_json::Value)| {
        let (dir, mut index) = sharded();
        change(&mut index["weight_map"]);
        std::fs::write(dir.path().join(INDEX), index.to_string()).unwrap();
        sharded_message(dir.path())
    };
    insta::assert_snapshot!(changed(|map| map["model.norm.weight"] = json!("../model.safetensors")), @r#"DIR/model.safetensors.index.json: shard "../model.safetensors" is no file name"#);
    insta::assert_snapshot!(changed(|map| map["model.norm.weight"] = json!("model-00001-of-00002.safetensors")), @"DIR/model.safetensors.index.json: tensor `model.norm.weight` is not in `model-00001-of-00002.safetensors`: index and shards are of different downloads");
    insta::assert_snapshot!(changed(|map| map["more"] = json!(SECOND)), @"DIR/model.safetensors.index.json: tensor `more` is not in `model-00002-of-00002.safetensors`: index and shards are of different downloads");
    assert!(changed(|map| *map = json!([1])).contains("invalid type"));
}

#[test]
fn tokens_outside_the_vocabulary_are_refused() {
    let model = Lm::init(&common::config(), 0, &cpu()).unwrap();
    model.check_tokens([0, 100].into_iter()).unwrap();
    let error = model.check_tokens([5, 101].into_iter()).unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"token id 101 is outside the model's vocabulary of 101: do tokenizer and model belong together?");
}

#[test]
#[should_panic(expected = "token id 103 is outside the model's vocabulary of 101")]
fn a_pass_over_unknown_tokens_says_so() {
    let rows = common::examples(104, 0, &[(60, 1)]);
    let mut row = rows[0].clone();
    row.tokens[3] = 103;
    let model = Lm::init(&common::config(), 0, &cpu()).unwrap();
    model.hidden(&common::batch(&[row], None), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever bytes change, and wherever the file is cut, loading ends with a
    /// model or an error.
    #[test]
    fn no_damage_panics(
        changes in prop::collection::vec((0usize..4000, any::<u8>()), 0..4),
        cut in prop::option::of(0usize..60_000),
    ) {
        let (dir, config) = saved();
        let path = dir.path().join(FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        std::fs::write(&path, bytes).unwrap();
        if let Err(error) = load_weights(&config, dir.path(), &cpu()) {
            prop_assert!(error.to_string().contains(FILE), "{error}");
        }
    }
}
