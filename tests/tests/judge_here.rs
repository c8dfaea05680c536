//! `judge` by a model folder that is asked as an endpoint is. The model is random, so its verdicts say
//! nothing; the tests are about what happens with them.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{WORDS, lines, with_model};
use serde_json::{Value, json};
use whole_program::{Finished, Sandbox};

const PAIRS: [&str; 9] = [
    "judge",
    "--candidate",
    "arm.json",
    "--reference",
    "ref.json",
    "--judge",
    "judge.toml",
    "--file",
    "verdicts.jsonl",
];

const RATE: [&str; 7] =
    ["judge", "--answers", "arm.json", "--judge", "judge.toml", "--file", "ratings.jsonl"];

/// A model with a word for each of its tokens, and two files of answers.
fn sandbox() -> Sandbox {
    let sandbox = with_model();
    let mut tokenizer: Value = sandbox.json("model/tokenizer.json");
    for id in WORDS.len()..96 {
        tokenizer["model"]["vocab"][format!("w{id}")] = json!(id);
    }
    sandbox.write("model/tokenizer.json", &tokenizer.to_string());
    let rows = |name: &str, answers: [&str; 3]| {
        let row = |(i, answer): (usize, &str)| json!({"instruction": format!("Open the w{i}0"), "output": answer, "generator": name});
        Value::Array(answers.into_iter().enumerate().map(|(i, a)| row((i + 2, a))).collect())
    };
    sandbox.write("arm.json", &rows("arm", ["one two", "w33 w44", "No"]).to_string());
    sandbox.write("ref.json", &rows("ref", ["three", "w50 <|end|> w51", "No"]).to_string());
    sandbox.write("pair.txt", "What is {instruction} ? {output_1} plus {output_2}");
    sandbox.write("rate.txt", "What is {instruction} ? {output}");
    sandbox
}

fn table(kind: &str, head: &str, model: &str) -> String {
    let file = if kind == "rubric" { "rate.txt" } else { "pair.txt" };
    format!(
        "kind = \"{kind}\"\ncanaries = 1\nmax_missing = 1.0\n{head}\n\
         prompt = {{ file = \"{file}\", sha256 = \"any\" }}\n\
         [model]\npath = \"model\"\nmax_tokens = 1\ntop_logprobs = 100\n{model}\n"
    )
}

fn figures(finished: &Finished) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let (name, value) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
    };
    finished.stdout.lines().map(line).collect()
}

/// Runs the command, which must succeed.
fn done(sandbox: &Sandbox, args: &[&str]) -> (BTreeMap<String, f64>, String) {
    let finished = sandbox.run(args);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    (figures(&finished), finished.stderr)
}

/// The probability of each token at the first place of a reply.
fn probabilities(line: &Value) -> BTreeMap<String, f64> {
    let choices = line["reply"]["logprobs"]["tokens"][0]["choices"].as_array().unwrap();
    let of = |choice: &Value| {
        let token = choice["token"].as_str().unwrap().trim().to_owned();
        (token, choice["logprob"].as_f64().unwrap().exp())
    };
    choices.iter().map(of).collect()
}

#[test]
fn a_model_folder_judges_pairs_and_its_replies_are_read_as_those_of_a_server() {
    let sandbox = sandbox();
    sandbox.write("judge.toml", &table("pairwise", "", ""));
    let (planned, _) = done(&sandbox, &[&PAIRS[..], &["--dry-run"]].concat());
    // Two pairs of different answers and a canary of each kind, in two orders; a copy is one question.
    assert_eq!((planned["questions"], planned["cost_at_most"]), (13.0, 0.0));
    assert!(!sandbox.path().join("verdicts.jsonl").exists());
    let (first, said) = done(&sandbox, &PAIRS);
    assert_eq!((first["replies_asked_now"], first["cost"], first["n_draws"]), (13.0, 0.0, 1.0));
    assert!(said.contains("13 questions, 0 of them answered before"), "{said}");
    let whole = sandbox.read("verdicts.jsonl");
    let rows = lines(&whole);
    assert_eq!(rows.len(), 13);
    // The model is named by its hash, wherever it lies.
    let names: BTreeSet<&str> = rows.iter().map(|row| row["served"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 1);
    for row in &rows {
        let found = probabilities(row);
        assert_eq!(found.len(), 96);
        let sum: f64 = found.values().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        let likeliest = found.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        let reply = &row["reply"];
        assert_eq!(reply["content"].as_str().unwrap().trim(), likeliest);
        assert_eq!((&reply["finish"], &reply["usage"]["output"]), (&json!("length"), &json!(1)));
        assert_eq!(row["cost"], json!(0.0));
    }
    // Labels that this model says: verdicts come from the log, by probabilities.
    let said: BTreeSet<&str> =
        rows.iter().map(|row| row["reply"]["content"].as_str().unwrap().trim()).collect();
    let said: Vec<&str> = said.into_iter().collect();
    let verdict =
        format!("verdict = {{ first = {said:?}, second = [\"w14\", \"w15\"], least_mass = 0.0 }}");
    assert!(!said.contains(&"w14") && !said.contains(&"w15"), "{said:?}");
    sandbox.write("judge.toml", &table("pairwise", &verdict, ""));
    let (second, _) = done(&sandbox, &PAIRS);
    assert_eq!(
        (second["replies_asked_now"], second["missing"], second["n_total"]),
        (0.0, 0.0, 3.0)
    );
    let worth = |order: &str, row: &Value| {
        let found = probabilities(row);
        let p: f64 = said.iter().map(|label| found[*label]).sum();
        let q = found["w14"] + found["w15"];
        if order == "arm-first" { p / (p + q) } else { q / (p + q) }
    };
    let pairs = rows.iter().filter(|row| row["subject"] == "pair");
    let worths: f64 = pairs.map(|row| worth(row["order"].as_str().unwrap(), row)).sum();
    let expected = 100.0 * (worths / 2.0 + 0.5) / 3.0;
    assert!((second["win_rate"] - expected).abs() < 1e-9, "{} {expected}", second["win_rate"]);
    // Always the first place: each pair that was asked about flips.
    assert_eq!((second["flip_rate"], second["first_slot_rate"]), (1.0, 1.0));
    // A killed run: some lines, and one that breaks off.
    let cut: usize = whole.lines().take(5).map(|line| line.len() + 1).sum();
    sandbox.write("verdicts.jsonl", &whole[..cut + 30]);
    let (third, said) = done(&sandbox, &PAIRS);
    assert_eq!((third["replies_asked_now"], third["win_rate"]), (8.0, second["win_rate"]));
    assert!(said.contains("the last line was cut"), "{said}");
    // Another template, another number format and other weights are other judges.
    let written = "template = { chat = \"own.jinja\" }";
    sandbox.write("own.jinja", "{% for m in messages %}{{ m.content }} {% endfor %}");
    for model in [written, "dtype = \"bf16\"", "context = 100"] {
        sandbox.write("judge.toml", &table("pairwise", &verdict, model));
        let args = [&PAIRS[..], &["--dry-run"]].concat();
        assert_eq!(done(&sandbox, &args).0["answered_before"], 0.0, "{model}");
    }
}

#[test]
fn a_model_folder_rates_answers() {
    let sandbox = sandbox();
    sandbox.write("judge.toml", &table("rubric", "", ""));
    let (found, _) = done(&sandbox, &RATE);
    // Three answers, three canaries and a second question about one answer.
    assert_eq!((found["replies_asked_now"], found["n_total"]), (7.0, 3.0));
    assert_eq!((found["missing"], found["cost"]), (3.0, 0.0));
    assert!(found["canaries_failed"].is_nan());
    let (again, _) = done(&sandbox, &RATE);
    assert_eq!(again["replies_asked_now"], 0.0);
}

#[test]
fn what_the_model_cannot_be_asked_is_missing() {
    let sandbox = sandbox();
    let long = vec!["one"; 200].join(" ");
    let row = |i: usize, output: &str, name: &str| json!({"instruction": format!("Open the w{i}"), "output": output, "generator": name});
    let rows = |name: &str| -> Value {
        let answers =
            (0..3).map(|i| row(20 + i, if i == 1 && name == "arm" { &long } else { name }, name));
        Value::Array(answers.collect())
    };
    sandbox.write("arm.json", &rows("arm").to_string());
    sandbox.write("ref.json", &rows("ref").to_string());
    let head = "verdict = { first = [\"w14\"], second = [\"w15\"] }";
    sandbox.write("judge.toml", &table("pairwise", head, ""));
    let finished = sandbox.run(&PAIRS);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let said = &finished.stderr;
    assert!(
        said.contains("no reply to a question: the judge's model cannot take a question: "),
        "{said}"
    );
    assert!(said.contains("more than its context of 128"), "{said}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let sandbox = sandbox();
    let endpoint = "[endpoint]\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\n";
    let refused = |table: &str, args: &[&str]| {
        sandbox.write("judge.toml", table);
        let said = sandbox.run(args).error();
        assert!(!sandbox.path().join("verdicts.jsonl").exists());
        said
    };
    let own = table("pairwise", "", "");
    insta::assert_snapshot!(refused(&format!("{own}{endpoint}"), &PAIRS), @"
    exit 2
    error: judge.toml: it has [endpoint] and [model]: a judge is one of both; remove the other
    ");
    insta::assert_snapshot!(refused("kind = \"pairwise\"\n", &PAIRS), @"
    exit 2
    error: judge.toml: it names no judge: write [endpoint] for a server, or [model] for a model on this machine
    ");
    insta::assert_snapshot!(refused(&table("pairwise", "max_cost = 1.0", ""), &PAIRS), @"
    exit 2
    error: judge.toml: max_cost is for servers; a model on this machine costs nothing
    ");
    let with = |more: &[&'static str]| [&PAIRS[..], more].concat();
    insta::assert_snapshot!(refused(&own, &with(&["--max-cost", "1"])), @"
    exit 2
    error: --max-cost is for judges behind an endpoint, and the table names a model here ([model])
    ");
    insta::assert_snapshot!(refused(&own, &with(&["--batch-input", "in.jsonl"])), @"
    exit 2
    error: --batch-input is for judges behind an endpoint, and the table names a model here ([model])
    ");
    insta::assert_snapshot!(refused(&own, &with(&["--device", "abacus"])), @"
    exit 2
    error: unknown device `abacus`: known are flex, flex:N, cuda:N, cuda:*, tch, tch:cuda:N, wgpu, wgpu:N, wgpu:integrated:N, wgpu:virtual:N, wgpu:cpu
    ");
    let server = format!("kind = \"pairwise\"\n{endpoint}");
    insta::assert_snapshot!(refused(&server, &with(&["--device", "flex"])), @"
    exit 2
    error: --device is for judges that are models here, and the table names an [endpoint]
    ");
    insta::assert_snapshot!(refused(&server.replace("pairwise", "rubric"), &[&RATE[..], &["--device", "flex"]].concat()), @"
    exit 2
    error: --device is for judges that are models here, and the table names an [endpoint]
    ");
    insta::assert_snapshot!(refused(&own.replace("\"model\"", "\"nope\""), &PAIRS), @"
    exit 2
    error: model.path: nope is no folder; give one with config.json, safetensors and tokenizer.json, or hf://owner/name@revision
    ");
    insta::assert_snapshot!(refused(&table("pairwise", "", "context = 999"), &PAIRS), @"
    exit 2
    error: model.context 999: the model was made for 1 to 128 tokens
    ");
    let own_answers = sandbox.read("arm.json").replace("\"arm\"", "\"model\"");
    sandbox.write("arm.json", &own_answers);
    insta::assert_snapshot!(refused(&own, &PAIRS), @"
    exit 2
    error: the judge `model` is also the model whose answers are judged, and judges prefer their own; choose another judge, or set allow_self = true
    ");
}

/// Nobody listens where the hub would be.
#[test]
fn a_dry_run_asks_no_hub() {
    let sandbox = sandbox();
    let far = |kind: &str| table(kind, "", "").replace("\"model\"", "\"hf://nobody/judge\"");
    let dry = |args: &[&str]| {
        let mut command = sandbox.command(&[args, &["--dry-run"]].concat());
        command.env("HF_HOME", sandbox.path().join("hub")).env("NO_PROXY", "127.0.0.1");
        command.env("HF_ENDPOINT", "http://127.0.0.1:9").env_remove("HF_HUB_CACHE");
        let finished = Finished::of(command.output().unwrap());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let said =
            "hf://nobody/judge: the cache does not have this model, and a dry run fetches nothing";
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
        figures(&finished)
    };
    sandbox.write("judge.toml", &far("pairwise"));
    assert_eq!(dry(&PAIRS)["questions"], 13.0);
    sandbox.write("judge.toml", &far("rubric"));
    assert_eq!(dry(&RATE)["questions"], 7.0);
    for kind in ["guard", "reward"] {
        let verdict = "[verdict]\ngood = [\"No\"]\nbad = [\"one\"]\n";
        let verdict = if kind == "guard" { verdict } else { "" };
        let text = format!(
            "kind = \"{kind}\"\ncanaries = 1\n[model]\npath = \"hf://nobody/judge\"\n{verdict}"
        );
        sandbox.write("judge.toml", &text);
        let found = dry(&RATE);
        assert_eq!(found["answers"], 3.0, "{kind}");
        assert!(found["canaries"] > 0.0 && found["parameters"].is_nan(), "{kind}");
    }
    assert!(!sandbox.path().join("verdicts.jsonl").exists());
}

#[test]
fn a_template_that_ends_no_turn_is_said() {
    let sandbox = sandbox();
    sandbox.write("judge.toml", &table("pairwise", "", ""));
    let (_, said) = done(&sandbox, &PAIRS);
    assert!(!said.contains("no token ends"), "{said}");
    let settings = sandbox.read("model/tokenizer_config.json");
    sandbox.write("model/tokenizer_config.json", &settings.replace(" {{ eos_token }}", ""));
    let (_, said) = done(&sandbox, &[&PAIRS[..8], &["other.jsonl"]].concat());
    let notice = "model: no token ends a turn of the model by its chat template, so that its replies may \
                  run on to the 1 tokens that they have at most";
    assert!(said.contains(notice), "{said}");
}
