//! Whole models.

use seal_hub::{HubError, Silent};

use crate::server::{COMMIT, Server, Stored, address, large, listing, small};

const MODEL: &str = "hf://o/n";
const INDEX: &str = r#"{"metadata": {}, "weight_map": {
    "a.weight": "model-00001-of-00002.safetensors",
    "b.weight": "model-00002-of-00002.safetensors",
    "c.weight": "model-00001-of-00002.safetensors"}}"#;

fn files() -> Vec<(&'static str, Stored)> {
    vec![
        ("config.json", small("{}")),
        ("tokenizer.json", small("{ }")),
        ("generation_config.json", small("{  }")),
        ("chat_template.jinja", small("{{ x }}")),
        ("model.safetensors.index.json", small(INDEX)),
        ("model-00001-of-00002.safetensors", large(1, 70_000)),
        ("model-00002-of-00002.safetensors", large(2, 80_000)),
        ("pytorch_model.bin", large(3, 10)),
        ("modeling_custom.py", small("import os")),
        ("onnx/model.safetensors", large(4, 10)),
    ]
}

#[test]
fn a_sharded_model_is_loaded_whole_and_without_the_rest() {
    let server = Server::new(&files());
    let model = server.hub().model(&address(MODEL), &Silent).unwrap();
    assert!(model.loaded);
    assert_eq!(model.commit(), COMMIT);
    assert_eq!(
        model.files,
        [
            "config.json",
            "chat_template.jinja",
            "generation_config.json",
            "tokenizer.json",
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ]
    );
    let mut found: Vec<String> = std::fs::read_dir(&model.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut wanted = model.files.clone();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let shard = std::fs::read(model.folder.join("model-00002-of-00002.safetensors")).unwrap();
    assert_eq!(shard, large(2, 80_000).bytes);
    // A branch costs one request from then on, a commit none, offline none.
    server.forget();
    let again = server.hub().model(&address(MODEL), &Silent).unwrap();
    assert_eq!((again.loaded, &again.files), (false, &model.files));
    assert_eq!(server.log(), ["GET /api/models/o/n/revision/main"]);
    server.forget();
    assert_eq!(server.hub().model(&model.pinned, &Silent).unwrap(), again);
    let offline = server.hub_with(|s| s.offline = true);
    assert_eq!(offline.model(&address(MODEL), &Silent).unwrap(), again);
    assert!(server.log().is_empty(), "{:?}", server.log());
    // One shard short is not a model.
    std::fs::remove_file(model.folder.join("model-00002-of-00002.safetensors")).unwrap();
    let e = offline.model(&address(MODEL), &Silent).unwrap_err();
    assert!(e.to_string().contains("does not hold model-00002-of-00002.safetensors"), "{e}");
}

#[test]
fn one_file_of_weights_goes_before_shards() {
    let mut files = files();
    files.push(("model.safetensors", large(5, 100)));
    let server = Server::new(&files);
    let model = server.hub().model(&address(MODEL), &Silent).unwrap();
    assert_eq!(model.files.last().unwrap(), "model.safetensors");
    assert!(!model.files.iter().any(|name| name.contains("-of-")), "{:?}", model.files);
}

#[test]
fn what_is_no_model_is_refused() {
    for (kept, missing) in
        [("pytorch_model.bin", "no config.json"), ("config.json", "no model.safetensors")]
    {
        let files: Vec<_> = files().into_iter().filter(|(name, _)| *name == kept).collect();
        let e = Server::new(&files).hub().model(&address(MODEL), &Silent).unwrap_err();
        assert!(matches!(e, HubError::NotAModel { .. }) && e.to_string().contains(missing), "{e}");
    }
    let server = Server::new(&files());
    for text in ["hf://datasets/o/n", "hf://o/n/config.json"] {
        let e = server.hub().model(&address(text), &Silent).unwrap_err();
        assert!(matches!(e, HubError::Use { .. }), "{e}");
    }
    let e = server.hub().file(&address(MODEL), &Silent).unwrap_err();
    assert!(e.to_string().contains("add the path of a file"), "{e}");
}

#[test]
fn hostile_names_are_refused_before_anything_is_written() {
    for name in ["../x", "/etc/x", "a/../../x", "a\\b", "C:/x", "a//b", "./x", ""] {
        let server = Server::hooked(&files(), move |request, _| {
            request.path.starts_with("/api/").then(|| listing(["config.json", name].into_iter()))
        });
        let e = server.hub().model(&address(MODEL), &Silent).unwrap_err();
        assert!(matches!(e, HubError::HostileName { .. }) && !e.is_retryable(), "{name}: {e}");
        assert!(!server.cache.path().join("hub").exists(), "{name}");
    }
    // In the index of the weights too.
    let index = r#"{"weight_map": {"a": "../../../../x.safetensors"}}"#;
    let mut files = files();
    files.retain(|(name, _)| *name != "model.safetensors.index.json");
    files.push(("model.safetensors.index.json", small(index)));
    let e = Server::new(&files).hub().model(&address(MODEL), &Silent).unwrap_err();
    assert!(matches!(e, HubError::HostileName { .. }), "{e}");
}

#[test]
fn a_listing_names_its_commit() {
    let server = Server::new(&files());
    let listing = server.hub().list(&address(MODEL), &Silent).unwrap();
    assert_eq!((listing.commit.as_str(), listing.files.len()), (COMMIT, 10));
    let e = server.hub_with(|s| s.offline = true).list(&address(MODEL), &Silent).unwrap_err();
    assert!(matches!(e, HubError::Offline { .. }), "{e}");
}

#[test]
fn a_tokenizer_needs_no_weights() {
    let server = Server::new(&files());
    let model = server.hub().tokenizer(&address(MODEL), &Silent).unwrap();
    assert!(model.loaded && model.files.contains(&"chat_template.jinja".to_owned()));
    let log = server.log();
    assert!(
        !log.iter().any(|line| line.contains("safetensors") || line.contains("/store/")),
        "{log:?}"
    );
    // Offline it is found where weights are missing, and the whole model is not.
    let offline = server.hub_with(|s| s.offline = true);
    let again = offline.tokenizer(&address(MODEL), &Silent).unwrap();
    assert_eq!((again.folder, again.loaded), (model.folder, false));
    let e = offline.model(&address(MODEL), &Silent).unwrap_err();
    assert!(e.to_string().contains("does not hold model.safetensors"), "{e}");
    // A repository without weights in a known format has a tokenizer all the same.
    let mut files = files();
    files.retain(|(name, _)| !name.contains("safetensors"));
    Server::new(&files).hub().tokenizer(&address(MODEL), &Silent).unwrap();
}
