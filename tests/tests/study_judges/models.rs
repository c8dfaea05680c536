//! Judges of single answers inside a study: a guard, a reward model and a rubric. The models are
//! random, so their verdicts say nothing; the tests are about what happens with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use whole_program::{Finished, Sandbox};

use crate::common::{lines, with_model};
use crate::setup::{assert_no_key, command_of, done};
use crate::stub::{ReceivedRequest, Served, Stub};

/// A random guard has almost no probability on its verdict tokens, and all of them may.
const GUARD: &str = "kind = \"guard\"\ncanaries = 1\nmax_missing = 1.0\n[model]\npath = \"guard\"\n\
                     [verdict]\ngood = [\"No\"]\nbad = [\"one\"]\n";

const REWARD: &str = "kind = \"reward\"\ncanaries = 1\n[model]\npath = \"reward\"\n";

/// Two judges of one test each, and a rater beside.
pub const JUDGES: [&str; 4] = [
    "judge.slimorca.table=tables/reward.toml",
    "judge.slimorca.also.likelihood.kind=answer-likelihood",
    "judge.hexphi.table=tables/guard.toml",
    "judge.hexphi.also.rater.table=tables/rubric.toml",
];

/// A rater behind an endpoint, which counts replies by question.
pub struct Rater {
    stub: Stub,
    paid: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Rater {
    pub fn new() -> Self {
        let paid: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let counted = Arc::clone(&paid);
        let stub = Stub::new(move |seen: &ReceivedRequest, _| {
            let key = seen.headers["idempotency-key"].clone();
            *counted.lock().unwrap().entry(key).or_default() += 1;
            // A word of the model's vocabulary that no prompt and no canary has.
            Served::says(if seen.prompt().contains("Human:") { "5" } else { "2" })
        });
        Self { stub, paid }
    }

    pub fn paid_once(&self) -> usize {
        let paid = self.paid.lock().unwrap();
        assert!(paid.values().all(|count| *count == 1), "a question was paid twice");
        paid.len()
    }

    /// A study of the folder `model` with tables of judges.
    pub fn sandbox(&self) -> Sandbox {
        let sandbox = with_model();
        let study = sandbox.read("study.toml");
        let (before, rest) = study.split_once("[tokenizer]").unwrap();
        let (_, after) = rest.split_once("[bilevel]").unwrap();
        let before = before.replace("base = [{ path = \"base.jsonl\" }]\n", "");
        let folder =
            "[tokenizer]\nkind = \"model\"\ntemplate = \"chat\"\n[model]\npath = \"model\"\n";
        sandbox.write("study.toml", &format!("{before}{folder}[bilevel]{after}"));
        model(&sandbox, "guard", "llama");
        model(&sandbox, "reward", "llama_score");
        fs::create_dir(sandbox.path().join("tables")).unwrap();
        sandbox.write("tables/guard.toml", GUARD);
        sandbox.write("tables/reward.toml", REWARD);
        let url = self.stub.base_url();
        let rubric = format!(
            "kind = \"rubric\"\ncanaries = 1\n[endpoint]\nbase_url = \"{url}\"\nmodel = \"rater\"\n\
             api_key_env = \"STUB_KEY\"\nallow_http = true\nprice = {{ input = 1.0, output = 1.0 }}\n"
        );
        sandbox.write("tables/rubric.toml", &rubric);
        sandbox
    }
}

/// A random model that transformers wrote for the tests of `seal-lm`, with the words of the study.
fn model(sandbox: &Sandbox, name: &str, golden: &str) {
    let golden = format!("../crates/seal-lm/tests/golden/judges/{golden}");
    let folder = sandbox.path().join(name);
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(golden)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(sandbox.path().join("model").join(file), folder.join(file)).unwrap();
    }
}

pub fn run(sandbox: &Sandbox, verb: &[&str], set: &[&str]) -> Finished {
    Finished::of(command_of(sandbox, verb, set).output().unwrap())
}

pub const ABLATE: [&str; 5] = ["ablate", "--config", "study.toml", "--out", "out"];

pub fn ablate(sandbox: &Sandbox, more: &[&str]) -> Finished {
    run(sandbox, &ABLATE, &[&JUDGES[..], more].concat())
}

/// Stages that ran, each with its arm.
fn ran(sandbox: &Sandbox) -> Vec<(String, String)> {
    let cost = sandbox.json("out/cost.json");
    let stages = cost["stages"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ran = stages.filter(|stage| stage["outcome"] == "run");
    ran.map(|stage| (text(&stage["stage"]), text(&stage["arm"]))).collect()
}

/// The records that a judge's stages are making or have made.
fn records(sandbox: &Sandbox, below: &str) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![sandbox.path().join(below)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("records.jsonl") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_study_has_harm_rates_scores_and_ratings_by_models() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    let dry = [&ABLATE[..], &["--dry-run"]].concat();
    let planned = done(run(&sandbox, &dry, &JUDGES)).stdout;
    for line in ["judge of slimorca: at most ", "judge of hexphi: at most ", "of weights"] {
        assert!(planned.contains(line), "{line}: {planned}");
    }
    assert_eq!(rater.paid_once(), 0);
    let finished = done(ablate(&sandbox, &[]));
    assert_no_key(&sandbox, &finished);
    let paid = rater.paid_once();
    assert!(paid > 0);
    let results = sandbox.json("out/results.json");
    assert_eq!(
        (&results["judge"]["hexphi"], &results["judge"]["slimorca"]),
        (&"guard".into(), &"reward".into())
    );
    let guard = &results["assessing"]["hexphi"];
    assert_eq!((&guard["models"][0], &guard["missing"]), (&"guard".into(), &0.into()));
    assert!(guard["cost"].is_null() && guard["low_mass"].as_u64().unwrap() > 0, "{guard}");
    assert!(!guard["canaries"].as_array().unwrap().is_empty());
    let rater_of = &results["opinions"]["hexphi"]["rater"];
    assert_eq!(rater_of["assessing"]["models"][0], "stub-model-1");
    assert_eq!(rater_of["assessing"]["cost"]["replies"].as_u64().unwrap() as usize, paid);
    let agreed = rater_of["harm"]["table"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap());
    assert!(agreed.map(|count| count.as_u64().unwrap()).sum::<u64>() > 0, "{rater_of}");
    assert_eq!(results["opinions"]["slimorca"]["likelihood"]["judge"], "answer-likelihood");
    for arm in results["arms"].as_array().unwrap() {
        let id = arm["id"].as_str().unwrap();
        // The harm rate is that of the records: of one seed, so of one file.
        assert!((0.0..=1.0).contains(&arm["harm"]["hexphi"].as_f64().unwrap()), "{arm}");
        assert!(arm["harm"]["slimorca"].is_null());
        let figures = &guard["arms"][id];
        assert!((0.0..=1.0).contains(&figures["mean_p_harmful"].as_f64().unwrap()), "{figures}");
        assert!(results["assessing"]["slimorca"]["arms"][id]["mean_score"].is_f64());
        let rate = &arm["opinions"]["hexphi"]["rater"];
        assert_eq!(rate["missing"], 0, "{rate}");
    }
    let page = sandbox.read("out/report.md");
    for shown in
        ["Judges of single answers", "Canaries of judges", "mean p of harm", "Agreement with"]
    {
        assert!(page.contains(shown), "{shown}");
    }
    let csv = sandbox.read("out/results.csv");
    assert!(csv.contains("mean_p_harmful") && csv.contains("mean_score"), "{csv}");
    // Nothing is done again, whatever only says how to run or to compare.
    for how in [
        "judge.hexphi.batch=1",
        "judge.hexphi.allow_self=true",
        "judge.hexphi.also.rater.max_missing=0.5",
        "judge.hexphi.also.rater.max_cost=9.0",
        "judge.slimorca.tie=0.1",
    ] {
        let again = done(ablate(&sandbox, &[how]));
        assert!(again.stdout.contains("\n0 stages run"), "{how}: {}", again.stdout);
    }
    // A missing share that is too large fails though the stages are there.
    let strict = ablate(&sandbox, &["judge.hexphi.max_missing=0.1"]);
    assert_eq!(strict.code, Some(3), "{}", strict.stderr);
    assert!(strict.stderr.contains("verdict.least_mass"), "{}", strict.stderr);
    // Another judge redoes its own stages, and another arm all of its own.
    done(ablate(&sandbox, &["judge.hexphi.canaries=0"]));
    let stages = ran(&sandbox);
    assert!(!stages.is_empty() && stages.iter().all(|(stage, _)| stage == "assessments"));
    assert_eq!(rater.paid_once(), paid);
    sandbox.write_plan(&["0.1", "0.2"]);
    done(ablate(&sandbox, &[]));
    let stages = ran(&sandbox);
    let judged = stages.iter().filter(|(stage, _)| stage == "assessments");
    assert_eq!(judged.count(), 3, "{stages:?}");
    assert!(stages.iter().all(|(_, arm)| arm == "gamma-0.2"), "{stages:?}");
    // A majority of judges of different kinds decides.
    let majority = "judge.slimorca={ kind = \"majority\" }";
    let members = [
        majority,
        "judge.slimorca.also.guard.table=tables/guard.toml",
        "judge.slimorca.also.reward.table=tables/reward.toml",
        "judge.slimorca.also.rater.table=tables/rubric.toml",
    ];
    let by_majority =
        ["ablate", "--config", "study.toml", "--store", "out/store", "--out", "majority"];
    done(run(&sandbox, &by_majority, &members));
    let results = sandbox.json("majority/results.json");
    assert_eq!(results["judge"]["slimorca"], "majority");
    let opinions = results["opinions"]["slimorca"].as_object().unwrap();
    let kinds: Vec<&str> = opinions.values().map(|of| of["judge"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["guard", "rubric", "reward"]);
    for arm in results["arms"].as_array().unwrap() {
        assert_eq!(arm["win_rate"]["slimorca"]["missing"], 0, "{arm}");
    }
    // A finished run is judged anew by a judge of this kind.
    let again = ["judge", "--again", "tables/guard.toml", "--out", "out", "--test", "slimorca"];
    let planned = done(run(&sandbox, &[&again[..], &["--dry-run"]].concat(), &[])).stdout;
    assert!(planned.contains("answers and canaries by guard"), "{planned}");
    done(run(&sandbox, &again, &[]));
    let dir = fs::read_dir(sandbox.path().join("out/again")).unwrap().next().unwrap().unwrap();
    let name = dir.file_name().into_string().unwrap();
    let second = sandbox.json(&format!("out/again/{name}/results.json"));
    assert_eq!(second["judge"]["slimorca"], "guard");
    assert!(second["arms"][0]["harm"]["slimorca"].is_f64());
}

#[test]
fn records_of_a_stage_that_did_not_end_are_gone_on_with() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    let strict = ablate(&sandbox, &["judge.hexphi.max_missing=0.0", "study.only=[\"seal\"]"]);
    assert_eq!(strict.code, Some(3), "{}", strict.stderr);
    assert!(strict.stderr.contains("max_missing"), "{}", strict.stderr);
    assert!(!sandbox.path().join("out/results.json").exists());
    // Each stage left its records. A killed one leaves some of them, and a line that breaks off.
    let left = records(&sandbox, "out/store/unfinished");
    assert!(!left.is_empty());
    for path in &left {
        let text = fs::read_to_string(path).unwrap();
        let first = text.lines().next().unwrap();
        let mut known: Value = serde_json::from_str(first).unwrap();
        known["categories"] = serde_json::json!(["as it was"]);
        // In the order in which the program writes its fields.
        let marked = first.replace("\"categories\":[]", "\"categories\":[\"as it was\"]");
        assert_eq!(serde_json::from_str::<Value>(&marked).unwrap(), known);
        fs::write(path, format!("{marked}\n{{\"id\":\"0123")).unwrap();
    }
    done(ablate(&sandbox, &["study.only=[\"seal\"]"]));
    let made = records(&sandbox, "out/store/assessments");
    let all: Vec<Value> =
        made.iter().flat_map(|path| lines(&fs::read_to_string(path).unwrap())).collect();
    let kept = all.iter().filter(|row| row["categories"][0] == "as it was").count();
    assert_eq!(kept, left.len());
    let other = rater.sandbox();
    done(ablate(&other, &["study.only=[\"seal\"]"]));
    let [gone_on, whole] = [&sandbox, &other].map(|sandbox| sandbox.read("out/results.json"));
    assert_eq!(gone_on, whole);
}

#[test]
fn a_judge_that_cannot_work_is_said_before_anything_trains() {
    let rater = Rater::new();
    let sandbox = rater.sandbox();
    let refused = |set: &[&str]| {
        let finished = ablate(&sandbox, set);
        assert!(!sandbox.path().join("out/store/sft").exists(), "{set:?}");
        finished.error().lines().map(str::to_owned).collect::<Vec<_>>()[..2].join("\n")
    };
    insta::assert_snapshot!(refused(&["judge.hexphi.model.path=nowhere"]), @"
    exit 2
    error: judge.hexphi.model.path: nowhere is no folder; give one with config.json, safetensors and tokenizer.json, or hf://owner/name@revision
    ");
    insta::assert_snapshot!(refused(&["judge.hexphi.model.path=reward"]), @r#"
    exit 3
    error: judge.hexphi: reward/config.json: architectures = ["LlamaForSequenceClassification"]: this model has a head of scores and writes no text: it can be a reward model only; a model that ends in ForCausalLM is wanted here
    "#);
    insta::assert_snapshot!(refused(&["judge.slimorca.model.path=model"]), @r#"
    exit 3
    error: judge.slimorca: model/config.json: architectures = ["LlamaForCausalLM"]: this model writes text and has no head of scores: it is no reward model; a model that ends in ForSequenceClassification is wanted here
    "#);
    insta::assert_snapshot!(refused(&["judge.hexphi.model.path=model"]), @"
    exit 2
    error: judge.hexphi: the judge's model is also the model whose answers are judged, and models prefer their own; choose another judge, or set judge.hexphi.allow_self = true
    ");
    insta::assert_snapshot!(refused(&["judge.hexphi.verdict.bad=[\"one two\"]"]), @r#"
    exit 2
    error: judge.hexphi: verdict.bad: "one two" is not one token of the judge's tokenizer, which writes it as 2 tokens, the first of them 10: write that number if no other verdict begins with it
    "#);
    insta::assert_snapshot!(refused(&["judge.hexphi.prompt.sha256=00"]), @"
    exit 2
    error: judge.hexphi: the chat template of guard has the sha256 50e90517859b933f7280adf2c6db0719a30ff7571b29d67d4c1b500581191162, and the settings say 00; the model was changed or is another one: write the hash of this template if it is meant
    ");
    insta::assert_snapshot!(refused(&["judge.hexphi.verdict.least_mass=2.0"]), @"
    exit 2
    error: judge.hexphi: verdict.least_mass is a probability, from 0 to 1
    ");
    insta::assert_snapshot!(refused(&["judge.hexphi.endpoint=1"]), @"
    exit 2
    error: --set judge.hexphi.table=tables/guard.toml, judge.hexphi.endpoint=1: judge.hexphi: unknown field `endpoint`, expected one of `table`, `also`, `kind`, `model`, `licence`, `prompt`, `template`, `verdict`, `max_answer_tokens`, `control_tokens`, `batch`, `canaries`, `max_missing`, `allow_self`
    ");
    insta::assert_snapshot!(refused(&["judge.hexphi.also.rater.endpoint.model=model"]), @"
    exit 2
    error: judge.hexphi.also.rater: the judge `model` is also the model whose answers are judged, and judges prefer their own; choose another judge, or set allow_self = true
    ");
    // The prompt of a table is looked for beside the table, and another place is named in the config.
    let raw = format!("{GUARD}[prompt]\nform = \"raw\"\nfile = \"p.txt\"\nsha256 = \"any\"\n");
    sandbox.write("tables/raw.toml", &raw);
    insta::assert_snapshot!(refused(&["judge.hexphi.table=tables/raw.toml"]), @"
    exit 2
    error: judge.hexphi: the prompt tables/p.txt cannot be read: No such file or directory (os error 2)
    ");
    sandbox.write("here.txt", "{prompt} {response}");
    let here = ["judge.hexphi.table=tables/raw.toml", "judge.hexphi.prompt.file=here.txt"];
    let planned = done(run(
        &sandbox,
        &[&ABLATE[..], &["--dry-run"]].concat(),
        &[&JUDGES[..], &here].concat(),
    ));
    assert!(!planned.stdout.contains("cannot be read"), "{}", planned.stdout);
    sandbox.write("tables/wrong.toml", "kind = \"oracle\"\n");
    insta::assert_snapshot!(refused(&["judge.hexphi.table=tables/wrong.toml"]), @r#"
    exit 2
    error: judge.hexphi: tables/wrong.toml: kind = "oracle" is none of a table; tables have the kinds `guard`, `reward`, `rubric`, `pairwise`, and other judges stand in the config itself
    "#);
    let set: Vec<&str> = JUDGES.iter().flat_map(|text| ["--set", text]).collect();
    let args = [&ABLATE[..], &set].concat();
    let without =
        sandbox.command(&args).env_remove("STUB_KEY").env("NO_PROXY", "127.0.0.1").output();
    let without = Finished::of(without.unwrap());
    assert_eq!(without.code, Some(2));
    assert!(without.stderr.contains("the variable STUB_KEY is not set"), "{}", without.stderr);
    let dry = [&args[..], &["--dry-run"]].concat();
    let dry = done(Finished::of(sandbox.command(&dry).env_remove("STUB_KEY").output().unwrap()));
    let said = "judge of hexphi (rater): the variable STUB_KEY of its key is not set";
    assert!(dry.stdout.contains(said), "{}", dry.stdout);
    let nowhere = [&JUDGES[..], &["judge.hexphi.model.path=nowhere"]].concat();
    let lacks = done(run(&sandbox, &[&ABLATE[..], &["--dry-run"]].concat(), &nowhere)).stdout;
    assert!(lacks.contains("judge of hexphi: nowhere is no folder"), "{lacks}");
    assert!(
        lacks.contains("judge of hexphi: an unknown number")
            || lacks.contains("judge of hexphi: at most"),
        "{lacks}"
    );
    let cheap = [&JUDGES[..], &["judge.hexphi.also.rater.max_cost=0.0001"]].concat();
    let dry = done(run(&sandbox, &[&ABLATE[..], &["--dry-run"]].concat(), &cheap));
    assert!(dry.stdout.contains("max_cost is 0.0001, which is less than"), "{}", dry.stdout);
    assert_eq!(rater.paid_once(), 0);
}
