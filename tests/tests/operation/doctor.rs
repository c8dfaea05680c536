//! `doctor`.

use std::fs;
use std::io;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

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
        "ok       plan plan.jsonl: 1 replacement",
        "ok       study: 4 arms, at most ",
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
        assert!(finished.stderr.contains("wrong; the lines above"), "{}", finished.stderr);
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
    let judge = format!(
        "{study}[judge.hexphi.also.mine]\nkind = \"reward\"\n\
         [judge.hexphi.also.mine.model]\npath = \"no-model\"\n"
    );
    sandbox.write("judged.toml", &judge);
    let judged = ["--config", "judged.toml"];
    let model = "wrong    model of judge.hexphi.mine no-model: its config.json cannot be read";
    fault(&judged, model, "set judge.hexphi.mine.model.path to a model folder");
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
    let lines = said(&sandbox, &["doctor", "--out", "out"]);
    let shared = shared.canonicalize().unwrap();
    let shown = shared.display();
    let has = |text: &str| lines.lines().any(|line| line.starts_with(text));
    assert!(has(&format!(
        "warning  claim of verdicts-{key}: a claim that is damaged gave no sign"
    )));
    assert!(has(&format!(
        "warning  set aside in {shown}: 1 output that was damaged; `store gc --store {shown} --aside"
    )));
    let aside = ["store", "gc", "--store", "shared", "--aside"];
    let listed = said(&sandbox, &aside);
    assert!(listed.contains("1 outputs were set aside"), "{listed}");
    // The claim is of no process: it has to be silent for long before it is over.
    fs::remove_file(&claim).unwrap();
    let gone = said(&sandbox, &[&aside[..], &["--delete"]].concat());
    assert!(gone.contains("1 outputs removed"), "{gone}");
    assert!(!damaged.exists());
    assert!(entry.path().exists());
    fs::rename(&shared, sandbox.path().join("moved")).unwrap();
    let gone = sandbox.run(&["doctor", "--out", "out"]);
    assert_eq!(gone.code, Some(2), "{}", gone.stdout);
    let line = format!("wrong    store {shown}: the last run into out had it, and it is not there");
    assert!(gone.stdout.contains(&line), "{}", gone.stdout);
}

/// The claim of a process that was killed here is no output in the making.
#[cfg(target_os = "linux")]
#[test]
fn a_claim_of_a_process_that_has_ended_is_not_said_to_be_made() {
    let sandbox = study();
    let args = ["ablate", "--config", "study.toml", "--out", "out", "--set", "base.epochs=400"];
    let mut child =
        sandbox.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let claims = sandbox.path().join("out/store/claims");
    // A claim is written under another name first, with a token after the key.
    let is_whole = |claim: io::Result<fs::DirEntry>| {
        let name = claim.unwrap().file_name().into_string().unwrap();
        name.rsplit_once('-').is_some_and(|(_, key)| key.len() == 32)
    };
    let is_claimed = || fs::read_dir(&claims).is_ok_and(|claims| claims.into_iter().any(is_whole));
    while !is_claimed() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let lines = said(&sandbox, &["doctor", "--out", "out"]);
    let content = lines.lines().find(|line| line.starts_with("ok       content of "));
    let content = content.unwrap_or_else(|| panic!("{lines}"));
    assert!(!content.contains("being made"), "{content}");
    let ended = lines.lines().find(|line| line.starts_with("warning  claims in "));
    let ended = ended.unwrap_or_else(|| panic!("{lines}"));
    assert!(ended.contains("1 output was being made when the process ended"), "{ended}");
    // It is no claim of a process that works.
    let listed = said(&sandbox, &["store", "ls", "--out", "out"]);
    let ended = listed.lines().find(|line| line.starts_with("not finished: "));
    assert!(ended.is_some_and(|line| line.contains(", whose process has ended (")), "{listed}");
    assert!(!listed.contains("claimed: "), "{listed}");
}

/// Each of these is refused by `ablate`.
#[test]
fn what_a_run_would_refuse_is_wrong() {
    let sandbox = study();
    sandbox.ablate("out", &[]);
    let wrong = |args: &[&str], begins: &str, says: &str| {
        let finished = sandbox.run(&[&["doctor"], args].concat());
        assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.stdout);
        let line = finished.stdout.lines().find(|line| line.starts_with(begins));
        let line = line.unwrap_or_else(|| panic!("{begins}: {}", finished.stdout));
        assert!(line.contains(says), "{line}");
        let run = sandbox.run(&[&["ablate", "--out", "refused"], args].concat());
        assert!(run.code != Some(0), "{args:?}: {}", run.stdout);
    };
    let with = ["--config", "study.toml"];
    // A value that a line of the plan, or an arm, sets.
    sandbox.write_plan(&["much"]);
    wrong(&with, "wrong    study: ", "penalty strength");
    sandbox.write_plan(&["0.1"]);
    let study = sandbox.read("study.toml");
    let arm =
        "[[arms]]\nid = \"x\"\nlabel = \"X\"\nrole = \"control\"\nset = { \"sft.epochs\" = -1 }\n";
    sandbox.write("arm.toml", &format!("{study}\n{arm}"));
    wrong(&["--config", "arm.toml"], "wrong    study: ", "sft.epochs");
    // Rows that are a pointer, and rows that are none.
    let safe = sandbox.read("safe.jsonl");
    sandbox.write(
        "safe.jsonl",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 5\n",
    );
    wrong(&with, "wrong    rows ./safe.jsonl: ", "a pointer of Git LFS");
    sandbox.write("safe.jsonl", "[1, 2]\n");
    wrong(&with, "wrong    study: ", "safe.jsonl");
    sandbox.write("safe.jsonl", &safe);
    // A judge's model.
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/judges/llama_guard_3.toml");
    let table = format!("judge.hexphi={{ table = \"{table}\", model = {{ path = \"absent\" }} }}");
    wrong(
        &[&with[..], &["--set", &table]].concat(),
        "wrong    model of judge.hexphi absent: ",
        "config.json",
    );
    // A model folder: an adapter is no model, and shards belong together.
    let base = fs::read_dir(sandbox.path().join("out/store/base")).unwrap().next().unwrap();
    let model = sandbox.path().join("model");
    fs::rename(base.unwrap().path(), &model).unwrap();
    let (before, rest) = study.split_once("[tokenizer]").unwrap();
    let (_, after) = rest.split_once("[bilevel]").unwrap();
    let before = before.replace("base = [{ path = \"base.jsonl\" }]\n", "");
    let folder = "[tokenizer]\nkind = \"model\"\ntemplate = \"{} answer:\"\n\
                  [model]\npath = \"model\"\n";
    sandbox.write("folder.toml", &format!("{before}{folder}[bilevel]{after}"));
    let with = ["--config", "folder.toml"];
    wrong(&with, "wrong    study: ", "no file says which token ends a text");
    let tokenizer = sandbox.json("model/tokenizer.json");
    let known = tokenizer["model"]["vocab"].as_object().unwrap();
    let token = tokenizer["added_tokens"][0]["content"].as_str();
    let token = token.or(known.keys().next().map(String::as_str));
    sandbox.write("model/tokenizer_config.json", &json!({ "eos_token": token }).to_string());
    let fit = sandbox.run(&["doctor", "--config", "folder.toml"]);
    assert_eq!(fit.code, Some(0), "{}", fit.stdout);
    let (whole, adapter) =
        (model.join("model.safetensors"), model.join("adapter_model.safetensors"));
    fs::rename(&whole, &adapter).unwrap();
    wrong(&with, "wrong    model model: ", "model.safetensors");
    let index = "{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}}";
    fs::write(model.join("model.safetensors.index.json"), index).unwrap();
    fs::copy(&adapter, model.join("one.safetensors")).unwrap();
    wrong(&with, "wrong    model model: ", "the download is not complete");
    fs::remove_file(model.join("model.safetensors.index.json")).unwrap();
    fs::remove_file(model.join("one.safetensors")).unwrap();
    fs::rename(&adapter, &whole).unwrap();
    fs::rename(model.join("tokenizer.json"), model.join("moved.json")).unwrap();
    wrong(&with, "wrong    study: ", "tokenizer");
}
