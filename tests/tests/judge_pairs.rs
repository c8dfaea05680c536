//! `judge --candidate`: two files of answers, a judge behind an endpoint on this machine.

#[path = "../../crates/seal-endpoint/tests/stub/mod.rs"]
mod stub;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stub::{Seen, Served, Stub};
use whole_program::{Finished, Sandbox};

const KEY: &str = "sk-whole-program-0123456789";

const JUDGE: [&str; 9] = [
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

/// Longer wins; where both are as long, the first does.
fn longer(seen: &Seen) -> Served {
    let prompt = seen.prompt();
    let code = prompt.split_whitespace().nth(3).unwrap().trim_end_matches('.');
    let length = |name: &str| {
        let (_, after) = prompt.split_once(&format!("[{code} {name}]\n")).unwrap();
        after.split_once(&format!("\n[{code} end of {name}]")).unwrap().0.len()
    };
    Served::says(if length("answer A") >= length("answer B") { "A" } else { "B" })
}

/// A folder with two files of answers and a table. The arm's answer is longer in three of four.
fn sandbox(stub: &Stub, n: usize, more: &str) -> Sandbox {
    let sandbox = Sandbox::empty(env!("CARGO_BIN_EXE_program"));
    let row = |i: usize, output: String, generator: &str| {
        json!({"instruction": format!("Describe box {i}."), "output": output,
            "generator": generator})
    };
    let arm = |i: usize| {
        if i % 4 == 0 {
            "It is red.".to_owned()
        } else {
            "It is red and round, and a lid is on it.".to_owned()
        }
    };
    let outputs = |name: &str, of: &dyn Fn(usize) -> String| {
        let rows: Vec<Value> = (0..n).map(|i| row(i, of(i), name)).collect();
        Value::Array(rows).to_string()
    };
    sandbox.write("arm.json", &outputs("arm", &arm));
    sandbox.write("ref.json", &outputs("ref", &|i| format!("It is red and small, box {i}.")));
    sandbox.write("judge.toml", &table(stub, more));
    sandbox
}

fn table(stub: &Stub, more: &str) -> String {
    format!(
        "kind = \"pairwise\"\n{more}\n[endpoint]\nbase_url = \"{}\"\nmodel = \"judge\"\n\
         api_key_env = \"STUB_KEY\"\nmax_tokens = 16\n\
         price = {{ input = 1.0, output = 1.0 }}\n\
         patience = {{ first_wait = 0.002, longest_wait = 0.02, attempts = 10, timeout = 20.0 }}\n",
        stub.base_url()
    )
}

fn command(sandbox: &Sandbox, more: &[&str]) -> Command {
    let mut command = sandbox.command(&[&JUDGE[..], more].concat());
    command.env("STUB_KEY", KEY).env("NO_PROXY", "127.0.0.1");
    command
}

fn run(sandbox: &Sandbox, more: &[&str]) -> Finished {
    Finished::of(command(sandbox, more).output().unwrap())
}

fn figures(finished: &Finished) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let (name, value) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
    };
    finished.stdout.lines().map(line).collect()
}

/// No file of the folder, and nothing that was printed, holds the key.
fn assert_no_key(sandbox: &Sandbox, finished: &Finished) {
    let mut folders = vec![sandbox.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains(KEY), "{}", path.display());
            }
        }
    }
    assert!(!finished.stdout.contains(KEY) && !finished.stderr.contains(KEY));
}

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
        // An injected copy is longer, so that this judge prefers it.
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
    assert_eq!(found["output_tokens_at_most"], 29.0 * 16.0);
    assert!(found["cost_at_most"] > 0.0);
    assert!(!sandbox.path().join("verdicts.jsonl").exists());
    assert_eq!(stub.seen().len(), 0);
}

/// A server that serves so many replies and no more until it is let.
struct Gate {
    stub: Stub,
    allowed: Arc<AtomicUsize>,
    /// Raised when a process is killed: what it waited for is never served.
    lives: Arc<AtomicUsize>,
    /// Requests that wait to be served.
    waiting: Arc<AtomicUsize>,
    /// Replies by idempotency key.
    paid: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Gate {
    fn new() -> Self {
        let (allowed, lives) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let paid: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let waiting = Arc::new(AtomicUsize::new(0));
        let shared =
            (Arc::clone(&allowed), Arc::clone(&lives), Arc::clone(&paid), Arc::clone(&waiting));
        let faults: Mutex<BTreeMap<String, usize>> = Mutex::default();
        let stub = Stub::new(move |seen, _| {
            let key = seen.headers["idempotency-key"].clone();
            let fault = {
                let mut faults = faults.lock().unwrap();
                let count = faults.entry(key.clone()).or_default();
                *count += 1;
                fault(&key, *count)
            };
            if let Some(fault) = fault {
                return fault;
            }
            let (allowed, lives, paid, waiting) = &shared;
            let life = lives.load(Ordering::SeqCst);
            waiting.fetch_add(1, Ordering::SeqCst);
            let served = loop {
                if lives.load(Ordering::SeqCst) != life {
                    break Served::hang_up();
                }
                let mut paid = paid.lock().unwrap();
                if paid.values().sum::<usize>() < allowed.load(Ordering::SeqCst) {
                    *paid.entry(key).or_default() += 1;
                    break longer(seen);
                }
                drop(paid);
                std::thread::sleep(Duration::from_millis(2));
            };
            waiting.fetch_sub(1, Ordering::SeqCst);
            served
        });
        Self { stub, allowed, lives, waiting, paid }
    }
}

/// The first or second attempt at about every second question fails in a way of its own.
fn fault(key: &str, attempt: usize) -> Option<Served> {
    let digit = key.bytes().nth(5)?;
    let error = |status| Some(Served::status(status, r#"{"error":{"message":"x"}}"#));
    match (digit, attempt) {
        (b'0', 1 | 2) => error(500),
        (b'1', 1) => error(429),
        (b'2', 1) => Some(Served::status(429, "").with("retry-after", "0")),
        (b'3', 1) => Some(Served::status(200, r#"{"error":{"message":"x","code":503}}"#)),
        (b'4', 1) => Some(Served::status(200, r#"{"choices":[]}"#)),
        (b'5', 1) => Some(Served::says("A").cut_at(50)),
        (b'6', 1) => Some(Served::status(502, "<html>").with("content-type", "text/html")),
        (b'7', 1) => Some(Served::hang_up()),
        (b'8', 1) => error(408),
        _ => None,
    }
}

#[test]
fn a_run_that_is_killed_ten_times_pays_for_no_verdict_twice() {
    const QUESTIONS: usize = 60 * 2 + 2 * 9;
    let gate = Gate::new();
    let sandbox = sandbox(&gate.stub, 60, "canaries = 2");
    let verdicts = sandbox.path().join("verdicts.jsonl");
    let lines = || fs::read_to_string(&verdicts).unwrap_or_default().matches('\n').count();
    for life in 1..=10 {
        let allowed = life * 12;
        gate.allowed.store(allowed, Ordering::SeqCst);
        let mut child =
            command(&sandbox, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        // All four threads wait: no request is on its way when the process is killed.
        while lines() < allowed || gate.waiting.load(Ordering::SeqCst) < 4 {
            assert!(started.elapsed() < Duration::from_secs(60), "{} of {allowed}", lines());
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        gate.lives.fetch_add(1, Ordering::SeqCst);
        // What a kill in the middle of a write leaves.
        if life % 3 == 0 {
            let mut text = fs::read_to_string(&verdicts).unwrap();
            text.push_str("{\"version\":1,\"key\":\"ab");
            fs::write(&verdicts, text).unwrap();
        }
    }
    gate.allowed.store(usize::MAX, Ordering::SeqCst);
    let finished = run(&sandbox, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let found = figures(&finished);
    assert_eq!((found["missing"], found["replies"]), (0.0, QUESTIONS as f64));
    assert_eq!(found["replies_asked_now"], (QUESTIONS - 120) as f64);
    let paid = gate.paid.lock().unwrap();
    assert_eq!(paid.len(), QUESTIONS);
    assert!(paid.values().all(|count| *count == 1), "{paid:?}");
    assert_eq!(found["win_rate"], 75.0);
    assert_no_key(&sandbox, &finished);
}

#[test]
fn too_many_missing_verdicts_fail_with_the_code_of_their_reason() {
    // An odd reply stays odd; a server that fails may come back.
    let odd = Stub::new(|seen, _| match seen.prompt().contains("box 1") {
        true => Served::says("I like both."),
        false => longer(seen),
    });
    let sandbox = sandbox(&odd, 9, "canaries = 0");
    let finished = run(&sandbox, &["-q"]);
    insta::assert_snapshot!(finished.error(), @r"
    exit 3
    error: 1 of 9 pairs have no verdict, and the table allows a share of 0.05 (max_missing)
    ");
    assert_eq!(figures(&finished)["missing"], 1.0);
    sandbox.write("judge.toml", &table(&odd, "canaries = 0\nmax_missing = 0.2"));
    assert_eq!(run(&sandbox, &["-q"]).code, Some(0));
    let gone = Stub::new(|_, _| Served::status(503, ""));
    sandbox.write("judge.toml", &table(&gone, "canaries = 0"));
    let finished = run(&sandbox, &["-q"]);
    assert_eq!(finished.code, Some(5), "{}", finished.stderr);
    assert!(finished.stderr.contains("questions in a row got no reply"), "{}", finished.stderr);
}

#[test]
fn a_largest_cost_stops_and_a_higher_one_goes_on() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 20, "canaries = 0");
    let finished = run(&sandbox, &["-q", "--max-cost", "0.002"]);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    assert!(finished.stderr.ends_with("the largest cost is reached: raise --max-cost\n"));
    assert!(figures(&finished)["cost"] <= 0.002);
    let finished = run(&sandbox, &["-q", "--max-cost", "1"]);
    assert_eq!((finished.code, stub.seen().len()), (Some(0), 40));
}

#[test]
fn bad_input_is_refused_before_anything_is_asked() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 4, "");
    let address = stub.base_url();
    let refused = |more: &[&str]| {
        let finished = run(&sandbox, more);
        assert_eq!(stub.seen().len(), 0);
        assert!(!sandbox.path().join("verdicts.jsonl").exists());
        finished.error().replace(&address, "URL")
    };
    let good = table(&stub, "");
    let with = |text: String| {
        sandbox.write("judge.toml", &text);
        let said = refused(&[]);
        sandbox.write("judge.toml", &good);
        said
    };
    insta::assert_snapshot!(with(good.replace("max_tokens = 16", &format!("api_key = \"{KEY}\""))), @r"
    exit 2
    error: judge.toml: `endpoint.api_key` holds a key or a password: settings are copied and shown; set a variable of the environment to it, name the variable in api_key_env, and remove it here (and make a new key if others could read this one)
    ");
    insta::assert_snapshot!(with(good.replace("max_tokens = 16", "max_token = 16")), @r"
    exit 2
    error: judge.toml, line 7: unknown field `max_token`, expected one of `base_url`, `model`, `api_key_env`, `allow_http`, `temperature`, `max_tokens`, `length_field`, `top_logprobs`, `seed`, `extra`, `limits`, `patience`, `price`
    ");
    insta::assert_snapshot!(with(good.replace("model = \"judge\"", "model = \"ARM\"")), @r"
    exit 2
    error: the judge `ARM` is also the model whose answers are judged, and judges prefer their own; choose another judge, or set allow_self = true
    ");
    insta::assert_snapshot!(with(good.replace("STUB_KEY", "NO_SUCH_KEY")), @r"
    exit 2
    error: the variable NO_SUCH_KEY is not set or empty: set it to the key of the endpoint
    ");
    let prompt = "[prompt]\nfile = \"their.txt\"\nsource = \"https://example.org/their.txt\"\n";
    let with_prompt = |text: &str| with(good.replace("[endpoint]", &format!("{text}[endpoint]")));
    insta::assert_snapshot!(with_prompt(prompt), @r"
    exit 2
    error: their.txt: the prompt cannot be read: No such file or directory (os error 2); others wrote it: get it from https://example.org/their.txt
    ");
    sandbox.write("their.txt", "{instruction} {output_1} {output_2}");
    insta::assert_snapshot!(with_prompt(prompt), @r#"
    exit 2
    error: their.txt: the settings name no sha256 for the prompt; the text has 711e0d45e150917fb288ea8040c77e9957c6ff6aca58608741ccdadacec21e5e: write that if it is meant, or "any" to take whatever stands in the file
    "#);
    let rows = |rows: Value| {
        let kept = sandbox.read("arm.json");
        sandbox.write("arm.json", &rows.to_string());
        let said = refused(&[]);
        sandbox.write("arm.json", &kept);
        said
    };
    let row = |i: usize, name: &str| json!({"instruction": format!("Describe box {i}."), "output": "x", "generator": name});
    insta::assert_snapshot!(rows(json!([row(1, "arm"), row(2, "arm"), row(77, "arm")])), @r"
    exit 3
    error: 1 instructions are in the candidate's file only and 2 in the reference's file only; 2 are in both. A win rate needs the same prompts: complete the files, or ask for the common ones; --common judges those
    ");
    insta::assert_snapshot!(rows(json!([row(1, "arm"), row(1, "other")])), @r"
    exit 3
    error: arm.json has two answers to one instruction, of the models `arm` and `other`; keep the rows of one model
    ");
    insta::assert_snapshot!(rows(json!([row(77, "arm")])), @r"
    exit 3
    error: no instruction is in both files; there is nothing to judge
    ");
    insta::assert_snapshot!(rows(json!([row(1, "arm"), row(1, "arm"), 7])), @r"
    exit 3
    arm.json: 2 rows are left out:
      row 2 is of the same prompt and models as row 1
      row 3 is a number and no object
    error: 0 instructions are in the candidate's file only and 3 in the reference's file only; 1 are in both. A win rate needs the same prompts: complete the files, or ask for the common ones; --common judges those
    ");
    sandbox.write("notes.jsonl", "my notes\n");
    let notes = [&JUDGE[..8], &["notes.jsonl"]].concat();
    let finished = Finished::of(sandbox.command(&notes).env("STUB_KEY", KEY).output().unwrap());
    insta::assert_snapshot!(finished.error(), @r"
    exit 2
    error: --file notes.jsonl: its first line is no verdict, so that this is another file; choose a new one for verdicts
    ");
}

#[test]
fn a_server_that_refuses_stops_the_run_with_the_remedy() {
    let refusing = |status: u16, body: &'static str| {
        let stub = Stub::new(move |seen: &Seen, _| {
            let auth = &seen.headers["authorization"];
            Served::status(status, body.replace("KEY", auth))
        });
        let sandbox = sandbox(&stub, 6, "");
        let finished = run(&sandbox, &["-q"]);
        assert_eq!(stub.seen().len(), 1, "{}", finished.stderr);
        assert_no_key(&sandbox, &finished);
        finished.error().replace(&stub.base_url(), "URL")
    };
    insta::assert_snapshot!(refusing(401, r#"{"error":{"message":"Incorrect API key: KEY"}}"#), @r#"
    exit 2
    error: URL/chat/completions does not know who asks (401), saying "Incorrect API key: Bearer [key]"; check the key in the variable STUB_KEY
    "#);
    insta::assert_snapshot!(refusing(404, r#"{"error":{"message":"no such model"}}"#), @r#"
    exit 2
    error: URL/chat/completions has no such page or no model `judge` (404), saying "no such model"; check base_url, which ends with /v1 on most servers, and model
    "#);
    insta::assert_snapshot!(refusing(429, r#"{"error":{"message":"no credit","type":"insufficient_quota"}}"#), @r#"
    exit 2
    error: URL/chat/completions: the account's quota is used up, saying "no credit"; add credit or raise its limit, then run again
    "#);
}

#[test]
fn batch_files_take_the_place_of_a_connection() {
    let stub = Stub::new(|_, _| Served::status(500, ""));
    let sandbox = sandbox(&stub, 5, "canaries = 0");
    let finished = run(&sandbox, &["--batch-input", "in.jsonl"]);
    assert_eq!(finished.stdout, "questions 10\n", "{}", finished.stderr);
    let answer = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let seen =
            Seen { path: String::new(), headers: BTreeMap::new(), body: line["body"].clone() };
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

/// AlpacaEval's prompt is no part of this repository: `SEAL_DATA` names a folder that has it.
#[test]
fn the_published_judges_of_alpaca_eval_and_fastchat_run_with_their_own_prompts() {
    let Ok(data) = std::env::var("SEAL_DATA").map(PathBuf::from) else {
        eprintln!("skipped: SEAL_DATA is not set");
        return;
    };
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/judges");
    // m is shown first, M second; in FastChat's prompt it is A and B.
    let stub = Stub::new(|seen: &Seen, _| {
        let prompt = seen.prompt();
        let is_alpaca = prompt.contains("\"m\"");
        // The arm's answer is better where it says more than its colour.
        let (long, short) = (prompt.find("and round"), prompt.find("It is red."));
        let is_arm_first = long.or(short).unwrap() < prompt.find("and small").unwrap();
        let first_wins = is_arm_first == long.is_some();
        if !is_alpaca {
            let label = if first_wins { "[[A]]" } else { "[[B]]" };
            return Served::says(&format!("One says [[A]], one says [[B]]. I say {label}."));
        }
        let (p, q) = if first_wins { (-0.2, -1.8) } else { (-1.8, -0.2) };
        let mut body = stub::completion(if first_wins { "m" } else { "M" });
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
