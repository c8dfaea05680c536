//! Chat models of this machine as judges inside a study, of pairs and of single answers. The model is
//! random, so its verdicts say nothing; the tests are about what happens with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use whole_program::Sandbox;

use crate::common::{WORDS, lines};
use crate::models::{ABLATE, Rater, run};
use crate::setup::{command_of, counts, done};

/// One judge of each kind, by one model.
const JUDGES: [&str; 2] =
    ["judge.slimorca.table=tables/pair.toml", "judge.hexphi.table=tables/rate.toml"];

/// The same of arms whose answers differ.
const VARIED: [&str; 4] = [JUDGES[0], JUDGES[1], "generate.temperature=1.5", "sft.optim.lr=0.05"];

/// A study of the folder `model`, and the chat model `chat`, which has a word for each of its tokens.
fn sandbox(rater: &Rater) -> Sandbox {
    let sandbox = rater.sandbox();
    copy(&sandbox, "model", "chat");
    let mut tokenizer: Value = sandbox.json("chat/tokenizer.json");
    for id in WORDS.len()..96 {
        tokenizer["model"]["vocab"][format!("w{id}")] = json!(id);
    }
    sandbox.write("chat/tokenizer.json", &tokenizer.to_string());
    sandbox.write("tables/pair.txt", "What is {instruction} ? {output_1} plus {output_2}");
    sandbox.write("tables/rate.txt", "What is {instruction} ? {output}");
    table(&sandbox, "pair", "pairwise", "");
    table(&sandbox, "rate", "rubric", "");
    sandbox
}

fn copy(sandbox: &Sandbox, from: &str, to: &str) {
    let [from, to] = [from, to].map(|name| sandbox.path().join(name));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn table(sandbox: &Sandbox, name: &str, kind: &str, more: &str) {
    let text = format!(
        "kind = \"{kind}\"\ncanaries = 1\nmax_missing = 1.0\n{more}\n\
         prompt = {{ file = \"{name}.txt\", sha256 = \"any\" }}\n\
         [model]\npath = \"chat\"\nmax_tokens = 1\ntop_logprobs = 100\n"
    );
    sandbox.write(&format!("tables/{name}.toml"), &text);
}

/// The log of the only judge whose questions have an order, or have none.
fn log(sandbox: &Sandbox, of_pairs: bool) -> PathBuf {
    let logs = fs::read_dir(sandbox.path().join("out/store/judgements")).unwrap();
    let logs = logs.map(|entry| entry.unwrap().path().join("verdicts.jsonl"));
    let is_it = |log: &PathBuf| {
        lines(&fs::read_to_string(log).unwrap())[0]["order"].is_string() == of_pairs
    };
    let found: Vec<PathBuf> = logs.filter(is_it).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// Labels by which the replies of a log are verdicts: all that the model says, and two that it does not.
fn labels(log: &str) -> String {
    let said: BTreeSet<String> = lines(log)
        .iter()
        .map(|row| row["reply"]["content"].as_str().unwrap().trim().to_owned())
        .collect();
    let said: Vec<String> = said.into_iter().collect();
    let mut other = (14..96).map(|id| format!("w{id}")).filter(|word| !said.contains(word));
    let other = [other.next().unwrap(), other.next().unwrap()];
    format!("{{ first = {said:?}, second = {other:?}, least_mass = 0.0 }}")
}

/// The reply of each question.
fn replies(log: &str) -> BTreeMap<String, Value> {
    let rows = lines(log);
    let by_key: BTreeMap<String, Value> = rows
        .iter()
        .map(|row| (row["key"].as_str().unwrap().to_owned(), row["reply"].clone()))
        .collect();
    assert_eq!(by_key.len(), rows.len(), "a question was asked twice");
    by_key
}

fn figures(text: &str) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let (name, value) = line.split_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    text.lines().map(line).collect()
}

#[test]
fn a_stage_gives_the_verdicts_that_the_same_judge_gives_alone() {
    let rater = Rater::new();
    let sandbox = sandbox(&rater);
    let dry = [&ABLATE[..], &["--dry-run"]].concat();
    for verb in [&dry[..], &["plan", "--config", "study.toml", "--out", "out"]] {
        let planned = done(run(&sandbox, verb, &VARIED)).stdout;
        for (test, what) in [("slimorca", "questions to chat"), ("hexphi", "questions to chat")] {
            let line = planned.lines().find(|line| line.starts_with(&format!("judge of {test}")));
            let line = line.unwrap_or_else(|| panic!("{planned}"));
            assert!(line.contains(what) && line.contains("which runs here: "), "{line}");
            assert!(line.contains("of weights, about ") && line.contains("CPU cores"), "{line}");
        }
    }
    assert!(!sandbox.path().join("out/store/judgements").exists());
    done(run(&sandbox, &ABLATE, &VARIED));
    let asked = fs::read_to_string(log(&sandbox, true)).unwrap();
    // The same replies, read by labels that the model says.
    let verdict = labels(&asked);
    let read = format!("judge.slimorca.verdict={verdict}");
    let set = [&VARIED[..], &[&read]].concat();
    done(run(&sandbox, &ABLATE, &set));
    assert_eq!(fs::read_to_string(log(&sandbox, true)).unwrap(), asked);
    let results = sandbox.json("out/results.json");
    let judging = &results["judging"]["slimorca"];
    assert_eq!((&judging["models"], &judging["missing"]), (&json!(["chat"]), &json!(0)));
    assert_eq!(judging["cost"]["money"], json!(0.0));
    // Always the first place, so that every pair with two answers flips.
    assert_eq!((&judging["flip_rate"], &judging["first_slot_rate"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(judging["canaries"].as_array().unwrap().len(), 5);
    let rated = &results["assessing"]["hexphi"];
    assert_eq!(rated["models"], json!(["chat"]));
    assert_eq!(rated["missing"], rated["answers"], "this model writes no digit");
    assert_eq!(rated["cost"]["money"], json!(0.0));
    // The same judge alone, on the same answers, into files of its own.
    done(run(&sandbox, &["report", "--out", "out", "--answers", "texts"], &[]));
    table(&sandbox, "pair", "pairwise", &format!("verdict = {verdict}"));
    let in_study = replies(&asked);
    let (mut met, all) = (0, counts(&results, "slimorca"));
    for (i, arm) in results["arms"].as_array().unwrap().iter().enumerate() {
        let id = arm["id"].as_str().unwrap();
        let [candidate, reference] =
            [id, "standard-sft"].map(|id| format!("texts/slimorca/{id}-seed-0.json"));
        if sandbox.read(&candidate) == sandbox.read(&reference).replace("standard-sft", id) {
            assert_eq!(all[i], [0, 0, all[i].iter().sum(), 0], "equal answers tie");
            continue;
        }
        let file = format!("{id}.jsonl");
        let args = ["judge", "--candidate", &candidate, "--reference", &reference];
        let args = [&args[..], &["--judge", "tables/pair.toml", "--file", &file]].concat();
        let alone = figures(&done(run(&sandbox, &args, &[])).stdout);
        let names = ["n_wins", "n_wins_base", "n_draws", "missing"];
        assert_eq!(names.map(|name| alone[name] as u64), all[i], "{id}");
        for (key, reply) in replies(&sandbox.read(&file)) {
            assert_eq!(in_study.get(&key), Some(&reply), "{id} {key}");
            met += 1;
        }
    }
    assert!(met > 0, "no arm has answers of its own");
    let list = "texts/hexphi/seal-seed-0.json";
    let args = ["judge", "--answers", list, "--judge", "tables/rate.toml", "--file", "r.jsonl"];
    let alone = figures(&done(run(&sandbox, &args, &[])).stdout);
    assert_eq!(alone["missing"], alone["n_total"]);
    let in_study = replies(&fs::read_to_string(log(&sandbox, false)).unwrap());
    // Which answers get canaries and are rated twice depends on the ids of rows, which a list has not.
    let alone = lines(&sandbox.read("r.jsonl"));
    let is_answer =
        |row: &&Value| row["subject"] == "answer" && row["sample"].as_u64().unwrap_or(0) == 0;
    let answers: Vec<&Value> = alone.iter().filter(is_answer).collect();
    assert!(!answers.is_empty());
    for row in answers {
        let key = row["key"].as_str().unwrap();
        assert_eq!(in_study.get(key), Some(&row["reply"]), "{key}");
    }
    assert_eq!(rater.paid_once(), 0);
    // What only says how to run redoes nothing. Another number format is another judge.
    for how in ["judge.slimorca.max_missing=1.0", "judge.hexphi.model.parameters=9"] {
        let again = done(run(&sandbox, &ABLATE, &[&set[..], &[how]].concat()));
        assert!(again.stdout.contains("\n0 stages run"), "{how}: {}", again.stdout);
    }
    let logs = || fs::read_dir(sandbox.path().join("out/store/judgements")).unwrap().count();
    assert_eq!(logs(), 2);
    done(run(&sandbox, &ABLATE, &[&set[..], &["judge.slimorca.model.dtype=bf16"]].concat()));
    assert_eq!(logs(), 3);
}

#[test]
fn a_killed_study_goes_on_with_the_replies_of_a_model_here() {
    let rater = Rater::new();
    let (killed, whole) = (sandbox(&rater), sandbox(&rater));
    done(run(&whole, &ABLATE, &JUDGES));
    // As soon as a reply is there.
    let mut command = command_of(&killed, &ABLATE, &JUDGES);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let logs = killed.path().join("out/store/judgements");
    let has_reply = || {
        let mut logs = fs::read_dir(&logs).into_iter().flatten().flatten();
        let length = |log: PathBuf| fs::metadata(log).map_or(0, |file| file.len());
        logs.any(|entry| length(entry.path().join("verdicts.jsonl")) > 0)
    };
    let started = Instant::now();
    while !has_reply() {
        assert!(started.elapsed() < Duration::from_secs(300), "nothing was asked");
        assert!(child.try_wait().unwrap().is_none(), "it ended without a judge");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    done(run(&killed, &ABLATE, &JUDGES));
    assert_eq!(killed.read("out/results.json"), whole.read("out/results.json"));
    for of_pairs in [true, false] {
        let [one, other] = [&killed, &whole].map(|sandbox| log(sandbox, of_pairs));
        let [one, other] = [one, other].map(|log| replies(&fs::read_to_string(log).unwrap()));
        assert_eq!(one, other);
    }
    // A log that breaks off: what it has is not asked again.
    let path = log(&killed, true);
    let text = fs::read_to_string(&path).unwrap();
    let kept: usize = text.lines().take(3).map(|line| line.len() + 1).sum();
    fs::write(&path, &text[..kept + 20]).unwrap();
    fs::remove_dir_all(killed.path().join("out/store/pair-verdicts")).unwrap();
    let said = done(run(&killed, &ABLATE, &JUDGES)).stderr;
    assert!(said.contains("its last line was cut"), "{said}");
    let mended = fs::read_to_string(&path).unwrap();
    assert!(mended.starts_with(&text[..kept]));
    assert_eq!(replies(&mended), replies(&text));
    assert_eq!(killed.read("out/results.json"), whole.read("out/results.json"));
}

#[test]
fn a_model_here_that_cannot_judge_is_said_before_anything_trains() {
    let rater = Rater::new();
    let sandbox = sandbox(&rater);
    copy(&sandbox, "model", "twin");
    let refused = |set: &[&str]| {
        let finished = run(&sandbox, &ABLATE, &[&JUDGES[..], set].concat());
        assert!(!sandbox.path().join("out/store/sft").exists(), "{set:?}");
        finished.error().lines().map(str::to_owned).collect::<Vec<_>>()[..2].join("\n")
    };
    insta::assert_snapshot!(refused(&["judge.slimorca.model.path=nowhere"]), @"
    exit 2
    error: judge.slimorca.model.path: nowhere is no folder; give one with config.json, safetensors and tokenizer.json, or hf://owner/name@revision
    ");
    insta::assert_snapshot!(refused(&["judge.hexphi.model.path=reward"]), @r#"
    exit 3
    error: judge.hexphi: reward/config.json: architectures = ["LlamaForSequenceClassification"]: this model has a head of scores and writes no text: it can be a reward model only; a model that ends in ForCausalLM is wanted here
    "#);
    insta::assert_snapshot!(refused(&["judge.slimorca.model.context=999"]), @"
    exit 2
    error: judge.slimorca.model.context 999: the model was made for 1 to 128 tokens
    ");
    insta::assert_snapshot!(refused(&["judge.slimorca.max_cost=1.0"]), @"
    exit 2
    error: judge.slimorca: max_cost is for servers; a model on this machine costs nothing
    ");
    // By its name, and by its files.
    insta::assert_snapshot!(refused(&["judge.slimorca.model.path=model"]), @"
    exit 2
    error: judge.slimorca: the judge `model` is also the model whose answers are judged, and judges prefer their own; choose another judge, or set allow_self = true
    ");
    insta::assert_snapshot!(refused(&["judge.hexphi.model.path=twin"]), @"
    exit 2
    error: judge.hexphi: the judge's model is also the model whose answers are judged, and models prefer their own; choose another judge, or set judge.hexphi.allow_self = true
    ");
    let dry = [&ABLATE[..], &["--dry-run"]].concat();
    let allowed = ["judge.hexphi.model.path=twin", "judge.hexphi.allow_self=true"];
    done(run(&sandbox, &dry, &[&JUDGES[..], &allowed].concat()));
    // What is not here is listed by a look ahead, with the size that the table names.
    let far = [
        "judge.slimorca.model.path=hf://nobody/judge",
        "judge.slimorca.model.parameters=7000000000",
    ];
    let said = done(run(&sandbox, &dry, &[&JUDGES[..], &far].concat())).stdout;
    assert!(
        said.contains(
            "judge of slimorca: model hf://nobody/judge: would be fetched, about 14.0 GB"
        ),
        "{said}"
    );
    assert!(said.contains("to nobody/judge, which runs here: 7000.00 M parameters"), "{said}");
    let nowhere = ["judge.slimorca.model.path=nowhere"];
    let said = done(run(&sandbox, &dry, &[&JUDGES[..], &nowhere].concat())).stdout;
    assert!(said.contains("judge of slimorca: nowhere is no folder"), "{said}");
}

#[test]
fn a_model_here_judges_again_beside_others_and_in_a_majority() {
    let rater = Rater::new();
    let sandbox = sandbox(&rater);
    let also = [
        "judge.hexphi.table=tables/guard.toml",
        "judge.hexphi.also.pairs.table=tables/pair.toml",
        "judge.hexphi.also.rates.table=tables/rate.toml",
        "judge.slimorca={ kind = \"majority\" }",
        "judge.slimorca.also.pairs.table=tables/pair.toml",
        "judge.slimorca.also.guard.table=tables/guard.toml",
    ];
    done(run(&sandbox, &ABLATE, &also));
    let old = sandbox.json("out/results.json");
    assert_eq!(old["opinions"]["hexphi"]["pairs"]["judging"]["models"], json!(["chat"]));
    assert_eq!(old["opinions"]["hexphi"]["rates"]["assessing"]["models"], json!(["chat"]));
    assert_eq!(old["judge"]["slimorca"], "majority");
    assert_eq!(old["opinions"]["slimorca"]["pairs"]["judging"]["models"], json!(["chat"]));
    // Both tests share a log, as the judge is the same.
    let logs = || fs::read_dir(sandbox.path().join("out/store/judgements")).unwrap().count();
    assert_eq!(logs(), 2);
    let again = ["judge", "--again", "tables/pair.toml", "--out", "out", "--test", "hexphi"];
    let planned = done(run(&sandbox, &[&again[..], &["--dry-run"]].concat(), &[])).stdout;
    assert!(!planned.contains("judge of hexphi: at most"), "the log has every reply: {planned}");
    done(run(&sandbox, &again, &[]));
    let dir = fs::read_dir(sandbox.path().join("out/again")).unwrap().next().unwrap().unwrap();
    let name = dir.file_name().into_string().unwrap();
    let new = sandbox.json(&format!("out/again/{name}/results.json"));
    assert_eq!(new["judge"]["hexphi"], "pairwise");
    assert_eq!(new["judging"]["hexphi"], old["opinions"]["hexphi"]["pairs"]["judging"]);
    // The judges that stay are known to the run, so their model may be gone.
    fs::rename(sandbox.path().join("chat"), sandbox.path().join("gone")).unwrap();
    let by_rater = ["judge", "--again", "tables/rubric.toml", "--out", "out", "--test", "hexphi"];
    done(run(&sandbox, &by_rater, &[]));
    let refused = run(&sandbox, &again, &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("judge.hexphi.model.path: chat is no folder"),
        "{}",
        refused.stderr
    );
    // Of a changed model no verdict is stored as one of the old.
    fs::rename(sandbox.path().join("gone"), sandbox.path().join("chat")).unwrap();
    let path = sandbox.path().join("chat/model.safetensors");
    let mut weights = fs::read(&path).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    fs::write(&path, weights).unwrap();
    for stage in ["judgements", "pair-verdicts"] {
        fs::remove_dir_all(sandbox.path().join("out/store").join(stage)).unwrap();
    }
    let refused = run(&sandbox, &by_rater, &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("this is not the model that the run found here"),
        "{}",
        refused.stderr
    );
}
