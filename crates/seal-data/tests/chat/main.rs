//! Chat templates against transformers: texts, tokens and masks of every
//! template of the real data. The golden values come from
//! tests/reference/chat.py; of real conversations they are hashes.

#[path = "../common/mod.rs"]
mod common;
mod gguf;
mod guards;
mod vocab;

use std::io::Read;
use std::path::Path;

use common::real_data;
use seal_data::chat::{ChatError, ChatFormat, ChatTemplate, Conversation, Message, Trained};
use seal_data::{ExampleError, RowId, Tokenizer};
use serde_json::{Value, json};

fn golden() -> Value {
    serde_json::from_str(include_str!("../reference/chat.json")).unwrap()
}

/// Every value of a list, hashed with its length before it.
fn digest(values: &[Value]) -> String {
    let mut h = blake3::Hasher::new();
    for value in values {
        let json = value.to_string();
        h.update(&(json.len() as u64).to_le_bytes());
        h.update(json.as_bytes());
    }
    h.finalize().to_hex()[..32].to_owned()
}

/// The first `n` transcripts of at least two exchanges that alternate and have no empty turn.
fn transcripts(data: &Path, n: usize) -> Vec<Vec<Message>> {
    let file = std::fs::File::open(data.join("hh_rlhf/test.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let parse = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let chosen = row["chosen"].as_str().unwrap().to_owned();
        let chosen = chosen.replace("\n\nHuman: ", "\0user\0");
        let chosen = chosen.replace("\n\nAssistant: ", "\0assistant\0");
        let parts: Vec<&str> = chosen.split('\0').skip(1).collect();
        let turns: Vec<Message> = parts.chunks(2).map(|p| Message::new(p[0], p[1])).collect();
        let alternate = turns.iter().zip(["user", "assistant"].iter().cycle());
        let good =
            alternate.clone().all(|(m, role)| m.role == *role && !m.content.trim().is_empty());
        (good && turns.len() >= 4 && turns.len().is_multiple_of(2)).then_some(turns)
    };
    text.lines().filter_map(parse).take(n).collect()
}

fn from_json(messages: &Value) -> Vec<Message> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let turn = |m: &Value| Message::new(text(&m["role"]), text(&m["content"]));
    messages.as_array().unwrap().iter().map(turn).collect()
}

/// What the reference program writes of a conversation.
fn outcome(template: &ChatTemplate, tokenizer: &dyn Tokenizer, messages: &[Message]) -> Value {
    let encode = |trained| {
        let format = ChatFormat { template: template.clone(), trained };
        format.encode(RowId::of("", "", 0), messages, tokenizer)
    };
    let runs =
        |c: &Conversation| -> Value { c.trained.iter().map(|r| json!([r.start, r.end])).collect() };
    match encode(Trained::All) {
        Ok(all) => {
            let last = encode(Trained::Last).unwrap();
            let tokens: Vec<u32> = all.tokens.iter().map(|(id, _)| *id).collect();
            json!({ "text": all.text, "tokens": tokens, "all": runs(&all), "last": runs(&last) })
        }
        Err(ExampleError::Chat { source: ChatError::Raised { reason, .. }, .. }) => {
            json!({ "error": reason })
        }
        Err(ExampleError::Chat { source, .. }) => {
            let text = template.render(messages, &tokenizer.named_tokens(), false).unwrap().text;
            let word = match source {
                ChatError::Rewritten { .. } => "rewritten",
                ChatError::Altered { .. } => "altered",
                ChatError::NoEnd { .. } => "no end",
                other => panic!("{other}"),
            };
            json!({ "tokens": tokenizer.encode(&text).unwrap(), "text": text, "error": word })
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn texts_tokens_and_masks_are_those_of_transformers() {
    let Some(data) = real_data() else { return };
    let golden = golden();
    let real = transcripts(&data, 200);
    let read: Vec<Value> =
        real.iter().map(|c| c.iter().map(|m| json!([m.role, m.content])).collect()).collect();
    assert_eq!(json!(digest(&read)), golden["transcripts"]);
    let mut last: Option<(String, seal_data::TextTokenizer)> = None;
    for case in golden["cases"].as_array().unwrap() {
        let (name, tok) = (case["template"].as_str().unwrap(), case["tokenizer"].as_str().unwrap());
        if last.as_ref().is_none_or(|(name, _)| name != tok) {
            last = Some((tok.to_owned(), vocab::tokenizer(&data, tok)));
        }
        let tokenizer = &last.as_ref().unwrap().1;
        let path = data.join(format!("chat_templates/{name}.jinja"));
        let source = std::fs::read_to_string(path).unwrap();
        let template = ChatTemplate::new(name, &source, None).unwrap();
        let invented = golden["invented"].as_array().unwrap().iter();
        for (messages, expected) in invented.zip(case["invented"].as_array().unwrap()) {
            let own = outcome(&template, tokenizer, &from_json(messages));
            assert_eq!(own, *expected, "{name} with {tok}");
        }
        let own: Vec<Value> = real.iter().map(|c| outcome(&template, tokenizer, c)).collect();
        let pick = |key: &str| own.iter().map(|o| o[key].clone()).collect::<Vec<_>>();
        assert_eq!(json!(digest(&pick("text"))), case["texts"], "texts of {name} with {tok}");
        assert_eq!(json!(digest(&pick("tokens"))), case["tokens"], "tokens of {name} with {tok}");
        let masks: Vec<Value> =
            own.iter().map(|o| json!([o["all"], o["last"], o["error"]])).collect();
        assert_eq!(json!(digest(&masks)), case["masks"], "masks of {name} with {tok}");
    }
}

/// Texts and their tokens, from llama.cpp's tests: 46 for each vocabulary.
#[test]
fn published_vectors_are_met() {
    let Some(data) = real_data() else { return };
    let folder = data.join("tokenizers/gguf_vocabs");
    let read = |name: &str, end: &str| {
        std::fs::read_to_string(folder.join(format!("ggml-vocab-{name}.gguf.{end}"))).unwrap()
    };
    let pairs = [
        ("gpt-2", "gpt-2"),
        ("llama-bpe", "llama3"),
        ("llama-spm", "llama-spm"),
        ("phi-3", "phi-3"),
        ("mpt", "neox"),
    ];
    for (vectors, tok) in pairs {
        let tokenizer = vocab::tokenizer(&data, tok);
        let (texts, tokens) = (read(vectors, "inp"), read(vectors, "out"));
        let lines = tokens.lines();
        let mut met = 0;
        for (text, line) in texts.split("\n__ggml_vocab_test__\n").zip(lines) {
            let expected: Vec<u32> = line.split_whitespace().map(|t| t.parse().unwrap()).collect();
            assert_eq!(tokenizer.encode(text).unwrap(), expected, "{vectors}: {text:?}");
            let spans = tokenizer.encode_spans(text).unwrap();
            assert!(spans.iter().map(|(id, _)| *id).eq(expected), "{vectors}: {text:?}");
            met += 1;
        }
        assert_eq!(json!([met, 46]), golden()["vectors"][vectors], "{vectors}");
    }
}
