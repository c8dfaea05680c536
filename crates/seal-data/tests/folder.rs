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
    // The post-processor of tokenizer.json says how a text begins, `add_bos_token` does not.
    assert_eq!(tokenizer.bos(), None);
    // Without `added_tokens_decoder` the map goes before the config.
    assert_eq!((tokenizer.eos(), tokenizer.stops()), (281, vec![281, 280]));
    assert_eq!(tokenizer.vocab_size(), 282);
    let named: Vec<(String, String)> = tokenizer.named_tokens().into_iter().collect();
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    assert_eq!(
        named,
        [
            pair("bos_token", "<|im_start|>"),
            pair("eos_token", "<|im_end|>"),
            pair("pad_token", EOS)
        ]
    );
    let templates: Vec<(&str, &str)> =
        tokenizer.chat_templates().iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    // Files with templates replace those of the config.
    assert_eq!(templates, [("default", "new"), ("tools", "t")]);
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

/// A token that only the class names is not added to a model without a row for it.
#[test]
fn a_default_of_the_class_makes_no_tokenizer_too_large() {
    let read = |rows: u32| {
        let dir = folder(&[
            ("config.json", json!({ "model_type": "gpt_neox", "vocab_size": rows })),
            ("tokenizer_config.json", json!({ "tokenizer_class": "GPTNeoXTokenizerFast" })),
        ]);
        TextTokenizer::from_folder(dir.path()).unwrap()
    };
    let (tight, roomy) = (read(282), read(283));
    assert_eq!((tight.vocab_size(), roomy.vocab_size()), (282, 283));
    let padding = |t: &TextTokenizer| t.named_tokens().get("pad_token").cloned();
    assert_eq!((padding(&tight), padding(&roomy)), (None, Some("<|padding|>".into())));
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
    let of = |config: Value| error(&[("tokenizer_config.json", config)], &[]);
    let errors = [
        error(&[], &["tokenizer.json"]),
        error(&[("tokenizer.model", json!(""))], &["tokenizer.json"]),
        error(&[], &[]),
        error(&[("config.json", json!({ "vocab_size": 281 })), eos.clone()], &[]),
        of(json!({ "eos_token": "</s>" })),
        error(&[("generation_config.json", json!({ "eos_token_id": [5, 999] })), eos.clone()], &[]),
        error(
            &[
                ("config.json", json!({ "eos_token_id": [5, 999] })),
                ("generation_config.json", json!({ "eos_token_id": 5 })),
                eos.clone(),
            ],
            &[],
        ),
        error(&[("config.json", json!({ "eos_token_id": 5.5 })), eos.clone()], &[]),
        of(json!({ "eos_token": EOS, "added_tokens_decoder": { "283": { "content": "<x>" } } })),
        of(json!({ "eos_token": EOS, "added_tokens_decoder": { "x": { "content": "<x>" } } })),
        of(
            json!({ "eos_token": EOS, "added_tokens_decoder": { "280": { "content": "<|im_start|>", "upper": true } } }),
        ),
        of(json!({ "eos_token": { "lstrip": true } })),
        of(json!({ "eos_token": ["a"] })),
        of(json!({ "eos_token": EOS, "add_prefix_space": "yes" })),
        of(json!({ "eos_token": EOS, "tokenizer_class": "BertTokenizerFast" })),
        of(json!({ "eos_token": EOS, "auto_map": { "AutoTokenizer": ["a.B", null] } })),
        of(json!({ "eos_token": EOS, "chat_template": [{ "template": "x" }] })),
        of(json!({ "eos_token": "\u{1b}[31m\u{202e}x" })),
    ];
    insta::assert_snapshot!(errors.join("\n"), @r#"
    DIR: no tokenizer.json; give the folder of a Hugging Face model
    DIR: has tokenizer.model and no tokenizer.json; convert it once: python -c "from transformers import AutoTokenizer; AutoTokenizer.from_pretrained('DIR').save_pretrained('DIR')"
    DIR: no file says which token ends a text; set "eos_token" in tokenizer_config.json to the token that ends an answer of this model
    DIR: the tokenizer has ids up to 281, the model's vocabulary (config.json, vocab_size) ends at 280; use the tokenizer that belongs to the model, or resize the model's embeddings (transformers: model.resize_token_embeddings(282))
    DIR/tokenizer_config.json: eos_token names the token </s>, which tokenizer.json does not have; the files are of different models, or the token was added later: save the tokenizer anew with transformers
    DIR/generation_config.json: eos_token_id names the token 999, which tokenizer.json does not have; the files are of different models, or the token was added later: save the tokenizer anew with transformers
    DIR/config.json: eos_token_id names the token 999, which tokenizer.json does not have; the files are of different models, or the token was added later: save the tokenizer anew with transformers
    DIR/config.json: eos_token_id must be an id or a list of ids, found a number; download the file again, or save the tokenizer anew with transformers
    DIR/tokenizer_config.json: added_tokens_decoder, 283 gives the token <x> the id 283, but transformers would give it 282: added tokens follow the vocabulary without a gap; the files are of different models, or were edited: save the tokenizer anew with transformers
    DIR/tokenizer_config.json: added_tokens_decoder must hold tokens, as objects, by their ids; download the file again, or save the tokenizer anew with transformers
    DIR/tokenizer_config.json: added_tokens_decoder, 280 has a flag upper that no token has; take it out
    DIR/tokenizer_config.json: eos_token must be a token, found an object; download the file again, or save the tokenizer anew with transformers
    DIR/tokenizer_config.json: eos_token must be a token, found a list; download the file again, or save the tokenizer anew with transformers
    DIR/tokenizer_config.json: add_prefix_space must be true or false, found a text; download the file again, or save the tokenizer anew with transformers
    DIR/tokenizer_config.json: tokenizer_class is BertTokenizerFast, which changes what tokenizer.json says in a way that is not known here; where tokenizer.json is all there is to it, set tokenizer_class to "PreTrainedTokenizerFast"
    DIR/tokenizer_config.json: auto_map names Python code for the tokenizer (no class), which is not run; where tokenizer.json is all there is to it, set tokenizer_class to "PreTrainedTokenizerFast" and take auto_map out
    DIR/tokenizer_config.json: chat_template: each entry needs a `name` and a `template`; download the file again, or save the tokenizer anew with transformers
    DIR/tokenizer_config.json: eos_token names the token \u{1b}[31m\u{202e}x, which tokenizer.json does not have; the files are of different models, or the token was added later: save the tokenizer anew with transformers
    "#);
}
