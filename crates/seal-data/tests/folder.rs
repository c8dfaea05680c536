//! Tokenizers of model folders.

#[path = "common/model.rs"]
mod model;

use model::folder;
use seal_data::{TextTokenizer, Tokenizer, TokenizerError};
use serde_json::{Value, json};

const EOS: &str = "<|endoftext|>";

#[test]
fn names_stops_and_templates_are_read() {
    let dir = folder(&[
        (
            "tokenizer_config.json",
            json!({
                "bos_token": "<|im_start|>", "add_bos_token": true,
                "eos_token": { "content": EOS, "special": true }, "pad_token": null,
                "chat_template": [
                    { "name": "default", "template": "old" }, { "name": "rag", "template": "r" }
                ],
            }),
        ),
        ("special_tokens_map.json", json!({ "pad_token": EOS, "eos_token": "<|im_end|>" })),
        ("generation_config.json", json!({ "eos_token_id": [281, 280] })),
        ("config.json", json!({ "vocab_size": 282 })),
        ("chat_template.jinja", json!("new")),
        ("additional_chat_templates/tools.jinja", json!("t")),
        ("additional_chat_templates/notes.txt", json!("no template")),
    ]);
    let tokenizer = TextTokenizer::from_folder(dir.path()).unwrap();
    assert_eq!(tokenizer.bos(), Some(280));
    let eos = tokenizer.eos();
    assert_eq!(tokenizer.token(eos).as_deref(), Some(EOS));
    assert_eq!(tokenizer.stops(), [eos, 281, 280]);
    assert_eq!(tokenizer.vocab_size(), 282);
    let named: Vec<(String, String)> = tokenizer.named_tokens().into_iter().collect();
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    assert_eq!(
        named,
        [pair("bos_token", "<|im_start|>"), pair("eos_token", EOS), pair("pad_token", EOS)]
    );
    let templates: Vec<(&str, &str)> =
        tokenizer.chat_templates().iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(templates, [("default", "new"), ("rag", "r"), ("tools", "t")]);
    assert_eq!(tokenizer.special_in("a <|im_end|> b <|im_start|>"), 2);
    assert_eq!(tokenizer.special_in("a <|im_en"), 0);
}

/// A base model's folder may have no `tokenizer_config.json`.
#[test]
fn ids_of_the_config_are_the_fallback() {
    let dir = folder(&[
        ("config.json", json!({ "eos_token_id": 281, "bos_token_id": 280 })),
        ("generation_config.json", json!({ "eos_token_id": 5 })),
    ]);
    let tokenizer = TextTokenizer::from_folder(dir.path()).unwrap();
    assert_eq!((tokenizer.eos(), tokenizer.stops()), (281, vec![281, 5]));
    // A name alone does not make a text begin with it.
    assert_eq!(tokenizer.bos(), None);
}

/// As in transformers: what a config calls a special token is never split.
#[test]
fn named_entries_of_the_vocabulary_become_special() {
    let config = |eos: &str| [("tokenizer_config.json", json!({ "eos_token": eos }))];
    let plain = TextTokenizer::from_folder(folder(&config(EOS)).path()).unwrap();
    let named = TextTokenizer::from_folder(folder(&config("q")).path()).unwrap();
    assert_eq!(plain.decode(&plain.encode("aqa").unwrap()), "aqa");
    assert_eq!(named.decode(&named.encode("aqa").unwrap()), "aa");
    assert_eq!((plain.special_in("aqa"), named.special_in("aqa")), (0, 1));
}

#[test]
fn errors_name_the_file_and_the_remedy() {
    let error = |files: &[(&str, Value)], without: &[&str]| -> String {
        let dir = folder(files);
        without.iter().for_each(|f| std::fs::remove_file(dir.path().join(f)).unwrap());
        let error: TokenizerError = TextTokenizer::from_folder(dir.path()).err().unwrap();
        error.to_string().replace(dir.path().to_str().unwrap(), "DIR")
    };
    let eos = ("tokenizer_config.json", json!({ "eos_token": EOS }));
    insta::assert_snapshot!(error(&[], &["tokenizer.json"]), @"DIR: no tokenizer.json; give the folder of a Hugging Face model");
    insta::assert_snapshot!(error(&[("tokenizer.model", json!(""))], &["tokenizer.json"]), @r#"DIR: has tokenizer.model and no tokenizer.json; convert it once: python -c "from transformers import AutoTokenizer; AutoTokenizer.from_pretrained('DIR').save_pretrained('DIR')""#);
    insta::assert_snapshot!(error(&[], &[]), @r#"DIR: no file says which token ends a text; set "eos_token" in tokenizer_config.json to the token that ends an answer of this model"#);
    insta::assert_snapshot!(error(&[("config.json", json!({ "vocab_size": 281 })), eos.clone()], &[]), @"DIR: the tokenizer has ids up to 281, the model's vocabulary (config.json, vocab_size) ends at 280; use the tokenizer that belongs to the model, or resize the model's embeddings (transformers: model.resize_token_embeddings(282))");
    insta::assert_snapshot!(error(&[("tokenizer_config.json", json!({ "eos_token": "</s>" }))], &[]), @"DIR/tokenizer_config.json: eos_token names the token </s>, which tokenizer.json does not have; the files are of different models, or the token was added later: save the tokenizer anew with transformers");
    insta::assert_snapshot!(error(&[("generation_config.json", json!({ "eos_token_id": [5, 999] })), eos.clone()], &[]), @"DIR/generation_config.json: eos_token_id names the token 999, which tokenizer.json does not have; the files are of different models, or the token was added later: save the tokenizer anew with transformers");
    let added =
        json!({ "eos_token": EOS, "added_tokens_decoder": { "282": { "content": "<x>" } } });
    insta::assert_snapshot!(error(&[("tokenizer_config.json", added)], &[]), @"DIR/tokenizer_config.json: added_tokens_decoder names the token <x> with id 282, which tokenizer.json does not have; the files are of different models, or the token was added later: save the tokenizer anew with transformers");
    insta::assert_snapshot!(error(&[("tokenizer_config.json", json!("{"))], &[]), @"DIR/tokenizer_config.json: no JSON: EOF while parsing an object at line 1 column 1; download the file again, or save the tokenizer anew with transformers");
}
