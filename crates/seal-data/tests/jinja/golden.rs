//! What transformers 4.57 and 5.23 make of small templates and of whole ones. The golden
//! values come from tests/reference/jinja.py.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::chat::{ChatTemplate, Rendered};
use serde_json::{Value, json};

const KWARGS: [(&str, &str); 3] =
    [("bos_token", "<s>"), ("eos_token", "</s>"), ("think_token", "<think>")];
const MESSAGES: &str = r#"[{"role": "user", "content": "Hello, wörld\n"},
    {"role": "assistant", "content": "\"ok\" <b>"}]"#;
const TOOLS: &str = include_str!("../reference/tools.json");

fn render(
    source: &str,
    kwargs: &Value,
    messages: &str,
    tools: &str,
    prompt: bool,
) -> Result<Rendered, String> {
    let named = KWARGS.map(|(name, token)| (name.to_owned(), token.to_owned()));
    let named = BTreeMap::from(named);
    let kwargs = kwargs.as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.clone()));
    ChatTemplate::new("test", source, Some("2024-07-26".parse().unwrap()))
        .and_then(|t| t.with_kwargs(kwargs))
        .and_then(|t| t.render_json(messages, tools, &named, prompt))
        .map_err(|e| e.to_string())
}

fn golden() -> Vec<Value> {
    serde_json::from_str(include_str!("../reference/jinja.json")).unwrap()
}

fn report(wrong: &[String], cases: usize) {
    assert!(wrong.is_empty(), "{} of {cases} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn snippets_are_written_as_transformers_writes_them() {
    let cases: Vec<Value> = golden().into_iter().filter(|case| !case[2][0].is_string()).collect();
    assert!(cases.len() > 110, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let source = case[0].as_str().unwrap();
        let rendered = render(source, &json!({ "enable_thinking": false }), MESSAGES, TOOLS, false);
        match (case[1].as_str(), rendered) {
            (None, Err(_)) => {}
            (Some(text), Ok(rendered)) => {
                let chars = |byte: usize| rendered.text[..byte].chars().count();
                let spans = rendered.generation.iter();
                let spans: Value = spans.map(|r| json!([chars(r.start), chars(r.end)])).collect();
                if rendered.text != text || spans != case[2] {
                    let own = format!("{:?} {spans}", rendered.text);
                    wrong.push(format!("{source}\n  own:   {own}\n  right: {text:?} {}", case[2]));
                }
            }
            (right, own) => wrong.push(format!("{source}\n  own:   {own:?}\n  right: {right:?}")),
        }
    }
    report(&wrong, cases.len());
}

/// Templates in the style of Qwen3, Llama 3.1, Mistral, Gemma, Phi-4, DeepSeek, SmolLM3 and
/// gpt-oss, on conversations with system turns, reasoning, tools and parts.
#[test]
fn whole_templates_are_written_as_transformers_writes_them() {
    let talks: Value =
        serde_json::from_str(include_str!("../reference/templates/talks.json")).unwrap();
    let ordered: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(include_str!("../reference/templates/talks.json")).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/templates");
    let cases: Vec<Value> = golden().into_iter().filter(|case| case[2][0].is_string()).collect();
    assert!(cases.len() >= 144, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let (stem, name) = (case[0].as_str().unwrap(), case[2][0].as_str().unwrap());
        let prompt = case[2][1].as_bool().unwrap();
        let source = std::fs::read_to_string(folder.join(format!("{stem}.jinja"))).unwrap();
        let mut kwargs = json!({ "enable_thinking": false });
        for (key, value) in talks[name]["kwargs"].as_object().into_iter().flatten() {
            kwargs[key] = value.clone();
        }
        let tools = if talks[name]["tools"] == true { TOOLS } else { "null" };
        // The order of the fields counts, so the turns are taken as they are written.
        let parts: BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(ordered[name].get()).unwrap();
        let rendered = render(&source, &kwargs, parts["messages"].get(), tools, prompt);
        let own = rendered.as_ref().map(|r| r.text.as_str());
        if own.ok() != case[1].as_str() {
            let place = format!("{stem}, {name}, prompt {prompt}");
            wrong.push(format!("{place}\n  own:   {own:?}\n  right: {:?}", case[1]));
        }
    }
    report(&wrong, cases.len());
}
