//! The pipeline that a class builds around the vocabulary of `tokenizer.json`.

use serde_json::{Value, json};
use tokenizers::models::ModelWrapper;
use tokenizers::{DecoderWrapper, Model, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::class::TokenizerClass;

/// How Qwen2 cuts a text into words.
const QWEN2_WORDS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// What a class reads of `tokenizer_config.json` for its pipeline.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    /// `add_prefix_space`.
    pub(super) add_prefix_space: Option<bool>,
    /// `legacy`; null counts as false.
    pub(super) legacy: bool,
    /// Text of `unk_token`.
    pub(super) unk: Option<String>,
}

/// A pipeline around the vocabulary, in the notation of `tokenizer.json`.
struct Pipeline {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    /// As with SentencePiece: a character that is no piece becomes its bytes.
    bytes: bool,
    unk: Option<String>,
}

impl TokenizerClass {
    fn pipeline(self, options: &Options) -> Option<Pipeline> {
        let space = options.add_prefix_space;
        let byte_level = |words: bool| {
            json!({
                "type": "ByteLevel", "add_prefix_space": space.unwrap_or(false),
                "trim_offsets": true, "use_regex": words,
            })
        };
        let on_bytes = |normalizer: Value, pre_tokenizer: Value| Pipeline {
            normalizer,
            pre_tokenizer,
            decoder: byte_level(true),
            bytes: false,
            unk: None,
        };
        let nfc = || json!({ "type": "NFC" });
        Some(match self {
            Self::Backend => return None,
            Self::Gpt2 => on_bytes(Value::Null, byte_level(true)),
            Self::GptNeoX => on_bytes(nfc(), byte_level(true)),
            Self::Qwen2 => {
                let words = json!({
                    "type": "Split", "pattern": { "Regex": QWEN2_WORDS },
                    "behavior": "Isolated", "invert": false,
                });
                let both = json!([words, byte_level(false)]);
                on_bytes(nfc(), json!({ "type": "Sequence", "pretokenizers": both }))
            }
            Self::Gemma => Pipeline {
                normalizer: json!({
                    "type": "Replace", "pattern": { "String": " " }, "content": "▁",
                }),
                // Spaces are gone by then: it cuts nothing, as in transformers.
                pre_tokenizer: json!({
                    "type": "Split", "pattern": { "String": " " },
                    "behavior": "MergedWithPrevious", "invert": false,
                }),
                decoder: json!({ "type": "Sequence", "decoders": [
                    { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
                    { "type": "ByteFallback" },
                    { "type": "Fuse" },
                ] }),
                bytes: true,
                unk: options.unk.clone(),
            },
            Self::Llama | Self::CodeLlama => {
                let space = space.unwrap_or(true);
                let scheme = match (space, self == Self::Llama && options.legacy) {
                    (false, _) => "never",
                    (true, true) => "always",
                    (true, false) => "first",
                };
                let mut decoders = vec![
                    json!({ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }),
                    json!({ "type": "ByteFallback" }),
                    json!({ "type": "Fuse" }),
                ];
                if space || self == Self::CodeLlama {
                    decoders
                        .push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
                }
                Pipeline {
                    normalizer: Value::Null,
                    pre_tokenizer: json!({
                        "type": "Metaspace", "replacement": "▁",
                        "prepend_scheme": scheme, "split": false,
                    }),
                    decoder: json!({ "type": "Sequence", "decoders": decoders }),
                    bytes: true,
                    unk: options.unk.clone().filter(|_| self == Self::CodeLlama),
                }
            }
        })
    }
}

/// A tokenizer, and how it departs from what stands in the files.
pub(super) struct Built {
    pub(super) tokenizer: Tokenizer,
    /// Where `tokenizer.json` stays as it is, whether it puts a space before a text
    /// in the one place where `add_prefix_space` of the config could mean it.
    pub(super) adds_space: Option<bool>,
    /// Parts of `tokenizer.json` that the class replaces by others.
    pub(super) replaced: Vec<&'static str>,
}

/// A `tokenizer.json` that a class cannot build its pipeline around.
#[derive(Debug, thiserror::Error)]
pub(super) enum PipelineError {
    #[error("the model of tokenizer.json is not BPE")]
    NotBpe,
    #[error("the pieces of tokenizer.json are marked by a prefix or suffix")]
    MarkedPieces,
    #[error("its unk_token {token} is not in the vocabulary")]
    UnknownUnk { token: String },
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Library(#[from] tokenizers::Error),
}

/// What the class makes of `file`, the tokenizer of `tokenizer.json`.
///
/// # Errors
/// A model that the class does not take.
pub(super) fn build(
    class: TokenizerClass,
    file: Tokenizer,
    options: &Options,
) -> Result<Built, PipelineError> {
    let Some(pipeline) = class.pipeline(options) else {
        let adds_space = match file.get_pre_tokenizer() {
            Some(PreTokenizerWrapper::ByteLevel(bytes)) => Some(bytes.add_prefix_space),
            _ => None,
        };
        return Ok(Built { tokenizer: file, adds_space, replaced: Vec::new() });
    };
    let ModelWrapper::BPE(bpe) = file.get_model() else {
        return Err(PipelineError::NotBpe);
    };
    let some = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if some(&bpe.continuing_subword_prefix) || some(&bpe.end_of_word_suffix) {
        return Err(PipelineError::MarkedPieces);
    }
    if let Some(unk) = pipeline.unk.as_ref().filter(|unk| bpe.token_to_id(unk).is_none()) {
        return Err(PipelineError::UnknownUnk { token: unk.clone() });
    }
    let mut replaced = Vec::new();
    if plain(file.get_normalizer())? != pipeline.normalizer {
        replaced.push("normalizer");
    }
    if plain(file.get_pre_tokenizer())? != offsets_kept(pipeline.pre_tokenizer.clone()) {
        replaced.push("pre_tokenizer");
    }
    if bpe.ignore_merges || bpe.byte_fallback != pipeline.bytes || bpe.dropout.is_some() {
        replaced.push("model");
    }
    let mut bpe = bpe.clone();
    bpe.dropout = None;
    bpe.unk_token = pipeline.unk;
    (bpe.continuing_subword_prefix, bpe.end_of_word_suffix) = (None, None);
    (bpe.fuse_unk, bpe.byte_fallback) = (pipeline.bytes, pipeline.bytes);
    bpe.ignore_merges = false;

    let normalizer: Option<NormalizerWrapper> = serde_json::from_value(pipeline.normalizer)?;
    let pre_tokenizer: PreTokenizerWrapper = serde_json::from_value(pipeline.pre_tokenizer)?;
    let decoder: DecoderWrapper = serde_json::from_value(pipeline.decoder)?;
    // GPT-NeoX never adds a token by itself.
    let post = file.get_post_processor().filter(|_| class != TokenizerClass::GptNeoX).cloned();
    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_normalizer(normalizer)?;
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer));
    tokenizer.with_decoder(Some(decoder));
    tokenizer.with_post_processor(post);
    Ok(Built { tokenizer, adds_space: None, replaced })
}

/// A part as it stands in a file. Where tokens stand in the text is no part of it.
fn plain<T: serde::Serialize>(part: Option<&T>) -> serde_json::Result<Value> {
    serde_json::to_value(part).map(offsets_kept)
}

/// Without `trim_offsets`, on which no id depends.
fn offsets_kept(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.remove("trim_offsets");
            for value in map.values_mut() {
                *value = offsets_kept(value.take());
            }
        }
        Value::Array(list) => {
            for value in list {
                *value = offsets_kept(value.take());
            }
        }
        _ => {}
    }
    value
}
