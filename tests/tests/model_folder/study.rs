//! The verbs one after another, and a study.

use std::fs;
use std::path::Path;

use serde_json::Value;
use whole_program::Sandbox;

use crate::common::{lines, run, with_model as sandbox};

#[test]
fn from_a_folder_and_rows_to_kept_rows_and_an_adapter() {
    let sandbox = sandbox();
    let select = [
        "select",
        "--model",
        "model",
        "--data",
        "train.jsonl",
        "--safe",
        "safe.jsonl",
        "--file",
        "selector.jsonl",
        "--kept",
        "kept.jsonl",
        "--set",
        "bilevel.batch=8",
    ];
    let printed = run(&sandbox, &select);
    assert!(printed.contains("rows 40\nleft_out 0\nunusable 0\nkept 32\n"), "{printed}");
    assert!(printed.contains("auroc "), "{printed}");
    let selector = lines(&sandbox.read("selector.jsonl"));
    assert_eq!(selector.len(), 41);
    let path = selector[0]["settings"]["model"]["path"].as_str().unwrap();
    assert!(path.ends_with("/model"), "{path}");
    // What is read is never written over.
    let over = sandbox.run(&[
        "select",
        "--model",
        "model",
        "--data",
        "train.jsonl",
        "--kept",
        "train.jsonl",
        "--file",
        "other.jsonl",
    ]);
    assert_eq!(over.code, Some(2), "{}", over.stderr);
    let share =
        sandbox.run(&["select", "--model", "model", "--data", "train.jsonl", "--keep", "80"]);
    assert_eq!(share.code, Some(2), "{}", share.stderr);
    for name in ["kept.csv", "kept.jsonl.gz", "kept"] {
        let other = ["select", "--model", "model", "--data", "train.jsonl", "--kept", name];
        let other = sandbox.run(&other);
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains("JSON lines"), "{}", other.stderr);
        assert!(!sandbox.path().join(name).exists());
    }
    let seeds = [
        "select",
        "--model",
        "model",
        "--data",
        "train.jsonl",
        "--file",
        "s.jsonl",
        "--seeds",
        "1,2",
    ];
    let seeds = sandbox.run(&seeds);
    assert_eq!(seeds.code, Some(2), "{}", seeds.stderr);
    // Folders are made before the work.
    let file = "new/folder/losses.jsonl";
    run(&sandbox, &["score", "--model", "model", "--data", "train.jsonl", "--file", file]);
    assert_eq!(lines(&sandbox.read(file)).len(), 40);
    // A default name is not written over.
    let unnamed = sandbox.run(&["select", "--model", "model", "--data", "train.jsonl"]);
    assert_eq!(unnamed.code, Some(2), "{}", unnamed.stderr);
    assert!(unnamed.stderr.contains("selector.jsonl exists"), "{}", unnamed.stderr);
    // Kept rows are the user's own, with every field and no other.
    let own = lines(&sandbox.read("train.jsonl"));
    let kept = lines(&sandbox.read("kept.jsonl"));
    assert_eq!(kept.len(), 32);
    assert!(kept.iter().all(|row| own.contains(row)));

    let sft = [
        "sft",
        "--model",
        "model",
        "--data",
        "kept.jsonl",
        "--out",
        "adapter",
        "--set",
        "sft.batch=8",
    ];
    let done = sandbox.run(&sft);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stderr.contains("mean training loss by epoch, in nats a token: "),
        "{}",
        done.stderr
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| {
            let file = sandbox.path().join("adapter").join(name);
            std::fs::metadata(file).unwrap().permissions().mode()
        };
        assert_eq!(mode("adapter_model.safetensors"), mode("adapter_config.json"));
    }
    let adapter = sandbox.json("adapter/adapter_config.json");
    let base = adapter["base_model_name_or_path"].as_str().unwrap();
    assert!(Path::new(base).is_absolute() && base.ends_with("model"), "{base}");
    let again = sandbox.run(&sft);
    assert_eq!(again.code, Some(2), "a folder in use is refused: {}", again.stderr);

    let score = |more: &[&str]| {
        let args = [&["score", "--model", "model", "--data", "kept.jsonl"], more].concat();
        lines(&run(&sandbox, &args))
    };
    let mean = |rows: &[Value]| {
        rows.iter().map(|row| row["nll"].as_f64().unwrap()).sum::<f64>() / rows.len() as f64
    };
    let (before, after) = (score(&[]), score(&["--adapter", "adapter"]));
    assert_eq!(before.len(), 32);
    assert!(mean(&after) < mean(&before), "{} {}", mean(&after), mean(&before));

    let generate = [
        "generate",
        "--model",
        "model",
        "--adapter",
        "adapter",
        "--data",
        "asks.jsonl",
        "--file",
        "answers.jsonl",
        "--set",
        "generate.max_new_tokens=3",
    ];
    run(&sandbox, &generate);
    let whole = sandbox.read("answers.jsonl");
    let answers = lines(&whole);
    let asked = lines(&sandbox.read("asks.jsonl"));
    assert_eq!(answers.len(), asked.len());
    assert!(answers.iter().all(|a| a["output"].is_string() && a["finish"].is_string()));
    // Half of the answers, and a line that breaks off: as a killed run leaves it.
    let cut = whole.lines().next().unwrap().len() + 1;
    sandbox.write("answers.jsonl", &whole[..cut + 9]);
    run(&sandbox, &generate);
    let mut again = lines(&sandbox.read("answers.jsonl"));
    let by_id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    again.sort_by_key(by_id);
    let mut first = answers;
    first.sort_by_key(by_id);
    assert_eq!(again, first);
    // Answers of two kinds are not mixed.
    let base = sandbox.run(&[
        "generate",
        "--model",
        "model",
        "--data",
        "asks.jsonl",
        "--file",
        "answers.jsonl",
        "--set",
        "generate.max_new_tokens=3",
    ]);
    assert_eq!(base.code, Some(2), "{}", base.stderr);
}

#[test]
fn a_study_of_a_model_folder() {
    let sandbox = sandbox();
    let study = sandbox.read("study.toml");
    let (before, rest) = study.split_once("[tokenizer]").unwrap();
    let (_, after) = rest.split_once("[bilevel]").unwrap();
    let before = before.replace("base = [{ path = \"base.jsonl\" }]\n", "");
    let folder = "[tokenizer]\nkind = \"model\"\ntemplate = \"chat\"\n\
                  [model]\npath = \"model\"\n";
    sandbox.write("study.toml", &format!("{before}{folder}[bilevel]{after}"));
    let dry = run(&sandbox, &["ablate", "--config", "study.toml", "--dry-run"]);
    assert!(dry.contains("missing: nothing"), "{dry}");
    let settings = sandbox.read("model/tokenizer_config.json");
    let bare = settings.replace("chat_template", "other_template");
    assert_ne!(bare, settings);
    sandbox.write("model/tokenizer_config.json", &bare);
    // No machine has a template for it: that is an error of the look ahead, as of the run.
    let without = sandbox.run(&["ablate", "--config", "study.toml", "--dry-run"]);
    assert_eq!(without.code, Some(2), "{}", without.stderr);
    assert!(without.stderr.contains("no chat template"), "{}", without.stderr);
    sandbox.write("model/tokenizer_config.json", &settings);
    sandbox.ablate("out", &[]);
    let results = sandbox.json("out/results.json");
    assert_eq!(results["arms"].as_array().unwrap().len(), 4);
    let again = sandbox.ablate("out", &[]);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    let planned = run(&sandbox, &["plan", "--config", "study.toml", "--out", "out"]);
    assert!(planned.contains("stages: all found, nothing to do"), "{planned}");

    // Another folder with the same files is the same model; other weights are not.
    fs::rename(sandbox.path().join("model"), sandbox.path().join("moved")).unwrap();
    let moved = sandbox.ablate("out", &["--set", "model.path=moved"]);
    assert!(moved.stdout.contains("0 stages run"), "{}", moved.stdout);
    let missing = sandbox.run(&["ablate", "--config", "study.toml", "--out", "out"]);
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    assert!(missing.stderr.contains("model.path"), "{}", missing.stderr);
    let dry = run(&sandbox, &["ablate", "--config", "study.toml", "--dry-run"]);
    assert!(dry.contains("no such folder"), "{dry}");
}

#[test]
fn the_configs_of_the_paper_say_what_they_take() {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
    for name in ["llama3-8b", "merlinite-7b", "pythia-2.8b", "phi3-mini"] {
        let config = configs.join(format!("{name}.toml")).display().to_string();
        let printed = run(&sandbox, &["ablate", "--config", &config, "--dry-run"]);
        for part in ["gamma-0.05", "relu", "stages: ", "parameters, ", "GiB", "missing here:"] {
            assert!(printed.contains(part), "{name}: no {part} in\n{printed}");
        }
        for judge in [
            "answers and canaries by meta-llama/Llama-Guard-3-8B, 8030.26 M parameters, 15.0 GiB",
            "answers and canaries by Skywork/Skywork-Reward-V2-Llama-3.2-1B, 1235.82 M parameters",
            "judge of hexphi: model hf://meta-llama/Llama-Guard-3-8B@main: would be fetched",
            "assessments",
        ] {
            assert!(printed.contains(judge), "{name}: no {judge} in\n{printed}");
        }
    }
}
