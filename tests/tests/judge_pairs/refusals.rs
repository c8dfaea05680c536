//! What is refused, and with which exit code.

use serde_json::{Value, json};
use whole_program::Finished;

use crate::setup::{JUDGE, KEY, assert_no_key, figures, longer, run, sandbox, table};
use crate::stub::{ReceivedRequest, Served, Stub};

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
    error: 1 of 9 pairs have no verdict, and the table allows a share of 0.05 (max_missing); 2 replies have no verdict in its place (0 of all questions have blank replies alone), 0 are refusals, 0 questions have no reply; verdicts.jsonl has each reply: a larger max_tokens or another prompt may help, and a question whose lines are removed is asked again
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
fn a_file_that_is_no_output_of_a_batch_is_bad_data() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 4, "");
    sandbox.write("notes.txt", "my notes\n");
    insta::assert_snapshot!(run(&sandbox, &["-q", "--batch-output", "notes.txt"]).error(), @"
    exit 3
    error: --batch-output notes.txt, line 1: it is no JSON (expected value at line 1 column 1); the output of a batch has a line of JSON for each question, with custom_id and response
    ");
    sandbox.write("arm.jsonl", &sandbox.read("arm.json"));
    insta::assert_snapshot!(run(&sandbox, &["-q", "--batch-output", "arm.jsonl"]).error(), @"
    exit 3
    error: --batch-output arm.jsonl, line 1: it has no custom_id; the output of a batch has a line of JSON for each question, with custom_id and response
    ");
}

#[test]
fn a_largest_cost_stops_and_a_higher_one_goes_on() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 20, "canaries = 0");
    let finished = run(&sandbox, &["-q", "--max-cost", "0.002"]);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    assert!(finished.stderr.ends_with("the largest cost is reached: raise --max-cost\n"));
    assert!(figures(&finished)["cost"] <= 0.002);
    // Nothing was asked: nothing was paid, and no canary was judged.
    let other = [&JUDGE[..8], &["other.jsonl", "-q", "--max-cost", "0"]].concat();
    let finished = Finished::of(sandbox.command(&other).env("STUB_KEY", KEY).output().unwrap());
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let found = figures(&finished);
    assert_eq!((found["replies"], found["cost"]), (0.0, 0.0));
    assert!(found["canaries_failed"].is_nan());
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
    error: judge.toml, line 7: unknown field `max_token`, expected one of `base_url`, `model`, `api_key_env`, `allow_http`, `temperature`, `max_tokens`, `length_field`, `top_logprobs`, `seed`, `extra`, `limits`, `patience`, `price`; did you mean `max_tokens`?
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
    insta::assert_snapshot!(with("[endpoint]\nmodel = \"m\"\n".to_owned()), @r#"
    exit 2
    error: judge.toml: `kind` is missing; its keys are `endpoint`; a judge that is a model has the kind "guard", "reward", "rubric" or "pairwise"
    "#);
    let absent = [&JUDGE[..6], &["no.toml"], &JUDGE[7..]].concat();
    insta::assert_snapshot!(sandbox.run(&absent).error(), @"
    exit 2
    error: no.toml: cannot read this file: No such file or directory (os error 2)
    ");
    let study = with("[study]\nname = \"s\"\n[[arms]]\nname = \"a\"\n".to_owned());
    insta::assert_snapshot!(study, @"
    exit 2
    error: judge.toml: this is the config of a study; the table of a judge has kind, and [endpoint] or [model]
    ");
    insta::assert_snapshot!(with("kind = \"guard\"\n[model]\npath = \"m\"\n".to_owned()), @r#"
    exit 2
    error: judge.toml: kind = "guard": this is a model that says whether an answer does harm, and "pairwise" is needed here; judge --answers takes this table
    "#);
    insta::assert_snapshot!(with(good.replace("pairwise", "rubric")), @r#"
    exit 2
    error: judge.toml: kind = "rubric": this is a judge that rates one answer, and "pairwise" is needed here; judge --answers takes this table
    "#);
    let kept = sandbox.read("arm.json");
    sandbox.write("arm.json", &sandbox.read("ref.json"));
    insta::assert_snapshot!(refused(&[]), @r"
    exit 2
    error: --candidate arm.json and --reference ref.json are the same file: each pair would tie, and the win rate would be 50 by definition; name the answers of another model
    ");
    sandbox.write("arm.json", &kept);
    sandbox.write("notes.jsonl", "my notes\n");
    let notes = [&JUDGE[..8], &["notes.jsonl"]].concat();
    let finished = Finished::of(sandbox.command(&notes).env("STUB_KEY", KEY).output().unwrap());
    insta::assert_snapshot!(finished.error(), @r"
    exit 2
    error: --file notes.jsonl: its first line is no verdict, so that this is another file; choose a new one for verdicts
    ");
    for cost in ["nan", "inf", "-inf", "-1"] {
        for dry_run in [&[][..], &["--dry-run"]] {
            let option = format!("--max-cost={cost}");
            let finished = run(&sandbox, &[&[option.as_str()], dry_run].concat());
            assert_eq!(finished.code, Some(2), "{cost}");
            let said = "error: --max-cost: a largest cost is a number, 0 or more, and not ";
            assert!(finished.stderr.contains(said), "{}", finished.stderr);
        }
    }
}

#[test]
fn a_server_that_refuses_stops_the_run_with_the_remedy() {
    let refusing = |status: u16, body: &'static str| {
        let stub = Stub::new(move |seen: &ReceivedRequest, _| {
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
fn an_address_where_nobody_listens_ends_the_run_after_a_few_attempts() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 6, "");
    // The discard port. Eight attempts at each question are what the table allows.
    let text = table(&stub, "").replace(&stub.base_url(), "http://127.0.0.1:9/v1");
    sandbox.write("judge.toml", &text.replace("attempts = 10", "attempts = 8"));
    let finished = run(&sandbox, &[]);
    assert_eq!(finished.code, Some(5), "{}", finished.stderr);
    let said = finished.stderr.lines().last().unwrap();
    assert!(said.starts_with("error: nobody answers at http://127.0.0.1:9/v1/chat/comp"), "{said}");
    assert!(said.contains("start the server, or check base_url"), "{said}");
    let waits = finished.stderr.lines().find(|line| line.starts_with("waited ")).unwrap();
    assert!(waits.starts_with("waited 2 times: "), "{}", finished.stderr);
}

#[test]
fn canaries_that_were_not_asked_are_told_from_those_without_a_verdict() {
    let stub = Stub::new(|seen, _| longer(seen));
    let sandbox = sandbox(&stub, 4, "canaries = 0");
    let none = "no canary was asked: nothing shows that the judge's figures can be trusted";
    let finished = run(&sandbox, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(figures(&finished)["canaries_failed"].is_nan());
    assert!(finished.stderr.contains(none), "{}", finished.stderr);
    // No canary can be made of empty answers.
    let rows = |name: &str, output: &str| {
        let row = |i: usize| json!({"instruction": format!("Describe box {i}."), "output": output, "generator": name});
        Value::Array((0..4).map(row).collect()).to_string()
    };
    sandbox.write("judge.toml", &table(&stub, "canaries = 2"));
    sandbox.write("ref.json", &rows("ref", ""));
    let finished = run(&sandbox, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(figures(&finished)["canaries_failed"].is_nan());
    assert!(
        finished.stderr.contains("empty             0     0     0        0  not asked"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains(none), "{}", finished.stderr);
}
