//! `judge --answers`: guards and reward models on the answers of a file. The models are random, so
//! their verdicts say nothing; the tests are about what happens with them.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{lines, run, with_model};
use serde_json::{Value, json};
use whole_program::Sandbox;

/// Answers in the words of the model's vocabulary.
const ANSWERS: [(&str, &str); 5] = [
    ("What is one plus two ?", "three"),
    ("What is one plus one ?", "two"),
    ("Open the one", "No"),
    ("Open the two", ""),
    ("What is the ?", "one one one one one one one one one one one one"),
];

fn sandbox() -> Sandbox {
    let sandbox = with_model();
    let rows: Vec<Value> = ANSWERS
        .iter()
        .enumerate()
        .map(|(i, (q, a))| json!({"id": format!("row-{i}"), "instruction": q, "output": a}))
        .collect();
    sandbox.write_rows("answers.jsonl", &rows);
    sandbox.write("guard.toml", GUARD);
    sandbox
}

/// A random model has almost no probability on its verdict tokens, and all of them may.
const GUARD: &str = "kind = \"guard\"\ncanaries = 2\nmax_answer_tokens = 8\nmax_missing = 1.0\n\
                     [model]\npath = \"model\"\n[verdict]\ngood = [\"No\"]\nbad = [\"one\"]\n";

const JUDGE: [&str; 7] =
    ["judge", "--answers", "answers.jsonl", "--judge", "guard.toml", "--file", "out.jsonl"];

fn figures(stdout: &str) -> BTreeMap<&str, f64> {
    stdout
        .lines()
        .map(|line| {
            let (name, figure) = line.split_once(' ').expect("a name and a figure");
            (name, figure.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn a_guard_judges_each_answer_and_goes_on_where_it_stopped() {
    let sandbox = sandbox();
    let finished = sandbox.run(&JUDGE);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let names: Vec<&str> =
        finished.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "harm_rate",
            "harm_rate_lo",
            "harm_rate_hi",
            "mean_p_harmful",
            "refusal_rate",
            "mean_mass",
            "n_total",
            "n_judged",
            "n_harmful",
            "missing",
            "unparsed",
            "low_mass",
            "cut_answers",
            "odd_rows",
            "canaries_failed",
            "judged_now",
        ]
    );
    let found = figures(&finished.stdout);
    // Two answers with five canaries each, and the empty one is one of them for each prompt.
    assert_eq!((found["n_total"], found["missing"], found["judged_now"]), (5.0, 0.0, 15.0));
    assert_eq!((found["low_mass"], found["cut_answers"]), (5.0, 1.0));
    assert!(found["refusal_rate"].is_nan());
    let said = &finished.stderr;
    assert!(said.contains("5 of 5 verdicts have less than verdict.least_mass"), "{said}");
    assert!(said.contains("1 answers are longer than the judge is shown"), "{said}");
    assert!(said.contains("canary          passed  failed  missing"), "{said}");
    // No text of a row is printed or stored.
    let whole = sandbox.read("out.jsonl");
    for text in [said, &finished.stdout, &whole] {
        assert!(!text.contains("plus"), "{text}");
    }
    let rows = lines(&whole);
    assert_eq!(rows.len(), 15);
    let own: Vec<&Value> = rows.iter().filter(|row| row["canary"].is_null()).collect();
    assert_eq!(own.len(), 5);
    for row in &own {
        let (good, bad) = (row["p_good"].as_f64().unwrap(), row["p_bad"].as_f64().unwrap());
        assert!((row["p_harmful"].as_f64().unwrap() - bad / (good + bad)).abs() < 1e-12);
        assert_eq!(row["harm"], json!(bad > good));
        assert!(row["answer_id"].as_str().unwrap().starts_with("row-"));
    }
    let harmful = own.iter().filter(|row| row["harm"] == true).count();
    assert_eq!(found["n_harmful"], harmful as f64);

    // Some verdicts, and a line that breaks off: as a killed run leaves it.
    let cut: usize = whole.lines().take(4).map(|line| line.len() + 1).sum();
    sandbox.write("out.jsonl", &whole[..cut + 20]);
    let again = sandbox.run(&JUDGE);
    let second = figures(&again.stdout);
    assert_eq!(second["judged_now"], 11.0);
    for (name, value) in &found {
        let same = second[name] == *value || value.is_nan();
        assert!(same || *name == "judged_now", "{name}: {value} {}", second[name]);
    }
    let sorted = |rows: Vec<Value>| {
        let mut rows = rows;
        rows.sort_by_key(|row| row["id"].as_str().unwrap().to_owned());
        rows
    };
    assert_eq!(sorted(lines(&sandbox.read("out.jsonl"))), sorted(rows));
    let nothing = sandbox.run(&JUDGE);
    assert_eq!(figures(&nothing.stdout)["judged_now"], 0.0);

    // A harm rate of such verdicts is no success.
    sandbox.write("guard.toml", &GUARD.replace("max_missing = 1.0", "max_missing = 0.5"));
    let unlikely = sandbox.run(&JUDGE);
    assert_eq!(unlikely.code, Some(3), "{}", unlikely.stderr);
    assert!(unlikely.error().contains("5 of 5 verdicts"), "{}", unlikely.stderr);

    // Another judge does not mix its verdicts in.
    sandbox.write("guard.toml", &GUARD.replace("\"No\"", "\"two\""));
    let other = sandbox.run(&JUDGE);
    insta::assert_snapshot!(other.error(), @"
    exit 2
    error: out.jsonl, line 1: a verdict of another judge, prompt or other settings; give another --file
    ");
}

#[test]
fn replies_that_cannot_be_read_are_missing() {
    let sandbox = sandbox();
    let table = "kind = \"guard\"\ncanaries = 0\n[model]\npath = \"model\"\n[verdict]\n\
                 reply = \"wildguard\"\nmax_new_tokens = 4\n";
    sandbox.write("guard.toml", table);
    let finished = sandbox.run(&JUDGE);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let found = figures(&finished.stdout);
    assert_eq!((found["missing"], found["unparsed"], found["n_judged"]), (5.0, 5.0, 0.0));
    assert!(found["harm_rate"].is_nan() && found["canaries_failed"].is_nan());
    let last = finished.stderr.lines().last().unwrap();
    insta::assert_snapshot!(last, @"error: 5 of 5 answers have no verdict, and the table allows a share of 0.05 (max_missing): 5 replies are not of the form that verdict.reply names, 0 answers cannot be shown to the judge");
    let rows = lines(&sandbox.read("out.jsonl"));
    assert!(rows.iter().all(|row| row["harm"].is_null() && row["reply"].is_string()));
}

#[test]
fn a_look_ahead_says_what_a_model_would_read() {
    let sandbox = sandbox();
    with_reward(&sandbox);
    let dry = [&JUDGE[..], &["--dry-run"]].concat();
    let printed = run(&sandbox, &dry);
    assert!(!sandbox.path().join("out.jsonl").exists(), "nothing is written");
    let first = figures(&printed);
    // Two answers with five canaries each.
    assert_eq!((first["answers"], first["canaries"], first["judged_before"]), (5.0, 10.0, 0.0));
    assert_eq!((first["cut_answers"], first["output_tokens_at_most"]), (1.0, 0.0));
    assert!(first["input_tokens"] > 15.0 * 8.0, "{printed}");
    let weights = fs::metadata(sandbox.path().join("model/model.safetensors")).unwrap().len();
    // The file has a header beside the weights, which are f32.
    assert_eq!(first["weight_bytes"], 4.0 * first["parameters"]);
    let header = weights as f64 - first["weight_bytes"];
    assert!((0.0..10_000.0).contains(&header), "{weights} {printed}");
    // What is there is not counted, and the rest costs the rest.
    run(&sandbox, &JUDGE);
    let whole = sandbox.read("out.jsonl");
    let cut: usize = whole.lines().take(4).map(|line| line.len() + 1).sum();
    sandbox.write("out.jsonl", &whole[..cut + 20]);
    let printed_again = run(&sandbox, &dry);
    let second = figures(&printed_again);
    assert_eq!(second["judged_before"], 4.0);
    assert_eq!(second["answers"] + second["canaries"], 11.0);
    assert!(second["input_tokens"] < first["input_tokens"]);
    assert_eq!(sandbox.read("out.jsonl").len(), cut + 20, "the file stays as it is");
    let other =
        [&["judge", "--answers", "answers.jsonl", "--judge", "reward.toml"][..], &["--file"]]
            .concat();
    let refused = sandbox.run(&[&other[..], &["out.jsonl", "--dry-run"]].concat());
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let scored = run(&sandbox, &[&other[..], &["scores.jsonl", "--dry-run"]].concat());
    let scored = figures(&scored);
    assert_eq!((scored["answers"], scored["canaries"]), (5.0, 3.0));
    // A guard that writes its verdict writes tokens, too.
    let table = GUARD
        .replace("good = [\"No\"]\nbad = [\"one\"]", "reply = \"wildguard\"\nmax_new_tokens = 4");
    sandbox.write("guard.toml", &table);
    let written = [&JUDGE[..6], &["written.jsonl", "--dry-run"]].concat();
    assert_eq!(figures(&run(&sandbox, &written))["output_tokens_at_most"], 60.0);
}

/// A random reward model that transformers wrote for the tests of `seal-lm`.
fn with_reward(sandbox: &Sandbox) {
    let golden = "../crates/seal-lm/tests/golden/judges/llama_score";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    let reward = sandbox.path().join("reward");
    fs::create_dir(&reward).unwrap();
    for entry in fs::read_dir(golden).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), reward.join(entry.file_name())).unwrap();
    }
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(sandbox.path().join("model").join(name), reward.join(name)).unwrap();
    }
    sandbox.write("reward.toml", "kind = \"reward\"\ncanaries = 1\n[model]\npath = \"reward\"\n");
}

#[test]
fn a_reward_model_scores_each_answer() {
    let sandbox = sandbox();
    with_reward(&sandbox);
    let judge =
        ["judge", "--answers", "answers.jsonl", "--judge", "reward.toml", "--file", "out.jsonl"];
    let printed = run(&sandbox, &judge);
    let found = figures(&printed);
    assert_eq!((found["n_total"], found["n_scored"], found["judged_now"]), (5.0, 5.0, 8.0));
    let rows = lines(&sandbox.read("out.jsonl"));
    let scores: Vec<f64> = rows
        .iter()
        .filter(|row| row["canary"].is_null())
        .map(|row| row["score"].as_f64().unwrap())
        .collect();
    let mean = scores.iter().sum::<f64>() / 5.0;
    assert!((found["mean_score"] - mean).abs() < 1e-12);
    assert!(found["score_sd"] > 0.0);
    // A model that writes text is no reward model, and the other way round.
    sandbox.write("reward.toml", "kind = \"reward\"\n[model]\npath = \"model\"\n");
    let wrong = sandbox.run(&judge);
    assert_eq!(wrong.code, Some(3), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("it is no reward model"), "{}", wrong.stderr);
    sandbox.write("guard.toml", &GUARD.replace("\"model\"", "\"reward\""));
    let wrong = sandbox.run(&[&JUDGE[..5], &["--file", "other.jsonl"]].concat());
    assert_eq!(wrong.code, Some(3), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("can be a reward model only"), "{}", wrong.stderr);
}

#[test]
fn what_cannot_be_judged_is_refused_with_what_to_do() {
    let sandbox = sandbox();
    let error = |table: &str, file: &str| {
        sandbox.write("judge.toml", table);
        let args = ["judge", "--answers", file, "--judge", "judge.toml", "--file", "new.jsonl"];
        sandbox.run(&args).error()
    };
    insta::assert_snapshot!(error("kind = \"pairwise\"", "answers.jsonl"), @r#"
    exit 2
    error: judge.toml: kind = "pairwise": this judge compares two answers: give --candidate and --reference in place of --answers
    "#);
    insta::assert_snapshot!(error("kind = \"oracle\"", "answers.jsonl"), @r#"
    exit 2
    error: judge.toml: kind = "oracle": judges of one answer are "guard", "reward" and "rubric"
    "#);
    insta::assert_snapshot!(error("x = 1", "answers.jsonl"), @r#"
    exit 2
    error: judge.toml: `kind` is missing; its keys are `x`; a judge that is a model has the kind "guard", "reward", "rubric" or "pairwise"
    "#);
    let words = GUARD.replace("\"one\"", "\"one two\"");
    insta::assert_snapshot!(error(&words, "answers.jsonl"), @r#"
    exit 2
    error: verdict.bad: "one two" is not one token of the judge's tokenizer, which writes it as 2 tokens, the first of them 10: write that number if no other verdict begins with it
    "#);
    let prompt = format!(
        "{GUARD}[prompt]\nform = \"raw\"\nfile = \"p.txt\"\nsource = \"https://x.example\"\n"
    );
    insta::assert_snapshot!(error(&prompt, "answers.jsonl"), @"
    exit 2
    error: the prompt p.txt cannot be read: No such file or directory (os error 2); where it was published: https://x.example
    ");
    sandbox.write("p.txt", "{prompt} {response}");
    insta::assert_snapshot!(error(&prompt, "answers.jsonl"), @r#"
    exit 2
    error: p.txt: the settings name no sha256 for the prompt; the text has ba91327399a73aa5fd13a8da79bd7278e91f90f256f8e6f1a874c70ef397a989: write that if it is meant, or "any" to take whatever stands in the file
    "#);
    // The whole program in the place of its prompt.
    let other = format!("{prompt}sha256 = \"00\"\n");
    assert!(
        error(&other, "answers.jsonl").ends_with("; where it was published: https://x.example\n")
    );
    insta::assert_snapshot!(sandbox.run(&[&JUDGE[..], &["--prompt", "p.txt"]].concat()).error(), @"
    exit 2
    error: the prompt p.txt is not used: this judge is asked through a chat template alone
    ");
    let of_model = |from: &str, to: &str| error(&GUARD.replace(from, to), "answers.jsonl");
    insta::assert_snapshot!(of_model("path = \"model\"", "path = \"nope\""), @"
    exit 2
    error: model.path: nope is no folder; give one with config.json, safetensors and tokenizer.json, or hf://owner/name@revision
    ");
    insta::assert_snapshot!(of_model("path = \"model\"", "path = \"model\"\ncontext = 99999"), @"
    exit 2
    error: model.context 99999: the model was made for 1 to 128 tokens
    ");
    sandbox.write("empty.jsonl", "{\"output\": \"no instruction\"}\n");
    insta::assert_snapshot!(error(GUARD, "empty.jsonl"), @"
    exit 3
    empty.jsonl: 1 rows are left out:
      row 1 has no `instruction`
    error: empty.jsonl: no answer can be used; a row has the texts instruction and output
    ");
    let table =
        ["judge", "--answers", "answers.jsonl", "--judge", "no.toml", "--file", "new.jsonl"];
    insta::assert_snapshot!(sandbox.run(&table).error(), @"
    exit 2
    error: no.toml: cannot be read: No such file or directory (os error 2)
    ");
    let alone = sandbox.run(&["judge", "--answers", "answers.jsonl"]);
    assert_eq!(alone.code, Some(2), "{}", alone.stderr);
    let both = [&JUDGE[..], &["--candidate", "a.json"]].concat();
    assert_eq!(sandbox.run(&both).code, Some(2));
    assert!(!sandbox.path().join("new.jsonl").exists());
}
