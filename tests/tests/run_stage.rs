//! `run-stage`: one stage of a stored plan in a process of its own.
#![cfg(unix)]

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use whole_program::{Finished, Sandbox};

const ABLATE: [&str; 5] = ["ablate", "--config", "study.toml", "--out", "out"];

fn study() -> Sandbox {
    Sandbox::with_study(env!("CARGO_BIN_EXE_program"))
}

/// A study whose plan is stored, and nothing of it made.
fn planned() -> Sandbox {
    let sandbox = study();
    let run = sandbox.run(&[&ABLATE[..], &["--launch", "script"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    sandbox
}

/// The key of the first stage of a kind in the stored plan.
fn key(sandbox: &Sandbox, kind: &str) -> String {
    let plan = sandbox.json("out/launch/study.json");
    let stages = plan["stages"].as_array().unwrap();
    let found = stages.iter().find(|stage| stage["stage"] == kind);
    found.unwrap()["key"].as_str().unwrap().to_owned()
}

fn run_stage(sandbox: &Sandbox, args: &[&str]) -> Finished {
    sandbox.run(&[&["run-stage", "--out", "out"], args].concat())
}

#[test]
fn a_stage_is_made_by_its_key_and_each_reason_not_to_has_its_exit_code() {
    let sandbox = planned();
    let [tokenizer, sft] = ["tokenizer", "sft"].map(|kind| key(&sandbox, kind));
    let made = run_stage(&sandbox, &[&tokenizer]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.ends_with("made: 1, found: 0\n"), "{}", made.stdout);
    let manifest = format!("out/store/tokenizer/{tokenizer}/manifest.json");
    assert!(sandbox.path().join(&manifest).exists());
    // The beginning of the key is enough, and another folder is no matter.
    let out = sandbox.path().join("out");
    let mut command =
        sandbox.command(&["run-stage", "--out", out.to_str().unwrap(), &tokenizer[..12]]);
    let again = Finished::of(command.current_dir(std::env::temp_dir()).output().unwrap());
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains("is in the store\nmade: 0, found: 1\n"), "{}", again.stdout);

    let lacking = run_stage(&sandbox, &[&sft]);
    assert_eq!(lacking.code, Some(5), "{}", lacking.stderr);
    assert!(lacking.stderr.contains("the store lacks"), "{}", lacking.stderr);
    assert!(lacking.stderr.contains("base "), "{}", lacking.stderr);
    let status = sandbox.run(&["status", "--out", "out"]);
    assert!(status.stdout.contains("stages that lack an input: 1\n"), "{}", status.stdout);
    let results = run_stage(&sandbox, &["--results"]);
    assert_eq!(results.code, Some(5), "{}", results.stderr);

    let unknown = run_stage(&sandbox, &["0123456789"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("the key of no stage"), "{}", unknown.stderr);
    let nowhere = sandbox.run(&["run-stage", "--out", "elsewhere", &sft]);
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.stderr);
}

#[test]
fn a_study_that_is_another_one_by_now_is_refused_with_its_difference() {
    let sandbox = planned();
    let sft = key(&sandbox, "sft");
    let rows = sandbox.read("train.jsonl");
    sandbox.write("train.jsonl", &rows[rows.find('\n').unwrap() + 1..]);
    let changed = run_stage(&sandbox, &[&sft]);
    assert_eq!(changed.code, Some(2), "{}", changed.stderr);
    assert!(changed.stderr.contains("has another key now than in the plan, because of"));
    assert!(changed.stderr.contains(" was ") && changed.stderr.contains(" and is "));
    sandbox.write("train.jsonl", &rows);
    assert_eq!(run_stage(&sandbox, &[&sft]).code, Some(5));
    // A plan or a config that was edited is none.
    let plan = sandbox.json("out/launch/study.json");
    let config = format!("out/launch/{}/config.toml", plan["id"].as_str().unwrap());
    for file in [config.as_str(), "out/launch/study.json"] {
        let text = sandbox.read(file);
        sandbox.write(file, &text.replace("16", "32"));
        let edited = run_stage(&sandbox, &[&sft]);
        assert_eq!(edited.code, Some(3), "{file}: {}", edited.stderr);
        assert!(edited.stderr.contains("launch the study again"), "{file}: {}", edited.stderr);
        sandbox.write(file, &text);
    }
}

#[test]
fn a_run_folder_that_was_copied_works_on_nothing() {
    let sandbox = planned();
    let tokenizer = key(&sandbox, "tokenizer");
    fs::create_dir_all(sandbox.path().join("copy/launch")).unwrap();
    sandbox.write("copy/launch/study.json", &sandbox.read("out/launch/study.json"));
    let copied = sandbox.run(&["run-stage", "--out", "copy", &tokenizer]);
    assert_eq!(copied.code, Some(2), "{}", copied.stderr);
    assert!(copied.stderr.contains("was moved or copied since"), "{}", copied.stderr);
    assert!(!sandbox.path().join("out/store/tokenizer").exists());
    assert!(!sandbox.path().join("out/launch/failed").exists());
}

#[test]
fn a_stage_that_is_started_twice_is_made_once() {
    let sandbox = planned();
    let tokenizer = key(&sandbox, "tokenizer");
    let start = || sandbox.command(&["run-stage", "--out", "out", &tokenizer]).spawn_piped();
    let runs = [start(), start()].map(|child| Finished::of(child.wait_with_output().unwrap()));
    assert!(runs.iter().all(|run| run.code == Some(0)), "{runs:?}");
    let made = runs.iter().filter(|run| run.stdout.ends_with("made: 1, found: 0\n")).count();
    assert_eq!(made, 1, "{runs:?}");
}

#[test]
fn a_stage_that_is_asked_to_stop_goes_on_when_it_is_started_again() {
    let sandbox = study();
    let long = ["--launch", "script", "--set", "base.epochs=40", "--checkpoint", "0"];
    let run = sandbox.run(&[&ABLATE[..], &long].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let base = key(&sandbox, "base");
    let plan = sandbox.json("out/launch/study.json");
    let stages = plan["stages"].as_array().unwrap();
    let is_first = |stage: &&Value| ["tokenizer", "tokens"].iter().any(|of| stage["stage"] == **of);
    let first: Vec<&str> =
        stages.iter().filter(is_first).filter_map(|s| s["key"].as_str()).collect();
    assert_eq!(run_stage(&sandbox, &first).code, Some(0));
    let child = sandbox.command(&["run-stage", "--out", "out", &base]).spawn_piped();
    let unfinished = sandbox.path().join("out/store/unfinished");
    let has_kept = || {
        let folders = fs::read_dir(&unfinished).into_iter().flatten().flatten();
        let mut files = folders.flat_map(|dir| fs::read_dir(dir.path()).into_iter().flatten());
        files.any(|file| file.is_ok_and(|f| f.file_name().to_string_lossy().ends_with("tensors")))
    };
    while !has_kept() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let sent = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let stopped = Finished::of(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(143), "{}", stopped.stderr);
    let status = sandbox.run(&["status", "--out", "out"]);
    assert!(!status.stdout.contains("failed with"), "a stop is no failure: {}", status.stdout);
    let again = run_stage(&sandbox, &["-v", &base]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("goes on after step "), "{}", again.stderr);
}

/// Starts a program with what it says held back.
trait SpawnPiped {
    fn spawn_piped(&mut self) -> Child;
}

impl SpawnPiped for Command {
    fn spawn_piped(&mut self) -> Child {
        self.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

#[test]
fn a_damaged_input_is_made_again() {
    let sandbox = planned();
    let tokenizer = key(&sandbox, "tokenizer");
    assert_eq!(run_stage(&sandbox, &[&tokenizer]).code, Some(0));
    let dir = sandbox.path().join("out/store/tokenizer").join(&tokenizer);
    let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let file = files.filter(|path| !path.ends_with("manifest.json")).min().unwrap();
    let before = fs::read(&file).unwrap();
    fs::write(&file, &before[..before.len() - 1]).unwrap();
    let made = run_stage(&sandbox, &[&key(&sandbox, "tokens")]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.ends_with("made: 2, found: 0\n"), "{}", made.stdout);
    assert!(made.stderr.contains("note: damaged, and made again: tokenizer"), "{}", made.stderr);
    assert_eq!(fs::read(&file).unwrap(), before);
}
