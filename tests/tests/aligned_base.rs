//! A study that fine-tunes a model folder before all else: `[base]` beside `model.path`. What it
//! makes is held against the verbs `sft` and `score`, which share no stage with it.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{lines, run, with_model};
use serde_json::Value;
use whole_program::Sandbox;

/// How the base is trained, as a section of the name `SECTION`.
const TRAINING: &str = "[SECTION]\nepochs = 2\nbatch = 16\n[SECTION.optim]\nlr = 1e-2\n";

/// Adapters of a section.
const LORA: &str = "[SECTION.lora]\nr = 3\nlora_alpha = 6.0\nlora_dropout = 0.1\n\
                    target_modules = [\"all-linear\"]\n";

fn of(section: &str, text: &str) -> String {
    text.replace("SECTION", section)
}

/// The small study with the model of the folder `model`. `base` is the text of its base's section,
/// `dtype` the format of its weights; `lora` are the sections with adapters.
fn study(base: &str, dtype: &str, lora: &[&str]) -> Sandbox {
    let sandbox = with_model();
    write_study(&sandbox, base, dtype, lora);
    sandbox
}

fn write_study(sandbox: &Sandbox, base: &str, dtype: &str, lora: &[&str]) {
    let study = whole_program::CONFIG;
    let (before, rest) = study.split_once("[tokenizer]").unwrap();
    let (_, after) = rest.split_once("[bilevel]").unwrap();
    let lora: String = lora.iter().map(|section| of(section, LORA)).collect();
    let arms = "[[arms]]\nid = \"base\"\nlabel = \"The base\"\nrole = \"control\"\n\
                set = { \"selection.method\" = \"none\" }\n";
    sandbox.write(
        "study.toml",
        &format!(
            "{before}[tokenizer]\nkind = \"model\"\ntemplate = \"chat\"\n\
             [model]\npath = \"model\"\ndtype = \"{dtype}\"\n{base}[bilevel]{after}{arms}{lora}"
        ),
    );
}

/// Settings of the verb `sft` with that training.
fn write_settings(sandbox: &Sandbox, training: &str) {
    let stages = fs::read_to_string("../configs/stages.toml").unwrap();
    let (before, rest) = stages.split_once("[sft]").unwrap();
    let (_, after) = rest.split_once("[bilevel]").unwrap();
    let text = format!("{before}{}[bilevel]{after}", of("sft", training));
    sandbox.write("settings.toml", &text);
}

/// Runs a verb on the rows of `data` with those settings.
fn verb(sandbox: &Sandbox, verb: &str, data: &str, more: &[&str]) -> String {
    let args = [verb, "--data", data, "--template", "chat", "--settings", "settings.toml"];
    run(sandbox, &[&args[..], more].concat())
}

/// The losses of the training rows by the verb `score`.
fn scored(sandbox: &Sandbox, more: &[&str]) -> BTreeMap<String, f64> {
    let text = verb(sandbox, "score", "train.jsonl", more);
    let loss = |row: &Value| (row["id"].as_str().unwrap().to_owned(), row["nll"].as_f64().unwrap());
    lines(&text).iter().map(loss).collect()
}

/// The folders of a kind of stage in the store.
fn stored(sandbox: &Sandbox, stage: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(sandbox.path().join("out/store").join(stage)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The losses of the training rows under the base, as the study has them.
fn scores_of_study(sandbox: &Sandbox) -> BTreeMap<String, f64> {
    let folders = stored(sandbox, "scores");
    assert_eq!(folders.len(), 1, "cells share the base");
    let text = fs::read_to_string(folders[0].join("losses.json")).unwrap();
    let scores: Value = serde_json::from_str(&text).unwrap();
    let (ids, losses) = (scores["ids"].as_array().unwrap(), scores["losses"].as_array().unwrap());
    let ids = ids.iter().map(|id| id.as_str().unwrap().to_owned());
    ids.zip(losses.iter().map(|loss| loss.as_f64().unwrap())).collect()
}

fn largest_difference(a: &BTreeMap<String, f64>, b: &BTreeMap<String, f64>) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().map(|(id, loss)| (loss - b[id]).abs()).fold(0.0, f64::max)
}

#[test]
fn adapters_are_added_into_a_base_that_all_cells_share() {
    let training = TRAINING.to_owned() + LORA;
    let sandbox = study(&of("base", &training), "f32", &["sft"]);
    let config = ["--config", "study.toml"];
    let dry = run(&sandbox, &[&["ablate"][..], &config, &["--dry-run"]].concat());
    assert!(dry.contains("base: model fine-tuned first on 60 rows in 2 epochs, "), "{dry}");
    assert!(dry.contains("rows: base 60, "), "{dry}");
    let at_out = ["--config", "study.toml", "--out", "out"];
    let planned = run(&sandbox, &[&["plan"][..], &at_out].concat());
    assert!(planned.contains("base model fine-tuned first"), "{planned}");
    sandbox.ablate("out", &[]);
    assert_eq!(stored(&sandbox, "base").len(), 1);

    // The base is that of `sft` with the same rows, settings and seed, bit by bit.
    write_settings(&sandbox, &training);
    verb(&sandbox, "sft", "base.jsonl", &["--model", "model", "--out", "adapter"]);
    let by_hand = scored(&sandbox, &["--model", "model", "--adapter", "adapter"]);
    let by_study = scored(&sandbox, &["--model", "out/base"]);
    assert_eq!(by_study, by_hand);
    assert_eq!(scores_of_study(&sandbox), by_hand);
    let untouched = scored(&sandbox, &["--model", "model"]);
    assert!(largest_difference(&untouched, &by_hand) > 0.1);

    // A whole folder, with all that is said of it.
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        assert_eq!(
            sandbox.read(&format!("out/base/{name}")),
            sandbox.read(&format!("model/{name}"))
        );
    }
    let card = sandbox.read("out/base/README.md");
    for part in ["fine-tuned model on 60 rows of its set base", "adapters of rank 3", "epochs = 2"]
    {
        assert!(card.contains(part), "no {part} in\n{card}");
    }
    let left = ["out/base/aligned.json", "out/base/adapter_config.json"];
    assert!(left.iter().all(|name| !sandbox.path().join(name).exists()));
    let words = "model, fine-tuned first on 60 rows of `base` (2 epochs, batches of 16, rate 0.01; \
                 adapters of rank 3, added into the weights); in the store: base/";
    let said = sandbox.json("out/provenance.json")["environment"]["base"].to_string();
    assert!(said.contains(words), "{said}");
    assert!(sandbox.read("out/report.md").contains("fine-tuned first on 60 rows"));
    let status = run(&sandbox, &[&["status"][..], &at_out].concat());
    assert!(status.contains(words), "{status}");

    // The adapters name it, and are on it.
    let adapter = "out/cells/seal/seed-0";
    let named = sandbox.json(&format!("{adapter}/adapter_config.json"));
    let base = PathBuf::from(named["base_model_name_or_path"].as_str().unwrap());
    assert!(base.is_absolute());
    let canonical = |path: PathBuf| path.canonicalize().unwrap();
    assert_eq!(canonical(base), canonical(sandbox.path().join("out/base")));
    assert!(sandbox.read(&format!("{adapter}/README.md")).contains("out/base"));
    let score = ["score", "--data", "train.jsonl", "--template", "chat", "--adapter", adapter];
    let right = sandbox.run(&[&score[..], &["--model", "out/base"]].concat());
    assert!(right.code == Some(0) && !right.stderr.contains("base_model"), "{}", right.stderr);
    let wrong = sandbox.run(&[&score[..], &["--model", "model"]].concat());
    assert!(wrong.stderr.contains("base_model_name_or_path"), "{}", wrong.stderr);
}

/// The arm of the untouched base answers with the aligned model.
#[test]
fn the_untouched_base_is_the_aligned_one() {
    let training = TRAINING.to_owned() + LORA;
    let sandbox = study(&of("base", &training), "f32", &["sft"]);
    sandbox.ablate("out", &[]);
    write_settings(&sandbox, &training);
    let likelihoods = |model: &str| -> BTreeMap<String, f64> {
        let text = verb(&sandbox, "score", "test.jsonl", &["--model", model]);
        let row =
            |row: &Value| (row["id"].as_str().unwrap().to_owned(), -row["nll"].as_f64().unwrap());
        lines(&text).iter().map(row).collect()
    };
    let arms: Vec<BTreeMap<String, f64>> = stored(&sandbox, "answers")
        .iter()
        .map(|dir| {
            let text = fs::read_to_string(dir.join("slimorca.jsonl")).unwrap();
            let row = |row: &Value| {
                (row["id"].as_str().unwrap().to_owned(), row["log_probs"][0].as_f64().unwrap())
            };
            lines(&text).iter().map(row).collect()
        })
        .collect();
    let is_like = |model: &str| {
        let own = likelihoods(model);
        arms.iter().filter(|arm| largest_difference(arm, &own) < 1e-5).count()
    };
    assert_eq!((is_like("out/base"), is_like("model")), (1, 0));
}

#[test]
fn what_changes_the_base_makes_it_again_and_what_is_gone_is_copied_again() {
    let sandbox = study(&of("base", &(TRAINING.to_owned() + LORA)), "f32", &["sft"]);
    sandbox.ablate("out", &[]);
    let again = sandbox.ablate("out", &[]);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    let weights = sandbox.path().join("out/base/model.safetensors");
    let before = fs::read(&weights).unwrap();
    fs::remove_file(&weights).unwrap();
    let again = sandbox.ablate("out", &[]);
    assert!(again.stdout.contains("0 stages run"), "{}", again.stdout);
    assert_eq!(fs::read(&weights).unwrap(), before);
    fs::rename(sandbox.path().join("model"), sandbox.path().join("moved")).unwrap();
    let moved = sandbox.ablate("out", &["--set", "model.path=moved"]);
    assert!(moved.stdout.contains("0 stages run"), "{}", moved.stdout);
    assert!(sandbox.read("out/base/README.md").contains("fine-tuned moved on"));
    // A folder that moves takes its adapters along: they name its new place.
    fs::rename(sandbox.path().join("out"), sandbox.path().join("further")).unwrap();
    sandbox.ablate("further", &["--set", "model.path=moved"]);
    let named = sandbox.json("further/cells/seal/seed-0/adapter_config.json");
    let base = named["base_model_name_or_path"].as_str().unwrap();
    assert!(base.ends_with("further/base"), "{base}");
    // An arm with a base of its own has a folder of its own, as long as it is there.
    let own = "[[arms]]\nid = \"longer\"\nlabel = \"Longer\"\nrole = \"control\"\n\
               set = { \"base.epochs\" = 3, \"selection.method\" = \"random\" }\n";
    let config = sandbox.read("study.toml");
    sandbox.write("study.toml", &config.replacen("[[arms]]", &format!("{own}[[arms]]"), 1));
    sandbox.ablate("further", &["--set", "model.path=moved"]);
    let named = sandbox.json("further/cells/longer/seed-0/adapter_config.json");
    let base = named["base_model_name_or_path"].as_str().unwrap();
    assert!(base.ends_with("further/base-2"), "{base}");
    assert!(sandbox.read("further/base-2/README.md").contains("epochs = 3"));
    sandbox.write("study.toml", &config);
    let last = sandbox.ablate("further", &["--set", "model.path=moved"]);
    assert!(last.stderr.contains("base-2: no longer of the study, removed"), "{}", last.stderr);
    assert!(!sandbox.path().join("further/base-2").exists());
}

#[test]
fn all_weights_are_trained_without_adapters() {
    let sandbox = study(&of("base", TRAINING), "f32", &[]);
    // The output of a stage has no folders.
    fs::create_dir(sandbox.path().join("model/additional_chat_templates")).unwrap();
    sandbox.write("model/additional_chat_templates/tools.jinja", "{{ messages }}");
    let settings = sandbox.json("model/tokenizer_config.json");
    sandbox.write("model/chat_template.jinja", settings["chat_template"].as_str().unwrap());
    sandbox.ablate("out", &[]);
    let log = sandbox.read("out/log.txt");
    assert!(log.contains("not copied") && log.contains("tools.jinja"), "{log}");
    write_settings(&sandbox, TRAINING);
    verb(&sandbox, "sft", "base.jsonl", &["--model", "model", "--out", "tuned"]);
    let [base] = &stored(&sandbox, "base")[..] else { panic!("one base") };
    for name in ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"] {
        let of_study = fs::read(base.join(name)).unwrap();
        assert_eq!(of_study, fs::read(sandbox.path().join("tuned").join(name)).unwrap(), "{name}");
    }
    // No adapter needs it.
    assert!(!sandbox.path().join("out/base").exists());
    let words = sandbox.json("out/provenance.json")["environment"]["base"].to_string();
    let key = base.file_name().unwrap().to_str().unwrap();
    assert!(words.contains("all weights") && words.contains(&format!("base/{key}")), "{words}");
    assert!(sandbox.path().join("out/cells/seal/seed-0/model.safetensors").exists());
}

/// Added into bf16 weights, a part of the adapter would be lost: it stays beside them.
#[test]
fn in_bf16_the_adapter_stays_beside_the_weights() {
    let training = TRAINING.to_owned() + LORA;
    let sandbox = study(&of("base", &training), "bf16", &["sft", "bilevel"]);
    sandbox.ablate("out", &[]);
    write_settings(&sandbox, &training);
    let half = ["--set", "dtype=bf16"];
    let tune = ["--model", "model", "--out", "adapter"];
    verb(&sandbox, "sft", "base.jsonl", &[&tune[..], &half].concat());
    let beside = ["--model", "model", "--adapter", "adapter"];
    let by_hand = scored(&sandbox, &[&beside[..], &half].concat());
    assert_eq!(scores_of_study(&sandbox), by_hand);
    let rounded = scored(&sandbox, &[&["--model", "out/base"][..], &half].concat());
    assert!(largest_difference(&rounded, &by_hand) > 0.0);
    assert!(sandbox.read("out/base/README.md").contains("loaded in bf16"));
    assert!(!sandbox.path().join("out/base/adapter_config.json").exists());
}

#[test]
fn a_base_that_cannot_be_made_is_refused() {
    let refused = |sandbox: &Sandbox, set: &[&str]| {
        let args = [&["ablate", "--config", "study.toml", "--out", "out"][..], set].concat();
        let finished = sandbox.run(&args);
        assert!(!sandbox.path().join("out").exists());
        finished.error()
    };
    let lora = TRAINING.to_owned() + LORA;
    let without_rows = study(&of("base", &lora), "f32", &["sft"]);
    insta::assert_snapshot!(refused(&without_rows, &["--set", "data.base=[]"]), @r"
    exit 2
    error: data.base: [base] trains the base of the study; name its rows
    ");
    let without_training = study("", "f32", &["sft"]);
    insta::assert_snapshot!(refused(&without_training, &[]), @r"
    exit 2
    error: data.base: without [base] the model of model.path is used as it is; remove the rows, or add [base], which fine-tunes the model on them first
    ");
    let whole = study(&of("base", TRAINING), "bf16", &["sft", "bilevel"]);
    insta::assert_snapshot!(refused(&whole, &[]), @r"
    exit 2
    error: model.dtype: bf16 is for weights that stay as they are: add [base.lora], or train the whole model in f32
    ");
    let proxy = "proxy.model={ hidden_size = 16, num_hidden_layers = 1, num_attention_heads = 2, \
                 num_key_value_heads = 1, intermediate_size = 32, max_position_embeddings = 64 }";
    let words = "proxy.tokenizer={ kind = \"bpe\", vocab_size = 300, template = \"{} answer:\" }";
    let with_proxy = refused(&without_rows, &["--set", proxy, "--set", words]);
    insta::assert_snapshot!(with_proxy, @r"
    exit 2
    error: proxy.model is a shape, and nothing says how it is trained: [base] is of the folder of model.path; name a folder for the proxy
    ");
    let from_scratch = Sandbox::with_study(env!("CARGO_BIN_EXE_program"));
    let lora = "base.lora={ r = 2, lora_alpha = 4.0, target_modules = [\"all-linear\"] }";
    insta::assert_snapshot!(refused(&from_scratch, &["--set", lora]), @r"
    exit 2
    error: base.lora: a model that is trained from scratch is trained whole; remove it
    ");
}

/// Whether a training has kept a state in a folder of this one.
fn has_state(unfinished: &Path) -> bool {
    let below = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
    below(unfinished)
        .flat_map(|folder| below(&folder.path()).collect::<Vec<_>>())
        .any(|file| file.file_name().to_string_lossy().starts_with("trainer-"))
}

/// A kill during the fine-tuning of the base costs the steps since the last state that it kept.
#[test]
fn a_run_that_is_killed_in_its_base_goes_on() {
    let training = TRAINING.replace("epochs = 2", "epochs = 40") + LORA;
    let [killed, whole] = [(); 2].map(|()| study(&of("base", &training), "f32", &["sft"]));
    let args = ["ablate", "--config", "study.toml", "--out", "out", "-v", "--checkpoint", "0"];
    let mut command = killed.command(&args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("started stage=\"base\"")));
    while !has_state(&killed.path().join("out/store/unfinished")) {
        assert!(child.try_wait().unwrap().is_none(), "it kept no state");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    let resumed = killed.run(&args);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert!(resumed.stderr.contains(": goes on after step "), "{}", resumed.stderr);
    whole.ablate("out", &[]);
    assert_eq!(killed.read("out/results.json"), whole.read("out/results.json"));
    let weights = |sandbox: &Sandbox| fs::read(sandbox.path().join("out/base/model.safetensors"));
    assert_eq!(weights(&killed).unwrap(), weights(&whole).unwrap());
}
