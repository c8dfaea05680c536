//! Rows as a model sees them, and what is noticed of them.

use std::fs;

use serde_json::{Value, json};
use whole_program::row;

use crate::common::{lines, run, with_model as sandbox};

#[test]
fn rows_as_the_model_sees_them() {
    let sandbox = sandbox();
    sandbox.write_rows("two.jsonl", &[row("What is one plus two ?", "three", None)]);
    let published = run(&sandbox, &["inspect", "--model", "model", "--data", "two.jsonl"]);
    let after_id = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    insta::assert_snapshot!(after_id(&published), @r#"
    Human: What is one plus two ? Assistant:[[ three<|end|>]]
      {"special_in_text":0,"tokens":10,"trained":2}
    "#);
    let chat = [
        "inspect",
        "--model",
        "model",
        "--data",
        "two.jsonl",
        "--template",
        "chat",
        "--format",
        "json",
    ];
    let chat = lines(&run(&sandbox, &chat));
    let trained: Vec<&str> = chat[0]["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|token| token["trained"] == true)
        .map(|token| token["text"].as_str().unwrap())
        .collect();
    assert_eq!(trained, [" three", "<|end|>"]);

    let of = |limit| {
        let data = ["inspect", "--model", "model", "--data", "train.jsonl", "--limit", limit];
        sandbox.run(&data).stderr
    };
    assert!(of("1").contains("train.jsonl has more rows"), "{}", of("1"));
    assert_eq!(of("100000"), "");
    let data = ["inspect", "--model", "model", "--data", "train.jsonl", "--ids"];
    let shown = run(&sandbox, &["inspect", "--model", "model", "--data", "train.jsonl"]);
    let id = shown.lines().next().unwrap().trim_start_matches("row ");
    assert_eq!(sandbox.run(&[&data[..], &[id]].concat()).stderr, "");
}

/// What is easily overlooked is said.
#[test]
fn another_template_few_rows_and_shared_rows_are_noticed() {
    let sandbox = sandbox();
    let data = ["--model", "model", "--data", "train.jsonl"];
    let said = |args: &[&str]| {
        let finished = sandbox.run(&[&args[..1], &data, &args[1..]].concat());
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.stderr
    };
    let few = "40 rows are fewer than a batch of 64";
    assert!(said(&["sft", "--out", "adapter", "--template", "Q: {}\\nA: "]).contains(few));
    let record = sandbox.json("adapter/seal-training.json");
    assert_eq!(record["template"], "Q: {}\nA: ");
    assert_eq!((&record["rows"], &record["seed"]), (&json!(40), &json!(0)));
    let card = sandbox.read("adapter/README.md");
    assert!(card.contains(r"Prompts were rendered as 'Q: {}\nA: '"), "{card}");
    let adapter_as_model = sandbox.run(&["score", "--model", "adapter", "--data", "train.jsonl"]);
    assert_eq!(adapter_as_model.code, Some(2), "{}", adapter_as_model.stderr);
    assert!(adapter_as_model.stderr.contains("is an adapter"), "{}", adapter_as_model.stderr);
    assert!(record["losses"].is_array() && record["sft"]["batch"] == 64);

    let other = r"adapter was fine-tuned with another template: --template 'Q: {}\nA: '";
    let score = ["score", "--adapter", "adapter"];
    assert!(said(&score).contains(other));
    assert!(!said(&[&score[..], &["--template", "Q: {}\\nA: "]].concat()).contains("fine-tuned"));
    assert!(!said(&[&score[..], &["--quiet"]].concat()).contains("fine-tuned"));
    // The same text in a file is no other template.
    let template = "{% for m in messages %}{{ m.content }} {{ eos_token }}\n{% endfor %}";
    sandbox.write("a.jinja", template);
    sandbox.write("b.jinja", template);
    let chat = |file: &str| format!("{{ chat = \"{file}\" }}");
    said(&["sft", "--out", "chat", "--template", &chat("a.jinja")]);
    let score_chat = |file: &str| {
        said(&["score", "--adapter", "chat", "--template", &chat(file)]).contains("fine-tuned")
    };
    assert!(!score_chat("b.jinja"));
    sandbox.write("a.jinja", &format!("Human: {template}"));
    assert!(score_chat("a.jinja"));
    // It is advice: without it one works on.
    sandbox.write("adapter/seal-training.json", "{");
    assert!(said(&score).contains("seal-training.json: EOF"));

    let one_step = ["--set", "bilevel.epochs=1", "--set", "bilevel.batch=40"];
    let select = ["select", "--safe", "train.jsonl", "--file", "selector.jsonl"];
    let shared = said(&[&select[..], &one_step].concat());
    assert!(shared.contains("40 of 40 safe rows stand in --data too"), "{shared}");
    assert!(!shared.contains("batch of"), "{shared}");
}

/// What a config says of a file can be said on the command line.
#[test]
fn rows_under_other_names_are_scored_alike() {
    let sandbox = sandbox();
    let rows = fs::read_to_string(sandbox.path().join("train.jsonl")).unwrap();
    let named: Vec<Value> =
        lines(&rows).iter().map(|row| json!({"q": row["prompt"], "a": row["response"]})).collect();
    let named: Vec<String> = named.iter().map(Value::to_string).collect();
    sandbox.write("named.jsonl", &named.join("\n"));
    let score = |data: &str| run(&sandbox, &["score", "--model", "model", "--data", data]);
    let columns = r#"{ path = "named.jsonl", columns = { prompt = "q", response = "a" } }"#;
    assert_eq!(score(columns), score("train.jsonl"));

    let select = |data: &str, kept: &str| {
        let files = ["--file", kept, "--kept", "kept.jsonl", "--keep", "0.5"];
        run(&sandbox, &[&["select", "--model", "model", "--data", data][..], &files].concat());
        fs::read_to_string(sandbox.path().join("kept.jsonl")).unwrap()
    };
    let (kept, by_name) = (select("train.jsonl", "a.jsonl"), select(columns, "b.jsonl"));
    let prompts = |text: &str, field: &str| {
        lines(text).iter().map(|row| row[field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(prompts(&kept, "prompt"), prompts(&by_name, "q"));

    let finished = sandbox.run(&["score", "--model", "model", "--data", "{ pth = \"a.jsonl\" }"]);
    insta::assert_snapshot!(finished.error(), @r#"
    exit 2
    error: invalid value '{ pth = "a.jsonl" }' for '--data <FILE>': not a table of a source: unknown field `pth`, expected one of `path`, `format`, `columns`, `delimiter`, `turns`, `split`, `skip`, `take`, `limit`, `unsafe`, `unsafe_field`, `category`, `max_chars`, `empty_answers`, `undesirable`; did you mean `path`?

    For more information, try '--help'.
    "#);
    let finished = sandbox.run(&["score", "--model", "model", "--data", "absent.jsonl"]);
    insta::assert_snapshot!(finished.error(), @"
    exit 3
    error: absent.jsonl: no such file
    ");
}
