//! Templates on the command line: nothing that they leave out or refuse goes without a word.

mod common;

use std::fs;

use common::{run, with_model};
use serde_json::json;
use whole_program::Sandbox;

/// Rows with a system turn, of which the first has one.
fn with_rows() -> Sandbox {
    let sandbox = with_model();
    let turn = |role: &str, content: &str| json!({ "role": role, "content": content });
    let (ask, answer) = (turn("user", "What is one ?"), turn("assistant", "two"));
    let rows = [json!({ "messages": [turn("system", "Open"), ask, answer] })];
    let more = [json!({ "messages": [turn("user", "What is two ?"), turn("assistant", "three")] })];
    let lines: Vec<String> = rows.iter().chain(&more).map(ToString::to_string).collect();
    sandbox.write("turns.jsonl", &(lines.join("\n") + "\n"));
    sandbox
}

const DATA: [&str; 4] = ["--model", "model", "--data", "turns.jsonl"];

fn said(sandbox: &Sandbox, args: &[&str]) -> String {
    let finished = sandbox.run(&[&args[..1], &DATA, &args[1..]].concat());
    assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
    finished.stderr
}

#[test]
fn a_system_turn_without_a_place_is_said() {
    let sandbox = with_rows();
    let notice = "1 of 2 rows have a system turn, and this template has no place for it";
    for verb in ["inspect", "score"] {
        let plain = said(&sandbox, &[verb]);
        assert!(plain.contains(notice), "{verb}: {plain}");
        let chat = said(&sandbox, &[verb, "--template", "chat"]);
        assert!(!chat.contains("system turn"), "{verb}: {chat}");
    }
}

#[test]
fn the_template_of_an_adapters_folder_is_said_and_can_be_used() {
    let sandbox = with_rows();
    fs::create_dir(sandbox.path().join("adapter")).unwrap();
    sandbox.write(
        "adapter/chat_template.jinja",
        "{% for m in messages %}No {{ m.content }} {{ eos_token }}\n{% endfor %}\
         {% if add_generation_prompt %}No {% endif %}",
    );
    let own = said(&sandbox, &["inspect", "--adapter", "adapter", "--template", "chat"]);
    let notice = "the adapter has a chat template of its own, which is not used; \
                  --template '{ chat = \"adapter\" }' uses it";
    assert!(own.contains(notice), "{own}");
    let used = ["--adapter", "adapter", "--template", "{ chat = \"adapter\" }"];
    assert!(!said(&sandbox, &[&["inspect"], &used[..]].concat()).contains("of its own"));
    let shown = run(&sandbox, &[&["inspect"], &DATA[..], &used[..]].concat());
    assert!(shown.contains("No Open<|end|>"), "{shown}");
    // The model's own is no other template.
    fs::copy(
        sandbox.path().join("model/tokenizer_config.json"),
        sandbox.path().join("adapter/tokenizer_config.json"),
    )
    .unwrap();
    fs::remove_file(sandbox.path().join("adapter/chat_template.jinja")).unwrap();
    let same = said(&sandbox, &["inspect", "--adapter", "adapter", "--template", "chat"]);
    assert!(!same.contains("of its own"), "{same}");
}

/// An adapter's tokenizer is used where the setting says so, and answers know it.
#[test]
fn the_tokenizer_of_an_adapters_folder_is_said_and_can_be_used() {
    let sandbox = with_rows();
    sandbox.run(&[&["sft"], &DATA[..], &["--out", "adapter", "--set", "sft.epochs=1"]].concat());
    let adapter = ["--adapter", "adapter"];
    let notice = "the adapter has a tokenizer of its own, which is not used";
    fn with<'a>(verb: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&[verb], &DATA[..], &["--adapter", "adapter"], more].concat()
    }
    assert!(!said(&sandbox, &[&["inspect"], &adapter[..]].concat()).contains("of its own"));
    // `What` and `No` change places, and another token ends an answer.
    let text = fs::read_to_string(sandbox.path().join("model/tokenizer.json")).unwrap();
    let mut own: serde_json::Value = serde_json::from_str(&text).unwrap();
    let vocab = &mut own["model"]["vocab"];
    (vocab["What"], vocab["No"]) = (vocab["No"].clone(), vocab["What"].clone());
    sandbox.write("adapter/tokenizer.json", &own.to_string());
    let config =
        json!({ "eos_token": "Open", "chat_template": "Adapter's {{ messages[0].content }}" });
    sandbox.write("adapter/tokenizer_config.json", &config.to_string());

    let ids = |more: &[&str]| -> Vec<Vec<u64>> {
        let text = run(&sandbox, &with("inspect", &[&["--format", "json"], more].concat()));
        let ids = |row: &serde_json::Value| {
            let tokens = row["tokens"].as_array().unwrap();
            tokens.iter().map(|token| token["id"].as_u64().unwrap()).collect()
        };
        common::lines(&text).iter().map(ids).collect()
    };
    let use_it = ["--set", "tokenizer=adapter"];
    let (of_model, of_adapter) = (ids(&[]), ids(&use_it));
    assert!(said(&sandbox, &[&["inspect"], &adapter[..]].concat()).contains(notice));
    assert!(!said(&sandbox, &[&["inspect"], &adapter[..], &use_it].concat()).contains(notice));
    let turned = |ids: &Vec<u64>| -> Vec<u64> {
        let turn = |id: &u64| match id {
            2 => 13,
            13 => 2,
            id => *id,
        };
        ids.iter().map(turn).collect()
    };
    for (model, adapter) in of_model.iter().zip(&of_adapter) {
        let (end, rest) = adapter.split_last().unwrap();
        let (end_of_model, rest_of_model) = model.split_last().unwrap();
        assert_eq!((*end_of_model, *end), (0, 5), "the ends of the answers");
        assert_eq!(rest, turned(&rest_of_model.to_vec()));
        assert!(rest.contains(&13), "{rest:?}");
    }

    // Answers with one tokenizer are none of the other's.
    let file = ["--file", "answers.jsonl", "--set", "generate.max_new_tokens=2"];
    run(&sandbox, &with("generate", &file));
    let mixed = sandbox.run(&with("generate", &[&file[..], &use_it].concat()));
    assert_ne!(mixed.code, Some(0), "{}", mixed.stderr);
    let file = ["--file", "own.jsonl", "--set", "generate.max_new_tokens=2"];
    run(&sandbox, &with("generate", &[&file[..], &use_it].concat()));
    run(&sandbox, &with("score", &[&["--file", "s.jsonl"], &use_it[..]].concat()));

    // Without an adapter there is nothing to use, and its tokens are tokens of the model.
    let none = sandbox.run(&[&["score"], &DATA[..], &use_it].concat());
    assert!(none.stderr.contains("no adapter is given"), "{}", none.stderr);
    own["model"]["vocab"]["more"] = json!(100_000);
    sandbox.write("adapter/tokenizer.json", &own.to_string());
    let larger = sandbox.run(&with("score", &use_it));
    assert_eq!(larger.code, Some(2), "{}", larger.stderr);
}

/// The words of `raise_exception` reach the verbs, with the row and without control characters.
#[test]
fn a_template_that_refuses_a_row_is_quoted() {
    let sandbox = with_rows();
    sandbox.write(
        "raise.jinja",
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role\\x1b[31m not supported') }}{% endif %}\
         {% for m in messages %}{{ m.role }} {{ m.content }} {{ eos_token }}\n{% endfor %}\
         {% if add_generation_prompt %}assistant {% endif %}",
    );
    let words = "chat template ./raise.jinja refuses the conversation: \
                 System role\\u{1b}[31m not supported";
    let template = ["--template", "{ chat = \"raise.jinja\" }"];
    let shown = run(&sandbox, &[&["inspect"], &DATA[..], &template[..]].concat());
    assert!(shown.contains(words), "{shown}");
    let score = said(&sandbox, &[&["score"], &template[..]].concat());
    assert!(score.contains(words), "{score}");
    let select = [&["select"], &template[..], &["--keep", "0.5", "--file", "s.json"]].concat();
    let select = said(&sandbox, &select);
    assert!(select.contains(words), "{select}");
    let answers = [
        &["generate"],
        &template[..],
        &["--file", "a.jsonl", "--set", "generate.max_new_tokens=2"],
    ]
    .concat();
    let answers = said(&sandbox, &answers);
    assert!(answers.contains(words) && answers.contains("1 answers added"), "{answers}");
}

/// A setting reaches the template, and one of several is chosen by name.
#[test]
fn kwargs_and_names_are_settings() {
    let sandbox = with_rows();
    let body = "{% for m in messages %}{{ m.content }} {{ eos_token }} {% endfor %}";
    let named = |name: &str, text: &str| json!({ "name": name, "template": text });
    let other = format!("{{{{ word }}}} {body}");
    let several = [named("default", body), named("other", &other)];
    let config = json!({ "eos_token": "<|end|>", "chat_template": several });
    sandbox.write("model/tokenizer_config.json", &config.to_string());
    let template = "{ name = \"other\", kwargs = { word = \"three\" } }";
    let shown = run(&sandbox, &[&["inspect"], &DATA[..], &["--template", template]].concat());
    assert!(shown.contains("three Open<|end|>"), "{shown}");
    let missing = [&["inspect"], &DATA[..], &["--template", "{ name = \"nope\" }"]].concat();
    let missing = sandbox.run(&missing);
    assert!(missing.stderr.contains("(it has default, other:"), "{}", missing.stderr);
}
