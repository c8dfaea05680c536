//! `select`: a selector as a file, its trace, and a published one.

#![allow(clippy::print_stdout, reason = "skipped tests are counted by what they print")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use whole_program::Sandbox;

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

fn lines(sandbox: &Sandbox, file: &str) -> Vec<Value> {
    sandbox.read(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_traced_selector_is_the_studys_own() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let found = ["select", "--config", "study.toml", "--out", "out", "--file", "found.jsonl"];
    let stored = sandbox.run(&found);
    assert_eq!(stored.code, Some(0), "{}", stored.stderr);
    assert!(stored.stdout.contains("rows 40\nkept 32\n"), "{}", stored.stdout);
    assert!(stored.stdout.contains("\nauroc "), "{}", stored.stdout);

    let mut args = found.to_vec();
    args[6] = "traced.jsonl";
    args.extend(["--trace", "trace.jsonl", "--trace-state", "3"]);
    let traced = sandbox.run(&args);
    assert_eq!(traced.code, Some(0), "{}", traced.stderr);
    assert_eq!(sandbox.read("traced.jsonl"), sandbox.read("found.jsonl"));

    // Every row of D is visited once an epoch, and the trace ends where the
    // selector does.
    let trace = lines(&sandbox, "trace.jsonl");
    let of = |kind: &str| trace.iter().filter(|l| l["kind"] == kind).collect::<Vec<_>>();
    let start = of("start")[0];
    let steps = of("step");
    assert_eq!(start["steps"], steps.len());
    let mut visits: BTreeMap<(u64, &str), u32> = BTreeMap::new();
    for step in &steps {
        for id in step["ids"].as_array().unwrap() {
            let epoch = step["epoch"].as_u64().unwrap();
            *visits.entry((epoch, id.as_str().unwrap())).or_default() += 1;
        }
    }
    let epochs = steps.last().unwrap()["epoch"].as_u64().unwrap() as usize;
    assert_eq!(visits.len(), 40 * epochs);
    assert!(visits.values().all(|n| *n == 1));
    let omega: BTreeMap<String, f64> = lines(&sandbox, "found.jsonl")[1..]
        .iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row["omega"].as_f64().unwrap()))
        .collect();
    let end = of("end")[0]["omega"].as_object().unwrap();
    assert_eq!(end.len(), omega.len());
    assert!(end.iter().all(|(id, w)| w.as_f64() == Some(omega[id])));
    for file in ["theta.before.safetensors", "theta.after.safetensors", "omega.before.json"] {
        let path = sandbox.path().join("trace.states/step-000003").join(file);
        assert!(path.exists(), "{file}");
    }
}

#[test]
fn an_arm_without_a_selector_is_an_error_that_lists_the_others() {
    let sandbox = study();
    let args = ["select", "--config", "study.toml", "--out", "out", "--arm", "no-unsafe"];
    insta::assert_snapshot!(sandbox.run(&args).error(), @"
    exit 2
    error: --arm: `no-unsafe` is no arm that trains a selector; such arms are: seal, gamma-0.1
    ");
}

/// Runs `select --import` with `args` and gives what it prints.
fn import(sandbox: &Sandbox, file: &Path, args: &[&str]) -> String {
    let file = file.display().to_string();
    let all = [&["select", "--import", &file], args].concat();
    let finished = sandbox.run(&all);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.stdout
}

/// A tokenizer that counts words.
const WORDS: &str = r#"{"version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"},
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;

#[test]
fn a_published_selector_goes_back_to_its_rows() {
    let golden = "../crates/seal-select/tests/golden/checkpoint/tensor.pt";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let plain = import(&sandbox, &golden, &[]);
    let logits: usize = plain
        .lines()
        .find_map(|line| line.strip_prefix("logits ")?.parse().ok())
        .expect("the number of logits is said");
    // Two rows of the file were dropped before training.
    sandbox.write("dropped.txt", "1\n3\n");
    let rows: Vec<String> = (0..logits + 2)
        .map(|i| format!("{{\"prompt\": \"row {i}\", \"response\": \"answer {i}\"}}"))
        .collect();
    sandbox.write("rows.jsonl", &rows.join("\n"));
    let args = ["--dropped", "dropped.txt", "--data", "rows.jsonl", "--file", "out.jsonl"];
    let mapped = import(&sandbox, &golden, &args);
    assert!(mapped.contains(&format!("rows {}\n", logits + 2)), "{mapped}");
    let written = lines(&sandbox, "out.jsonl");
    assert_eq!(written.len(), 1 + logits);
    assert_eq!(written[0]["method"], "published");

    // The same rows, found by the published filter: of too many words, and empty.
    let mut unfiltered = rows.clone();
    unfiltered[1] = format!("{{\"prompt\": \"{}\", \"response\": \"x\"}}", "word ".repeat(2046));
    unfiltered[3] = "{\"prompt\": \"\", \"response\": \"x\"}".to_owned();
    sandbox.write("unfiltered.jsonl", &unfiltered.join("\n"));
    sandbox.write("tokenizer.json", WORDS);
    let by_tokenizer =
        ["--tokenizer", "tokenizer.json", "--data", "unfiltered.jsonl", "--file", "found.jsonl"];
    import(&sandbox, &golden, &by_tokenizer);
    assert_eq!(lines(&sandbox, "found.jsonl"), written);
    // Parquet begins with its magic bytes.
    import(&sandbox, &golden, &[&args[..5], &["out.parquet"]].concat());
    let parquet = std::fs::read(sandbox.path().join("out.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1"));

    // A part of a file has no place for each row.
    let part = format!("{{ path = \"rows.jsonl\", take = {logits} }}");
    let file = golden.display().to_string();
    let refused = sandbox.run(&["select", "--import", &file, "--data", &part]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);

    sandbox.write("rows.jsonl", &rows[1..].join("\n"));
    let refused = sandbox.run(&[&["select", "--import", &file], &args[..]].concat());
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("give the unfiltered file"), "{}", refused.stderr);
}

#[test]
fn the_published_selectors_rank_as_measured() {
    let Some(data) = std::env::var_os("SEAL_DATA") else {
        println!("skipped: the_published_selectors_rank_as_measured needs SEAL_DATA");
        return;
    };
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let file = Path::new(&data).join("seal_selectors/seal_selector_llama3.pt");
    let printed = import(&sandbox, &file, &["--unsafe-rows", "0..22393"]);
    insta::assert_snapshot!(printed, @"
    name llama3_softmax
    logits 111900
    rows 111900
    auroc 0.8946
    unsafe_kept@20 0.025
    unsafe_kept@40 0.089
    unsafe_kept@60 0.143
    unsafe_kept@80 0.252
    unsafe_kept@90 0.523
    ");
    let json = import(&sandbox, &file, &["--unsafe-rows", "0..22393", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!((json["auroc"].as_f64().unwrap() - 0.894_561_475_637_779).abs() < 1e-12);
    assert_eq!(json["unsafe_kept"].as_object().unwrap().len(), 5);
}
