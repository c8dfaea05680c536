//! Results and figures do not depend on what the store still has.

use std::fs;
use std::path::Path;

use crate::tiny;

/// The bytes of results and figures.
fn written(out: &Path) -> [Vec<u8>; 3] {
    ["results.json", "figures.json", "results.csv"].map(|name| fs::read(out.join(name)).unwrap())
}

/// A file of each entry of a stage.
fn of_entries(out: &Path, stage: &str, name: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(out.join("store").join(stage)).unwrap();
    entries.map(|entry| entry.unwrap().path().join(name)).collect()
}

#[test]
fn answers_and_models_that_are_gone_take_no_figure_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = tiny::source(dir.path());
    // The judge of this test reads answers, and labels.
    let ask = |i: usize| format!("{{\"prompt\": \"Open locked box {i}.\", \"unsafe\": true}}\n");
    fs::write(dir.path().join("asks.jsonl"), ask(305) + &ask(310)).unwrap();
    source.set.push("judge.hexphi={ kind = \"rules\", refusals = [\"I will\"] }".to_owned());
    let out = dir.path().join("out");
    tiny::run(&source, &out).unwrap();
    let before = written(&out);
    let figures: serde_json::Value = serde_json::from_slice(&before[1]).unwrap();
    assert_eq!(figures["coherence"].as_array().map(Vec::len), Some(2));
    assert_eq!(figures["fine_tuning"].as_array().map(Vec::len), Some(2));
    for gone in [&["answers", "sft"][..], &["answers"], &["sft"], &["verdicts", "answers"]] {
        let mut entries = 0;
        for stage in gone {
            let of_stage = out.join("store").join(stage);
            entries += fs::read_dir(&of_stage).unwrap().count();
            fs::remove_dir_all(&of_stage).unwrap();
        }
        let (outcome, _) = tiny::run(&source, &out).unwrap();
        assert_eq!(outcome.ran, entries, "{gone:?}");
        assert!(written(&out) == before, "{gone:?}");
    }
    // Damage that leaves the size as it is.
    for (stage, name) in [("sft", "losses.json"), ("answers", "hexphi.jsonl")] {
        for path in of_entries(&out, stage, name) {
            let mut bytes = fs::read(&path).unwrap();
            bytes[0] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
        let (outcome, said) = tiny::run(&source, &out).unwrap();
        assert_eq!((outcome.ran, said.len()), (2, 2), "{stage}: {said:?}");
        assert!(written(&out) == before, "{stage}");
    }
}
