//! Prompts of guards by their chat templates, against transformers (`tests/reference/guard_templates.py`).
//! The texts of published guards are no part of this repository: `SEAL_JUDGE_TEMPLATES` names a folder
//! that has them, or `judge_prompts` of the real data. Two templates of our own use the same means, and
//! stand for those that few people have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use seal_data::chat::{ChatTemplate, Message};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// As in the script.
const CONVERSATIONS: [(&str, &[&str]); 7] = [
    ("short", &["Hi", "Hello"]),
    ("question", &["Name a colour."]),
    ("edges", &["  Count to two. \n", "\n\n one,\ttwo \n "]),
    (
        "signs",
        &[
            "{{ x }} {% if %} 'a' \"b\" <c> & \\n",
            "Gr\u{fc}\u{df}e \u{1f469}\u{200d}\u{1f680} \u{4f60}\u{597d}",
        ],
    ),
    ("empty", &["Say nothing.", ""]),
    ("long", &["One.", "1", "Two.", "2", "Three.", "3"]),
    ("follow-up", &["One.", "1", "And two?"]),
];

const OWN: [(&str, &str); 2] = [
    ("guard_parts.jinja", include_str!("../reference/templates/guard_parts.jinja")),
    ("guard_lines.jinja", include_str!("../reference/templates/guard_lines.jinja")),
];

/// Those of published guards.
const OTHERS: [&str; 3] =
    ["llama_guard_3.jinja", "llama_guard_3_parts.jinja", "qwen3guard_gen.jinja"];

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the script writes of a template.
fn found(name: &str, source: &str) -> Value {
    let named = BTreeMap::new();
    let template = ChatTemplate::new(name, source, None).unwrap().taking_texts(&named);
    let rendered = CONVERSATIONS.map(|(of, texts)| {
        let roles = ["user", "assistant"].into_iter().cycle();
        let turns = roles.zip(texts).map(|(role, text)| Message::new(role, *text));
        let turns: Vec<Message> = turns.collect();
        let text = template.render(&turns, &named, true).unwrap().text;
        (of.to_owned(), json!({"chars": text.chars().count(), "sha256": sha256(&text)}))
    });
    let rendered: Value = rendered.into_iter().collect();
    json!({"sha256": sha256(source), "parts": template.takes_parts(), "rendered": rendered})
}

fn folder() -> Option<PathBuf> {
    let own = std::env::var_os("SEAL_JUDGE_TEMPLATES").map(PathBuf::from);
    own.or_else(|| Some(PathBuf::from(std::env::var_os("SEAL_DATA")?).join("judge_prompts")))
}

#[test]
fn prompts_of_guards_are_those_of_transformers() {
    let golden: Value =
        serde_json::from_str(include_str!("../reference/guard_templates.json")).unwrap();
    for (name, source) in OWN {
        assert_eq!(found(name, source), golden[name], "{name}");
    }
    for name in OTHERS {
        assert_eq!(
            golden[name]["rendered"].as_object().unwrap().len(),
            CONVERSATIONS.len(),
            "{name}"
        );
        let Some(text) = folder().and_then(|dir| std::fs::read_to_string(dir.join(name)).ok())
        else {
            continue;
        };
        assert_eq!(found(name, &text), golden[name], "{name}");
        eprintln!("{name}: the text is here");
    }
    // Three independent programs write the same prompt for this model.
    let short = &golden["qwen3guard_gen.jinja"]["rendered"]["short"];
    let hash = "29421d6dee3d447bc056c55c0c39b9fa7db83e13e6b5dfd913423f72d516bb2b";
    assert_eq!((&short["chars"], &short["sha256"]), (&json!(1670), &json!(hash)));
}
