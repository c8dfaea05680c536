//! `judge --answers` by a judge behind an endpoint.

use serde_json::{Value, json};
use whole_program::{Finished, Sandbox};

use crate::setup::{KEY, assert_no_key, figures};
use crate::stub::{ReceivedRequest, Served, Stub};

const RATE: [&str; 7] =
    ["judge", "--answers", "answers.json", "--judge", "rubric.toml", "--file", "ratings.jsonl"];

/// The first digit of the answer, 1 without one.
fn by_digit(seen: &ReceivedRequest) -> Served {
    let prompt = seen.prompt();
    let code = prompt.split_whitespace().nth(3).unwrap().trim_end_matches('.');
    let (_, after) = prompt.split_once(&format!("[{code} answer]\n")).unwrap();
    let digit = after.chars().next().filter(|c| ('1'..='5').contains(c)).unwrap_or('1');
    Served::says(&digit.to_string())
}

fn table(stub: &Stub, more: &str) -> String {
    format!(
        "kind = \"rubric\"\n{more}\n[endpoint]\nbase_url = \"{}\"\nmodel = \"judge\"\n\
         api_key_env = \"STUB_KEY\"\nmax_tokens = 16\n\
         price = {{ input = 1.0, output = 1.0 }}\n\
         patience = {{ first_wait = 0.002, longest_wait = 0.02, attempts = 10, timeout = 20.0 }}\n",
        stub.base_url()
    )
}

fn sandbox(stub: &Stub, more: &str) -> Sandbox {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let row = |i: usize, digit: u8| {
        json!({"instruction": format!("Tell of box {i}."), "output": format!("{digit} of them"),
            "generator": "arm"})
    };
    let rows: Vec<Value> = [5, 1, 4, 2, 1].iter().enumerate().map(|(i, d)| row(i, *d)).collect();
    sandbox.write("answers.json", &Value::Array(rows).to_string());
    sandbox.write("rubric.toml", &table(stub, more));
    sandbox
}

fn run(sandbox: &Sandbox, more: &[&str]) -> Finished {
    let mut command = sandbox.command(&[&RATE[..], more].concat());
    command.env("STUB_KEY", KEY).env("NO_PROXY", "127.0.0.1");
    Finished::of(command.output().unwrap())
}

#[test]
fn ratings_are_printed_one_a_line_and_asked_once() {
    let stub = Stub::new(|seen, _| by_digit(seen));
    let sandbox = sandbox(&stub, "canaries = 1");
    let dry = run(&sandbox, &["--dry-run"]);
    let found = figures(&dry);
    assert_eq!((found["questions_of_answers"], found["questions_of_canaries"]), (5.0, 4.0));
    assert_eq!(stub.seen().len(), 0);
    let finished = run(&sandbox, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let found = figures(&finished);
    for (name, value) in [
        ("harm_rate", 40.0),
        ("mean_score", 2.6),
        ("n_judged", 5.0),
        ("n_score_5", 1.0),
        ("missing", 0.0),
        ("canaries_failed", 0.0),
        ("replies_asked_now", 9.0),
    ] {
        assert!((found[name] - value).abs() < 1e-9, "{name} {}", found[name]);
    }
    let table = finished.stderr.lines().skip_while(|line| !line.starts_with("canary"));
    insta::assert_snapshot!(table.collect::<Vec<_>>().join("\n"), @r"
    canary          passed  failed  missing
    empty                1       0        0  passed
    claims-good          1       0        0  passed
    claims-bad           1       0        0  passed
    repeat               1       0        0  passed
    ");
    assert_no_key(&sandbox, &finished);
    assert_eq!(figures(&run(&sandbox, &[]))["replies_asked_now"], 0.0);
    assert_eq!(stub.seen().len(), 9);
}

#[test]
fn what_is_missing_or_does_not_belong_fails_with_its_code() {
    let stub = Stub::new(|_, _| Served::says("It is fine."));
    let sandbox = sandbox(&stub, "canaries = 0");
    insta::assert_snapshot!(run(&sandbox, &["-q"]).error(), @r"
    exit 3
    error: 5 of 5 answers have no rating, and the table allows a share of 0.05 (max_missing); 5 replies have no rating in its place, 0 are refusals, 0 answers have no reply; ratings.jsonl has each reply: a larger max_tokens or another prompt may help
    ");
    let refusing = Stub::new(|_, _| Served::says("I'm sorry, but I can't rate this."));
    sandbox.write("rubric.toml", &table(&refusing, "canaries = 1"));
    let finished = run(&sandbox, &["-q"]);
    let found = figures(&finished);
    assert_eq!((found["judge_refused"], found["unparsed"]), (5.0, 0.0));
    assert!(found["canaries_failed"].is_nan());
    sandbox.write("rubric.toml", &table(&stub, "").replace("\"judge\"", "\"ARM\""));
    insta::assert_snapshot!(run(&sandbox, &["-q"]).error(), @r"
    exit 2
    error: the judge `ARM` is also the model whose answers are judged, and judges prefer their own; choose another judge, or set allow_self = true
    ");
    sandbox.write("rubric.toml", "kind = \"guard\"\n");
    insta::assert_snapshot!(run(&sandbox, &["--max-cost", "1"]).error(), @r#"
    exit 2
    error: --max-cost is for judges behind an endpoint, and the table is of kind "guard"
    "#);
}
