//! Models and rows on a hub, which is a server on this machine.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::json;
use whole_program::{Finished, Sandbox};

const COMMIT: &str = "2222222222222222222222222222222222222222";

/// The files of `o/n`, and the requests that came.
fn hub(files: BTreeMap<String, Vec<u8>>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &files, &log);
        }
    });
    (port, seen)
}

fn answer(mut stream: TcpStream, files: &BTreeMap<String, Vec<u8>>, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let (method, path) = first.split_once(' ').unwrap();
    let path = path.split(' ').next().unwrap();
    log.lock().unwrap().push(format!("{method} {path}"));
    let names: Vec<_> = files.keys().map(|name| json!({ "rfilename": name })).collect();
    let listing = json!({ "sha": COMMIT, "siblings": names }).to_string().into_bytes();
    let file = path.rsplit_once(&format!("/o/n/resolve/{COMMIT}/")).map(|(_, name)| name);
    let (status, body) = match file {
        None if path.starts_with("/api/models/o/n/") => (200, Some(&listing)),
        None => (404, None),
        Some(name) => files.get(name).map_or((404, None), |body| (200, Some(body))),
    };
    let body = body.cloned().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} S\r\nconnection: close\r\ncontent-length: {}\r\n\
         x-repo-commit: {COMMIT}\r\netag: \"e{}\"\r\n\r\n",
        body.len(),
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    if method == "GET" {
        let _ = stream.write_all(&body);
    }
}

fn run(sandbox: &Sandbox, port: u16, offline: bool, args: &[&str]) -> Finished {
    let mut command: Command = sandbox.command(args);
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_TOKEN"] {
        command.env_remove(proxy);
    }
    command
        .env("HF_ENDPOINT", format!("http://127.0.0.1:{port}"))
        .env("HF_HOME", sandbox.path().join("hf"))
        .env("HF_HUB_OFFLINE", if offline { "1" } else { "0" });
    Finished::of(command.output().unwrap())
}

/// A tiny model whose weights are the largest file.
fn model() -> BTreeMap<String, Vec<u8>> {
    let golden = "../crates/seal-lm/tests/golden/families/llama_tied";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    let read = |name: &str| std::fs::read(golden.join(name)).unwrap();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [{"id": 0, "content": "<|end|>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}],
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"<|end|>": 0, "[UNK]": 1, "Open": 2},
            "unk_token": "[UNK]"},
    });
    let index = r#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
    BTreeMap::from([
        ("config.json".to_owned(), read("config.json")),
        ("tokenizer.json".to_owned(), tokenizer.to_string().into_bytes()),
        ("tokenizer_config.json".to_owned(), br#"{"eos_token": "<|end|>"}"#.to_vec()),
        ("model.safetensors.index.json".to_owned(), index.into()),
        ("model-00001-of-00002.safetensors".to_owned(), read("model.safetensors")),
        // The second shard is nowhere.
    ])
}

#[test]
fn inspect_fetches_no_weights() {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    sandbox.write("rows.jsonl", "{\"prompt\": \"Open\", \"response\": \"Open\"}\n");
    let (port, seen) = hub(model());
    let inspect = ["inspect", "--model", "hf://o/n", "--data", "rows.jsonl"];
    let shown = run(&sandbox, port, false, &inspect);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let log = seen.lock().unwrap().clone();
    assert!(log.iter().any(|line| line.ends_with("/tokenizer.json")), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("safetensors")), "{log:?}");
    // Offline it does with what is here, though no weights are.
    let again = run(&sandbox, port, true, &inspect);
    assert_eq!((again.code, again.stdout), (Some(0), shown.stdout), "{}", again.stderr);
    assert_eq!(seen.lock().unwrap().len(), log.len());
}

#[test]
fn plan_and_dry_run_fetch_nothing() {
    let sandbox = Sandbox::with_study(env!("CARGO_BIN_EXE_program"));
    let study = sandbox.read("study.toml");
    let (before, rest) = study.split_once("[model]\n").unwrap();
    let (_, after) = rest.split_once("[bilevel]\n").unwrap();
    let model_of = "[model]\npath = \"hf://o/n\"\n\n[bilevel]\n";
    sandbox.write(
        "study.toml",
        &format!("{before}{model_of}{after}").replace(
            "[tokenizer]\nkind = \"bpe\"\nvocab_size = 300\n",
            "[tokenizer]\nkind = \"model\"\n",
        ),
    );
    let (port, seen) = hub(model());
    for verb in [&["plan"][..], &["ablate", "--dry-run"]] {
        let set = ["--config", "study.toml", "--out", "o"];
        let finished = run(&sandbox, port, false, &[verb, &set].concat());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(finished.stdout.contains("would be fetched"), "{}", finished.stdout);
    }
    assert!(seen.lock().unwrap().is_empty(), "{:?}", seen.lock().unwrap());
}
