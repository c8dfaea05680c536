//! Weights on disk: round trips and refusals.

mod common;

use std::path::Path;

use common::{cpu, leaves, model};
use safetensors::{Dtype, SafeTensors};
use seal_lm::{Lm, LmConfig, load_weights, save_weights};

const FILE: &str = "model.safetensors";

fn untied() -> LmConfig {
    LmConfig { tie_word_embeddings: false, ..common::config() }
}

fn saved(config: &LmConfig) -> (tempfile::TempDir, Lm) {
    let dir = tempfile::tempdir().unwrap();
    let model = model(config, 5, &cpu());
    save_weights(&model, dir.path()).unwrap();
    (dir, model)
}

/// The message for `dir`, without the folder's name.
fn refusal(config: &LmConfig, dir: &Path) -> String {
    let error = load_weights(config, dir, &cpu()).unwrap_err().to_string();
    error.replace(&dir.display().to_string(), "DIR")
}

#[test]
fn weights_survive_to_the_last_bit() {
    for config in [common::config(), untied()] {
        let (dir, model) = saved(&config);
        let back = load_weights(&config, dir.path(), &cpu()).unwrap();
        assert_eq!(back.config(), &config);
        for (a, b) in leaves(&model, None).iter().zip(leaves(&back, None)) {
            assert_eq!((&a.name, &a.value), (&b.name, &b.value));
        }
        let again = tempfile::tempdir().unwrap();
        save_weights(&back, again.path()).unwrap();
        for file in [FILE, "config.json"] {
            let [a, b] = [&dir, &again].map(|d| std::fs::read(d.path().join(file)).unwrap());
            assert_eq!(a, b, "{file}");
        }
    }
}

#[test]
fn names_and_shapes_are_those_of_hugging_face() {
    let (dir, _) = saved(&untied());
    let bytes = std::fs::read(dir.path().join(FILE)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let listing: Vec<String> = file
        .iter()
        .filter(|(name, _)| !name.contains("layers.1"))
        .map(|(name, view)| format!("{name} {:?} {:?}", view.dtype(), view.shape()))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    insta::assert_snapshot!(listing.join("\n"));
    insta::assert_snapshot!(std::fs::read_to_string(dir.path().join("config.json")).unwrap());
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(refusal(&common::config(), dir.path()), @"DIR: neither model.safetensors nor model.safetensors.index.json is in the folder");
}

#[test]
fn a_missing_tensor_is_named() {
    let (dir, _) = saved(&common::config());
    insta::assert_snapshot!(refusal(&untied(), dir.path()), @"DIR/model.safetensors: no tensor `lm_head.weight`, which the config asks for");
}

#[test]
fn a_wrong_shape_is_named_with_both_shapes() {
    let (dir, _) = saved(&common::config());
    let wider = LmConfig { intermediate_size: 38, ..common::config() };
    insta::assert_snapshot!(refusal(&wider, dir.path()), @"DIR/model.safetensors: tensor `model.layers.0.mlp.gate_proj.weight` is F32 [37, 32], the model wants F32 [38, 32]");
}

#[test]
fn a_tensor_without_a_place_is_named() {
    let (dir, _) = saved(&common::config());
    let shallower = LmConfig { num_hidden_layers: 1, ..common::config() };
    insta::assert_snapshot!(refusal(&shallower, dir.path()), @"DIR/model.safetensors: holds 9 tensors that the model has no place for, such as `model.layers.1.input_layernorm.weight`: does the config describe this model?");
}

#[test]
fn a_repeated_tied_embedding_is_no_mistake() {
    let (dir, _) = saved(&untied());
    load_weights(&common::config(), dir.path(), &cpu()).unwrap();
}

#[test]
fn a_truncated_file_is_refused() {
    let (dir, _) = saved(&common::config());
    let path = dir.path().join(FILE);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    insta::assert_snapshot!(refusal(&common::config(), dir.path()), @"DIR/model.safetensors: not a whole safetensors file (tensor `model.norm.weight` ends 1 bytes after the end of the file); copy or write it again");
    std::fs::write(&path, &bytes[..7]).unwrap();
    insta::assert_snapshot!(refusal(&common::config(), dir.path()), @"DIR/model.safetensors: not a whole safetensors file (7 bytes, the length of the header alone takes 8); copy or write it again");
    std::fs::write(&path, b"").unwrap();
    insta::assert_snapshot!(refusal(&common::config(), dir.path()), @"DIR/model.safetensors: not a whole safetensors file (0 bytes, the length of the header alone takes 8); copy or write it again");
}

/// The saved file with every tensor as zeros of another type.
fn retyped(dtype: Dtype, bytes: usize) -> tempfile::TempDir {
    let (dir, _) = saved(&common::config());
    let path = dir.path().join(FILE);
    let old = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&old).unwrap();
    let zeros = vec![0u8; 101 * 32 * bytes];
    let tensors = file.iter().map(|(name, view)| {
        let n = view.data().len() / 4 * bytes;
        let other = safetensors::tensor::TensorView::new(dtype, view.shape().to_vec(), &zeros[..n]);
        (name.to_owned(), other.unwrap())
    });
    let other = safetensors::serialize(tensors.collect::<Vec<_>>(), None).unwrap();
    std::fs::write(&path, other).unwrap();
    dir
}

#[test]
fn another_number_format_is_refused() {
    let dir = retyped(Dtype::I32, 4);
    insta::assert_snapshot!(refusal(&common::config(), dir.path()), @"DIR/model.safetensors: tensor `model.embed_tokens.weight` is I32 [101, 32], the model wants F32, F16 or BF16 [101, 32]");
    for half in [Dtype::F16, Dtype::BF16] {
        load_weights(&common::config(), retyped(half, 2).path(), &cpu()).unwrap();
    }
}
