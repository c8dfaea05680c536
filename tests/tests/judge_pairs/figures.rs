//! What is printed of judged pairs, by every way to a judge.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use whole_program::Finished;

use crate::setup::{JUDGE, assert_no_key, figures, longer, run, sandbox};
use crate::stub::{ReceivedRequest, Served, Stub, completion};

#[test]
fn two_files_are_judged_and_a_second_run_asks_nothing() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 40, "canaries = 2");
    let finished = run(&sandbox, &["-vv"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let found = figures(&finished);
    let first: Vec<&str> =
        finished.stdout.lines().take(4).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        first,
        ["win_rate", "standard_error", "discrete_win_rate", "length_controlled_minimal"]
    );
    for (name, value) in [
        ("win_rate", 75.0),
        ("discrete_win_rate", 75.0),
        ("n_wins", 30.0),
        ("n_wins_base", 10.0),
        ("n_total", 40.0),
        ("missing", 0.0),
        ("flip_rate", 0.0),
        ("first_slot_rate", 0.5),
        ("replies", 98.0),
        ("replies_asked_now", 98.0),
        // An injected copy is longer, so that this judge prefers it. It has no word for a tie of
        // two equal answers.
        ("canaries_failed", 3.0),
    ] {
        assert_eq!(found[name], value, "{name}\n{}", finished.stderr);
    }
    assert!((found["cost"] - 98.0 * 110e-6).abs() < 1e-12);
    assert!(
        finished.stderr.contains("injected-copy     2     0     0        0  FAILED"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("0        0  not testable"), "{}", finished.stderr);
    assert_no_key(&sandbox, &finished);
    let again = run(&sandbox, &["--write-annotations", "annotations.json"]);
    assert_eq!(figures(&again)["replies_asked_now"], 0.0);
    assert_eq!(stub.seen().len(), 98);
    // The same figures come from the annotations.
    let read = sandbox.run(&["judge", "--annotations", "annotations.json"]);
    let read = figures(&read);
    for name in ["win_rate", "standard_error", "length_controlled_minimal", "n_total"] {
        assert_eq!(read[name], found[name], "{name}");
    }
}

#[test]
fn a_dry_run_asks_nothing_and_makes_nothing() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 10, "canaries = 1");
    let mut without_key = sandbox.command(&[&JUDGE[..], &["--dry-run"]].concat());
    let finished = Finished::of(without_key.env_remove("STUB_KEY").output().unwrap());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let found = figures(&finished);
    assert_eq!((found["questions"], found["answered_before"]), (29.0, 0.0));
    assert_eq!((found["questions_of_pairs"], found["questions_of_canaries"]), (20.0, 9.0));
    assert_eq!(found["output_tokens_at_most"], 29.0 * 16.0);
    assert!(found["cost_at_most"] > 0.0);
    assert_eq!(finished.stderr, "the variable STUB_KEY of the key is not set\n");
    let dear = run(&sandbox, &["--dry-run", "--max-cost", "0.0000001"]);
    assert!(
        dear.stderr.starts_with("the largest cost is 0.0000001, which is less"),
        "{}",
        dear.stderr
    );
    assert!(!sandbox.path().join("verdicts.jsonl").exists());
    assert_eq!(stub.seen().len(), 0);
}

#[test]
fn batch_files_take_the_place_of_a_connection() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let sandbox = sandbox(&stub, 5, "canaries = 0");
    let finished = run(&sandbox, &["--batch-input", "in.jsonl"]);
    assert_eq!(finished.stdout, "questions 10\n", "{}", finished.stderr);
    let again = run(&sandbox, &["--batch-input", "again.jsonl"]);
    assert_eq!(again.stdout, "questions 10\n");
    assert!(
        again.stderr.starts_with("10 of these questions were written before"),
        "{}",
        again.stderr
    );
    let poor = run(&sandbox, &["--batch-input", "poor.jsonl", "--max-cost", "0.002"]);
    assert_eq!(poor.code, Some(0), "{}", poor.stderr);
    let left = 10 - sandbox.read("poor.jsonl").lines().count();
    assert!(left > 0 && poor.stderr.starts_with(&format!("{left} questions are left out")));
    let answer = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let seen = ReceivedRequest {
            path: String::new(),
            headers: BTreeMap::new(),
            body: line["body"].clone(),
        };
        let body: Value = serde_json::from_str(&longer(&seen).body).unwrap();
        json!({"custom_id": line["custom_id"], "error": null,
            "response": {"status_code": 200, "request_id": "r", "body": body}})
        .to_string()
    };
    let input = sandbox.read("in.jsonl");
    let output: Vec<String> = input.lines().rev().map(answer).collect();
    sandbox.write("out.jsonl", &output.join("\n"));
    let finished = run(&sandbox, &["--batch-output", "out.jsonl"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(figures(&finished)["win_rate"], 60.0);
    assert_eq!(stub.seen().len(), 0);
}

#[test]
fn an_expired_batch_may_be_sent_again() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let sandbox = sandbox(&stub, 5, "canaries = 0");
    let finished = run(&sandbox, &["--batch-input", "in.jsonl"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let expired = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let error = json!({"code": "batch_expired", "message": "not done within a day"});
        json!({"custom_id": line["custom_id"], "response": null, "error": error}).to_string()
    };
    let output: Vec<String> = sandbox.read("in.jsonl").lines().map(expired).collect();
    sandbox.write("out.jsonl", &output.join("\n"));
    let finished = run(&sandbox, &["--batch-output", "out.jsonl"]);
    assert_eq!(finished.code, Some(5), "{}", finished.stderr);
    let said = finished.stderr.lines().last().unwrap();
    assert!(said.contains("5 of 5 pairs") && said.contains("not done within a day"), "{said}");
}

/// AlpacaEval's prompt is no part of this repository: `SEAL_DATA` names a folder that has it.
#[test]
fn the_published_judges_of_alpaca_eval_and_fastchat_run_with_their_own_prompts() {
    let Ok(data) = std::env::var("SEAL_DATA").map(PathBuf::from) else {
        eprintln!("skipped: SEAL_DATA is not set");
        return;
    };
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/judges");
    // m is shown first, M second; in FastChat's prompt it is A and B.
    let stub = Stub::new(|seen: &ReceivedRequest, _| {
        let prompt = seen.prompt();
        let is_alpaca = prompt.contains("\"m\"");
        // The arm's answer is better where it says more than its colour.
        let (long, short) = (prompt.find("and round"), prompt.find("It is red."));
        let is_arm_first = long.or(short).unwrap() < prompt.find("and small").unwrap();
        let first_wins = is_arm_first == long.is_some();
        if !is_alpaca {
            let label = if first_wins { "[[A]]" } else { "[[B]]" };
            return Served::says(&format!("One says [[A]], one says [[B]].\nMy verdict: {label}"));
        }
        let (p, q) = if first_wins { (-0.2, -1.8) } else { (-1.8, -0.2) };
        let mut body = completion(if first_wins { "m" } else { "M" });
        body["choices"][0]["finish_reason"] = json!("length");
        body["choices"][0]["logprobs"] = json!({"content": [{"token": "m", "logprob": p,
            "top_logprobs": [{"token": "m", "logprob": p}, {"token": "M", "logprob": q}]}]});
        Served::status(200, body.to_string())
    });
    for (name, prompt, rate) in [
        ("alpaca_eval_gpt4_turbo", "judge_prompts/alpaca-eval-clf.txt", None),
        ("fastchat_pair_v2", "llm_tuning_safety/judge_prompts.jsonl", Some(75.0)),
    ] {
        let sandbox = sandbox(&stub, 8, "");
        let text = fs::read_to_string(configs.join(format!("{name}.toml"))).unwrap();
        let text = text
            .replace("https://api.openai.com/v1", &stub.base_url())
            .replace("OPENAI_API_KEY", "STUB_KEY")
            // This judge knows no canary.
            .replace("canaries = 3", "canaries = 0");
        sandbox.write("judge.toml", &text);
        let prompt = data.join(prompt);
        let finished = run(&sandbox, &["--prompt", prompt.to_str().unwrap()]);
        assert_eq!(finished.code, Some(0), "{name}: {}", finished.stderr);
        let found = figures(&finished);
        // Six of eight answers hold the words; the soft worth of each is that of AlpacaEval.
        let p = (-0.2_f64).exp() / ((-0.2_f64).exp() + (-1.8_f64).exp());
        let expected = rate.unwrap_or(100.0 * (6.0 * p + 2.0 * (1.0 - p)) / 8.0);
        assert!((found["win_rate"] - expected).abs() < 1e-9, "{name}: {}", found["win_rate"]);
        assert_eq!(found["discrete_win_rate"], 75.0, "{name}");
    }
}
