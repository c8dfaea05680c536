//! `doctor`.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{said, study};

#[test]
fn a_machine_that_is_fit_has_no_check_that_is_wrong() {
    let sandbox = study();
    let args = ["doctor", "--config", "study.toml", "--out", "out"];
    let lines = said(&sandbox, &args);
    assert!(lines.lines().all(|line| line.starts_with("ok ") || line.starts_with("warning ")));
    for begins in [
        "ok       program: version ",
        "ok       machine: ",
        "ok       config study.toml: study `tiny`",
        "ok       device flex: computes",
        "ok       plan plan.jsonl: one arm",
        "ok       rows: 5 files can be read, ",
        "ok       model: trained from scratch",
    ] {
        assert!(lines.lines().any(|line| line.starts_with(begins)), "{begins}: {lines}");
    }
    assert!(lines.contains("run folder out: is not there yet; "), "{lines}");
    assert!(!sandbox.path().join("out").exists(), "it makes nothing");
    let json: Value =
        serde_json::from_str(&said(&sandbox, &[&args[..], &["--json"]].concat())).unwrap();
    assert_eq!(json["wrong"], 0);
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), lines.lines().count());
    assert!(checks.iter().all(|check| check["state"] != "wrong" && check["found"].is_string()));
    // The built-in study needs no file.
    said(&sandbox, &["doctor"]);
}

#[test]
fn each_fault_is_one_line_with_what_to_type() {
    let sandbox = study();
    let fault = |args: &[&str], begins: &str, remedy: &str| {
        let finished = sandbox.run(&[&["doctor"], args].concat());
        assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.stdout);
        let line = finished.stdout.lines().find(|line| line.starts_with(begins));
        let line = line.unwrap_or_else(|| panic!("{begins}: {}", finished.stdout));
        assert!(line.ends_with(remedy), "{line}");
        assert!(finished.stderr.contains(" checks are wrong"), "{}", finished.stderr);
    };
    let with = ["--config", "study.toml"];
    let device = [&with[..], &["--device", "tch:cuda:7"]].concat();
    fault(&device, "wrong    device tch:cuda:7: ", "and --device takes another");
    let set = [&with[..], &["--set", "sft.epoch=2"]].concat();
    fault(&set, "wrong    config study.toml: ", "mend the config, or name another");
    sandbox.write("file", "");
    let out = [&with[..], &["--out", "file/run"]].concat();
    fault(&out, "wrong    run folder file/run: no file can be made", "right to write into it");
    let study = sandbox.read("study.toml");
    let (before, rest) = study.split_once("[tokenizer]").unwrap();
    let (_, after) = rest.split_once("[bilevel]").unwrap();
    let before = before.replace("base = [{ path = \"base.jsonl\" }]\n", "");
    let folder = "[tokenizer]\nkind = \"model\"\ntemplate = \"chat\"\n[model]\npath = \"absent\"\n";
    sandbox.write("folder.toml", &format!("{before}{folder}[bilevel]{after}"));
    let model = ["--config", "folder.toml"];
    fault(&model, "wrong    model absent: ", "set model.path to a model folder");
    fs::remove_file(sandbox.path().join("safe.jsonl")).unwrap();
    fault(&with, "wrong    rows ./safe.jsonl: ", "in the config, or the file's rights");
    sandbox.write("plan.jsonl", "{}\n");
    fault(&with, "wrong    plan plan.jsonl: ", "give another --plan");
}

#[test]
fn secrets_are_said_to_be_set_and_not_shown() {
    let sandbox = study();
    for json in [false, true] {
        let mut command = sandbox.command(&["doctor"]);
        if json {
            command.arg("--json");
        }
        command.env("HF_TOKEN", "hf_verysecret").env("HTTPS_PROXY", "http://me:pass@proxy:1");
        command.env("HF_HOME", sandbox.path().join("hf"));
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("HF_TOKEN (set)") && text.contains("HTTPS_PROXY (set)"), "{text}");
        assert!(text.contains("logged in"), "{text}");
        assert!(!text.contains("verysecret") && !text.contains("pass@"), "{text}");
    }
}

/// A process that ended on another host leaves its claim.
#[test]
fn what_killed_runs_left_in_a_store_is_said() {
    let sandbox = study();
    sandbox.ablate("out", &["--store", "shared"]);
    let shared = sandbox.path().join("shared");
    let entry = fs::read_dir(shared.join("verdicts")).unwrap().next().unwrap().unwrap();
    let key = entry.file_name().into_string().unwrap();
    let claim = shared.join("claims").join(format!("verdicts-{key}"));
    fs::write(&claim, "no claim of this version\n").unwrap();
    #[expect(clippy::disallowed_methods, reason = "a claim is made old")]
    let old = SystemTime::now() - Duration::from_secs(600);
    fs::File::options().write(true).open(&claim).unwrap().set_modified(old).unwrap();
    let damaged = shared.join("damaged").join(format!("verdicts-{key}-1"));
    fs::create_dir_all(&damaged).unwrap();
    fs::write(damaged.join("x"), "x").unwrap();
    // The run folder remembers its store.
    let lines = said(&sandbox, &["doctor", "--out", "out", "--store", "shared"]);
    let has = |text: &str| lines.lines().any(|line| line.starts_with(text));
    assert!(has(&format!(
        "warning  claim of verdicts-{key}: a claim that is damaged gave no sign"
    )));
    assert!(has("warning  set aside in shared: 1 outputs that were damaged; `store gc --aside"));
    let aside = ["store", "gc", "--store", "shared", "--aside"];
    let listed = said(&sandbox, &aside);
    assert!(listed.contains("1 outputs were set aside"), "{listed}");
    // The claim is of no process: it has to be silent for long before it is over.
    fs::remove_file(&claim).unwrap();
    let gone = said(&sandbox, &[&aside[..], &["--delete"]].concat());
    assert!(gone.contains("1 outputs removed"), "{gone}");
    assert!(!damaged.exists());
    assert!(entry.path().exists());
}
