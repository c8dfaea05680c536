//! Weights on disk: round trips and refusals.

mod common;

use std::path::Path;

use common::{cpu, leaves, model};
use safetensors::{Dtype, SafeTensors};
use seal_lm::{Lm, LmConfig, load_model, load_weights, save_weights};

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
    let error = refusal(&shallower, dir.path());
    let tensors = [
        "input_layernorm",
        "post_attention_layernorm",
        "self_attn.q_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
        "self_attn.o_proj",
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.down_proj",
    ];
    for tensor in tensors {
        assert!(error.contains(&format!("`model.layers.1.{tensor}.weight`")), "{error}");
    }
}

/// A folder whose config ties the output layer, with `head` in its file.
fn tied_with(head: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    save_weights(&model(&common::config(), 5, &cpu()), dir.path()).unwrap();
    let path = dir.path().join(FILE);
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut values = file.tensor("model.embed_tokens.weight").unwrap().data().to_vec();
    head(&mut values);
    let shape = vec![101, 32];
    let head = safetensors::tensor::TensorView::new(Dtype::F32, shape, &values).unwrap();
    let tensors = file.iter().chain([("lm_head.weight", head)]);
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    dir
}

#[test]
fn a_repeated_tied_embedding_is_no_mistake() {
    let dir = tied_with(|_| ());
    let (model, report) = load_model(dir.path(), &cpu()).unwrap();
    assert!(model.lm_head.is_none());
    assert_eq!((report.notices.len(), report.ignored), (0, vec!["lm_head.weight".to_owned()]));
}

#[test]
fn a_head_that_differs_from_the_embedding_it_is_tied_to_is_used_and_told() {
    let dir = tied_with(|values| values[..4].copy_from_slice(&7f32.to_le_bytes()));
    let (model, report) = load_model(dir.path(), &cpu()).unwrap();
    assert!(model.lm_head.is_some() && !model.config().tie_word_embeddings);
    assert!(report.loaded.contains(&"lm_head.weight".to_owned()));
    let [notice] = &report.notices[..] else { panic!("{:?}", report.notices) };
    assert!(notice.contains("`lm_head.weight` differs from the embedding"), "{notice}");
    // What is saved says the same to every reader.
    let again = tempfile::tempdir().unwrap();
    save_weights(&model, again.path()).unwrap();
    let text = std::fs::read_to_string(again.path().join("config.json")).unwrap();
    assert!(text.contains("\"tie_word_embeddings\": false"), "{text}");
    let (back, report) = load_model(again.path(), &cpu()).unwrap();
    assert_eq!(report.notices.len(), 0);
    for (a, b) in leaves(&model, None).iter().zip(leaves(&back, None)) {
        assert_eq!((&a.name, &a.value), (&b.name, &b.value));
    }
}

#[test]
fn a_write_that_is_cut_off_leaves_what_was_there() {
    let (dir, model) = saved(&common::config());
    let before = std::fs::read(dir.path().join(FILE)).unwrap();
    // Nothing can be renamed over a folder, so the last step of writing fails.
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join(FILE)).unwrap();
    save_weights(&model, other.path()).unwrap_err();
    let names = std::fs::read_dir(other.path()).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), [FILE], "no config.json, nothing half-written");
    // Over an older model: whole at every moment, and no other name is left.
    save_weights(&model, dir.path()).unwrap();
    assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn huge_shapes_are_refused_by_name() {
    type Set = fn(&mut LmConfig, usize);
    let sizes: [(&str, Set); 6] = [
        ("hidden_size", |c, n| c.hidden_size = n),
        ("num_hidden_layers", |c, n| c.num_hidden_layers = n),
        ("num_attention_heads", |c, n| c.num_attention_heads = n),
        ("intermediate_size", |c, n| c.intermediate_size = n),
        ("vocab_size", |c, n| c.vocab_size = n),
        ("head_dim", |c, n| c.architecture.head_dim = Some(n)),
    ];
    for (name, set) in sizes {
        for n in [usize::MAX, 1 << 63, (1 << 31) + 4, 1 << 31] {
            let mut config = common::config();
            set(&mut config, n);
            let error = Lm::init(&config, 0, &cpu()).unwrap_err().to_string();
            assert!(error.contains(name), "{name} {n}: {error}");
        }
    }
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
