//! Model folders made from the vocabularies of the real data: `tokenizer.json`
//! as the published models have it, put together here and, by other means, in
//! tests/reference/chat.py.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::TextTokenizer;
use serde_json::{Map, Value, json};

use crate::gguf::{Kind, Meta, Piece, gguf, gguf_pieces, model_pieces};

/// Llama 3 splits text by this expression.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The first special tokens of Llama 3.
const LLAMA3_SPECIAL: [&str; 10] = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|reserved_special_token_2|>",
    "<|reserved_special_token_3|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|reserved_special_token_4|>",
    "<|eot_id|>",
];

/// The tokenizer called `name` in tests/reference/chat.py.
pub fn tokenizer(data: &Path, name: &str) -> TextTokenizer {
    let dir = tempfile::tempdir().unwrap();
    write_folder(data, name, dir.path());
    TextTokenizer::from_folder(dir.path()).unwrap()
}

/// Writes its files to `dir`.
pub fn write_folder(data: &Path, name: &str, dir: &Path) {
    let vocabs = data.join("tokenizers");
    let gguf_file = |name: &str| vocabs.join(format!("gguf_vocabs/ggml-vocab-{name}.gguf"));
    let mistral =
        |file: &str| sentencepiece(&model_pieces(&vocabs.join("mistral").join(file)), false, false);
    let neox = || vocabs.join("gpt_neox_pythia/20B_tokenizer.json");
    let (json, bos, eos) = match name {
        "llama3" => {
            (llama3(&vocabs.join("llama3/tokenizer.model")), "<|begin_of_text|>", "<|end_of_text|>")
        }
        "mistral-v1" => (mistral("tokenizer.model.v1"), "<s>", "</s>"),
        "mistral-v3" => (mistral("mistral_instruct_tokenizer_240323.model.v3"), "<s>", "</s>"),
        "phi-3" => {
            (sentencepiece(&gguf_pieces(&gguf_file("phi-3")), true, true), "<s>", "<|endoftext|>")
        }
        "llama-spm" => {
            (sentencepiece(&gguf_pieces(&gguf_file("llama-spm")), true, false), "<s>", "</s>")
        }
        "gpt-2" => (gpt2(&gguf_file("gpt-2")), "<|endoftext|>", "<|endoftext|>"),
        "neox" => (read(&neox()), "<|endoftext|>", "<|endoftext|>"),
        "neox-chatml" => {
            let mut json = read(&neox());
            let added = json["added_tokens"].as_array_mut().unwrap();
            let next = added.iter().filter_map(|t| t["id"].as_u64()).max().unwrap() + 1;
            for (id, token) in (next..).zip(["<|im_start|>", "<|im_end|>"]) {
                added.push(special(id, token, false));
            }
            (json, "<|endoftext|>", "<|endoftext|>")
        }
        other => panic!("no tokenizer is called {other}"),
    };
    let mut config = json!({ "bos_token": bos, "eos_token": { "content": eos } });
    if json["model"]["unk_token"].is_string() {
        config["unk_token"] = json["model"]["unk_token"].clone();
    }
    std::fs::write(dir.join("tokenizer.json"), json.to_string()).unwrap();
    std::fs::write(dir.join("tokenizer_config.json"), config.to_string()).unwrap();
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn special(id: u64, token: &str, rstrip: bool) -> Value {
    json!({ "id": id, "content": token, "special": true, "normalized": false,
        "single_word": false, "lstrip": false, "rstrip": rstrip })
}

fn byte_level(trim: bool) -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": trim, "use_regex": trim })
}

fn bpe(vocab: BTreeMap<String, usize>, merges: Vec<[String; 2]>) -> Value {
    let vocab: Map<String, Value> = vocab.into_iter().map(|(t, id)| (t, id.into())).collect();
    json!({ "type": "BPE", "vocab": vocab, "merges": merges, "ignore_merges": false })
}

/// Every way to make a piece of two others, in the order of the pieces'
/// scores; within a piece, in the order of the parts' ids.
fn sentencepiece(pieces: &[Piece], legacy: bool, rstrip: bool) -> Value {
    let texts: BTreeMap<&str, usize> = pieces
        .iter()
        .enumerate()
        .filter(|(_, p)| p.kind == Kind::Text)
        .map(|(i, p)| (p.text.as_str(), i))
        .collect();
    let mut merges = Vec::new();
    for piece in pieces.iter().filter(|p| p.kind == Kind::Text) {
        let cuts = piece.text.char_indices().skip(1).map(|(at, _)| piece.text.split_at(at));
        let mut own: Vec<(&str, &str)> =
            cuts.filter(|(l, r)| texts.contains_key(l) && texts.contains_key(r)).collect();
        own.sort_by_key(|(l, r)| (texts[l], texts[r]));
        merges.extend(own.into_iter().map(|(l, r)| (piece.score, l, r)));
    }
    let len = |s: &str| s.chars().count();
    merges.sort_by(|(a, al, ar), (b, bl, br)| {
        b.total_cmp(a).then(len(bl).cmp(&len(al))).then(len(br).cmp(&len(ar)))
    });
    let vocab = pieces.iter().enumerate().map(|(i, p)| (p.text.clone(), i)).collect();
    let merges = merges.into_iter().map(|(_, l, r)| [l.to_owned(), r.to_owned()]).collect();
    let mut model = bpe(vocab, merges);
    model["unk_token"] = "<unk>".into();
    model["fuse_unk"] = true.into();
    model["byte_fallback"] = true.into();
    let added = pieces.iter().enumerate().filter(|(_, p)| p.kind == Kind::Special);
    let added: Vec<Value> =
        added.map(|(i, p)| special(i as u64, &p.text, rstrip && i > 32000)).collect();
    let (normalizer, pre_tokenizer) = if legacy {
        let replace = json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" });
        let prepend = json!({ "type": "Prepend", "prepend": "▁" });
        (json!({ "type": "Sequence", "normalizers": [prepend, replace] }), Value::Null)
    } else {
        let metaspace = json!({ "type": "Metaspace", "replacement": "▁",
            "prepend_scheme": "first", "split": false });
        (Value::Null, metaspace)
    };
    json!({ "version": "1.0", "added_tokens": added, "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": null,
        "decoder": { "type": "ByteFallback" }, "model": model })
}

fn gpt2(path: &Path) -> Value {
    let mut meta = gguf(path);
    let mut get = |key: &str| match meta.remove(&format!("tokenizer.ggml.{key}")) {
        Some(Meta::Texts(texts)) => texts,
        _ => panic!("no texts {key}"),
    };
    let tokens = get("tokens");
    let end = tokens.iter().position(|t| t == "<|endoftext|>").unwrap();
    let merges = get("merges");
    let halves = merges.iter().map(|m| m.split_once(' ').unwrap());
    let vocab = tokens.into_iter().enumerate().map(|(i, t)| (t, i)).collect();
    let model = bpe(vocab, halves.map(|(l, r)| [l.to_owned(), r.to_owned()]).collect());
    json!({ "version": "1.0", "added_tokens": [special(end as u64, "<|endoftext|>", false)],
        "normalizer": null, "pre_tokenizer": byte_level(true),
        "post_processor": byte_level(false), "decoder": byte_level(true), "model": model })
}

/// Lines of base64 and rank; a merge is any two ranked halves of a ranked token.
fn llama3(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    let ranks: BTreeMap<Vec<u8>, usize> = text
        .lines()
        .map(|line| {
            let (token, rank) = line.split_once(' ').unwrap();
            (base64(token), rank.parse().unwrap())
        })
        .collect();
    let mut by_rank: Vec<(&Vec<u8>, usize)> = ranks.iter().map(|(t, r)| (t, *r)).collect();
    by_rank.sort_by_key(|(_, rank)| *rank);
    let mut merges = Vec::new();
    for (token, _) in &by_rank {
        let cuts = (1..token.len()).map(|at| token.split_at(at));
        let mut own: Vec<(usize, usize, [String; 2])> = cuts
            .filter_map(|(l, r)| Some((*ranks.get(l)?, *ranks.get(r)?, [shown(l), shown(r)])))
            .collect();
        own.sort();
        merges.extend(own.into_iter().map(|(_, _, pair)| pair));
    }
    let vocab = ranks.iter().map(|(token, rank)| (shown(token), *rank)).collect();
    let mut model = bpe(vocab, merges);
    model["ignore_merges"] = true.into();
    let ids = (ranks.len() as u64..).zip(LLAMA3_SPECIAL);
    let added: Vec<Value> = ids.map(|(id, token)| special(id, token, false)).collect();
    let split = json!({ "type": "Split", "pattern": { "Regex": LLAMA3 },
        "behavior": "Isolated", "invert": false });
    json!({ "version": "1.0", "added_tokens": added, "normalizer": null,
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [split, byte_level(false)] },
        "post_processor": byte_level(false), "decoder": byte_level(true), "model": model })
}

/// Bytes as byte-level BPE writes them: printable ones as they are, the others
/// as the characters from U+0100 on, in order.
fn shown(bytes: &[u8]) -> String {
    let printable = |b: u8| matches!(b, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let char_of = |b: u8| match printable(b) {
        true => char::from(b),
        false => {
            let before = (0..b).filter(|b| !printable(*b)).count() as u32;
            char::from_u32(0x100 + before).unwrap()
        }
    };
    bytes.iter().map(|b| char_of(*b)).collect()
}

fn base64(text: &str) -> Vec<u8> {
    let (mut out, mut bits, mut n) = (Vec::new(), 0u32, 0);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        (bits, n) = (bits << 6 | u32::from(value), n + 6);
        if n >= 8 {
            n -= 8;
            out.push((bits >> n) as u8);
        }
    }
    out
}
