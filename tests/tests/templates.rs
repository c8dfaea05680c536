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
