//! Tools, calls of tools and reasoning reach a template as transformers gives them to
//! it, from the row as it stands in a file; golden texts of `tests/reference/extras.py`.

use std::collections::BTreeMap;

use seal_data::chat::{ChatFormat, ChatTemplate, Message, Trained};
use seal_data::{ExampleError, PromptTemplate, Row, Template, TextTokenizer, Tokenizer, prepare};
use serde_json::{Value, json};

use crate::tools::plain;

fn row(text: &str) -> Row {
    let loaded = plain("a.jsonl", text).unwrap();
    assert_eq!(loaded.dropped, [], "{text}");
    loaded.rows.into_vec().remove(0)
}

fn rendered(template: &str, row: &Row) -> String {
    let template = ChatTemplate::new("t", template, None).unwrap();
    let mut said: Vec<Message> = row.messages().into_iter().map(Message::from).collect();
    said.push(row.answer().into());
    let template = template.with_tools(row.tools.as_ref());
    template.render(&said, &BTreeMap::new(), false).unwrap().text
}

#[test]
fn templates_get_what_transformers_gives_them() {
    let golden = include_str!("../reference/extras.json");
    let cases: Vec<Value> = serde_json::from_str(golden).unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        assert_eq!(rendered(text("template"), &row(text("row"))), text("text"), "{}", text("row"));
    }
}

/// Reasoning under another name is given as `reasoning_content` too: otherwise an empty
/// thought would be trained.
#[test]
fn reasoning_is_found_under_any_of_its_names() {
    let said = |name: &str| {
        let answer = json!({"role": "assistant", "content": "a", name: "why"});
        row(&json!({"messages": [{"role": "user", "content": "q"}, answer]}).to_string())
    };
    let template = "{% for m in messages %}[{{ m.reasoning_content }}]{{ m.content }}{% endfor %}";
    for name in ["reasoning_content", "reasoning", "thinking"] {
        assert_eq!(rendered(template, &said(name)), "[]q[why]a", "{name}");
    }
}

const CHAT: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
                    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const MARKED: &str = "{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>assistant\n\
                      {% generation %}{{ m.content }}<|im_end|>{% endgeneration %}\n{% else %}\
                      <|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}\
                      {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

fn tokenizer() -> TextTokenizer {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = seal_data::Rows::new();
    rows.push("hi go on bye", "yes no later");
    let plain = TextTokenizer::train_bpe(rows.as_slice(), 300).unwrap();
    let mut json: Value = serde_json::from_str(&plain.to_json().unwrap()).unwrap();
    let size = json["model"]["vocab"].as_object().unwrap().len();
    let added = json["added_tokens"].as_array_mut().unwrap();
    for (i, text) in ["<|im_start|>", "<|im_end|>"].iter().enumerate() {
        added.push(json!({"id": size + i, "content": text, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}));
    }
    std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
    let config = r#"{"eos_token": "<|im_end|>"}"#;
    std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
    TextTokenizer::from_folder(folder.path()).unwrap()
}

fn trained(template: &str, trained: Trained, row: &Row) -> String {
    let template = ChatTemplate::new("t", template, None).unwrap();
    let tokenizer = tokenizer();
    let example = ChatFormat { template, trained }.encode_row(row, &tokenizer, 999).unwrap();
    let tokens: Vec<u32> = example.supervised().map(|at| example.tokens[at]).collect();
    let ends = tokens.iter().filter(|t| **t == tokenizer.eos()).count();
    format!("{} ({ends} ends)", tokenizer.decode(&tokens))
}

#[test]
fn masked_answers_are_not_trained_on() {
    let turn = |role: &str, text: &str| json!({"role": role, "content": text});
    let masked = json!({"role": "assistant", "content": "no", "weight": 0});
    let said = [
        turn("user", "hi"),
        masked,
        turn("user", "go on"),
        turn("assistant", "yes"),
        turn("user", "bye"),
        turn("assistant", "later"),
    ];
    let one = row(&json!({"messages": said}).to_string());
    for template in [CHAT, MARKED] {
        assert_eq!(trained(template, Trained::All, &one), "yeslater (2 ends)");
        assert_eq!(trained(template, Trained::Last, &one), "later (1 ends)");
    }
    let mut open = said.clone();
    open[1] = json!({"role": "assistant", "content": "no", "train": true});
    let open = row(&json!({"messages": open}).to_string());
    assert_eq!(trained(CHAT, Trained::All, &open), "noyeslater (3 ends)");
}

#[test]
fn a_plain_template_takes_no_calls_of_tools() {
    let call = json!([{"type": "function", "function": {"name": "w", "arguments": {}}}]);
    let said = json!({"messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "tool_calls": call},
        {"role": "tool", "content": "yes"}, {"role": "assistant", "content": "later"}]});
    let tokenizer = tokenizer();
    let rows = [row(&said.to_string())];
    let prepared = prepare(&rows, &PromptTemplate::published(), &tokenizer, 99);
    assert!(matches!(prepared.left_out[0], ExampleError::NoPlace { .. }), "{prepared:?}");
    let open = PromptTemplate::published().encode_prompt(&rows[0], &tokenizer).unwrap_err();
    assert_eq!(open.id(), rows[0].id);
}
