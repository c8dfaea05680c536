//! The tokenizer of a Hugging Face model folder.
//!
//! `tokenizer.json` holds the tokenizer. What its tokens are for stands around
//! it, in files of which any may lack: `tokenizer_config.json` (the class, names
//! and flags of the special tokens, chat templates), `special_tokens_map.json`
//! and `added_tokens.json` (the same in older folders), `generation_config.json`
//! (what ends generation), `chat_template.jinja` and
//! `additional_chat_templates/`, and `config.json` (family, ids, vocabulary).
//! Which of them counts where they disagree is as in `transformers` 5.23; the
//! test `tokenizer_folders` compares some hundred folders.

mod added;
mod class;
mod error;
mod pipeline;
mod read;
mod templates;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{Encoding, PostProcessor, Token};

pub use error::TokenizerError;

use crate::TextTokenizer;
use crate::tokenize::FolderParts;
use class::TokenizerClass;
use read::Settings;
use tokens::{AddedTokens, OfFile};

/// Names of the special tokens that a folder gives, as templates know them, in
/// the order in which `transformers` adds them.
const NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// What is read of `tokenizer.json` beside the tokenizer.
#[derive(Deserialize)]
struct Outer {
    #[serde(default)]
    added_tokens: Vec<OfFile>,
    #[serde(default)]
    padding: Option<Padding>,
}

#[derive(Deserialize)]
struct Padding {
    #[serde(default)]
    pad_token: Option<String>,
}

impl TextTokenizer {
    /// Reads the tokenizer of a model folder, with its special tokens, what
    /// ends generation, and its chat templates. Text is encoded as
    /// `tokenizer(text, add_special_tokens=False)` of `transformers` 5.23 does.
    ///
    /// # Errors
    /// [`TokenizerError`].
    pub fn from_folder(dir: &Path) -> Result<Self, TokenizerError> {
        Self::for_model(dir, dir)
    }

    /// The tokenizer of `dir`, an adapter's folder for one, for the model in the folder
    /// `model`: from there come `config.json` (the family, the number of rows of the
    /// embedding) and `generation_config.json` (what ends generation).
    ///
    /// # Errors
    /// As [`TextTokenizer::from_folder`]; [`TokenizerError::TooLarge`] for tokens that the
    /// model has no row for.
    pub fn for_model(dir: &Path, model: &Path) -> Result<Self, TokenizerError> {
        let config = Settings::read(dir, "tokenizer_config.json")?;
        let map = Settings::read(dir, "special_tokens_map.json")?;
        let added = Settings::read(dir, "added_tokens.json")?;
        let generation = Settings::read(model, "generation_config.json")?;
        let model = Settings::read(model, "config.json")?;

        let path = tokenizer_file(dir, &config)?;
        let Some(json) = read::text(&path)? else { return Err(no_tokenizer(dir)) };
        let bad =
            |reason: &dyn std::fmt::Display| TokenizerError::invalid(&path, &reason.to_string());
        let outer: Outer = read::json(&path, &json)?;
        let file = tokenizers::Tokenizer::from_bytes(&json).map_err(|e| bad(&e))?;

        let mistral = model.get("model_type").is_some_and(|family| family == "mistral");
        // Smaller vocabularies are left as they are by transformers too.
        if mistral
            && file.get_vocab_size(true) > 100_000
            && config.flag("fix_mistral_regex")? == Some(true)
        {
            let reason = "fix_mistral_regex is not known here; save the tokenizer with the \
                          corrected pre_tokenizer, and without this setting";
            return Err(TokenizerError::unsupported(&config.path, reason));
        }
        let class = TokenizerClass::of(&config, &model, &json)?;
        drop(json);
        let pad = outer.padding.as_ref().and_then(|padding| padding.pad_token.as_deref());
        let of_file = (&*path, &*outer.added_tokens, pad);
        let mut tokens = AddedTokens::read(class, [&config, &map, &added], of_file)?;
        let mut inner = build(class, file, &config, &tokens)?;
        let rows = model.get("vocab_size").and_then(Value::as_u64);
        added::add(&mut inner, &mut tokens, rows, class == TokenizerClass::Qwen2, &path)?;
        for token in &outer.added_tokens {
            added::check(&inner, &token.declared(&path))?;
        }
        inner.set_encode_special_tokens(config.flag("split_special_tokens")?.unwrap_or(false));

        let mut named: BTreeMap<String, String> = tokens
            .named
            .iter()
            .map(|(n, given)| (n.clone(), given.token.content.clone()))
            .collect();
        let of_model =
            ["bos", "eos"].map(|name| (format!("{name}_token"), format!("{name}_token_id")));
        for (name, field) in &of_model {
            for file in [&model, &generation] {
                if let (Some(id), false) = (file.ids(field)?.first(), named.contains_key(name)) {
                    named.insert(name.clone(), token_of(&inner, file, field, *id)?);
                }
            }
        }
        let mut stops = Vec::new();
        for file in [&generation, &model] {
            for id in file.ids("eos_token_id")? {
                token_of(&inner, file, "eos_token_id", id)?;
                stops.push(id);
            }
        }
        let eos = named.get("eos_token").and_then(|text| inner.token_to_id(text));
        let Some(eos) = eos else { return Err(TokenizerError::NoEnd { dir: dir.into() }) };
        let special = tokens.named.iter().map(|(_, given)| given).chain(&tokens.extra);
        let special: BTreeSet<String> = special
            .map(|given| given.token.content.clone())
            .chain(named.values().cloned())
            .collect();
        let bos = begins(&inner, &config).map_err(|e| bad(&e))?;
        let parts = FolderParts {
            bos,
            stops: std::iter::once(eos).chain(stops).collect(),
            special,
            named,
            templates: templates::templates(dir, &config)?,
            clean_up: cleans_up(&inner, &config)?,
        };
        let this = Self::of_folder(inner, parts).map_err(|e| bad(&e))?;
        if let Some(size) = rows {
            let (needed, vocab_size) = (crate::Tokenizer::vocab_size(&this), size as usize);
            if needed > vocab_size {
                let dir = dir.to_owned();
                return Err(TokenizerError::TooLarge { dir, largest: needed - 1, vocab_size });
            }
        }
        Ok(this)
    }
}

/// Where the tokenizer stands: `tokenizer.json`, or the newest of the files that
/// the config names for versions of `transformers`.
fn tokenizer_file(dir: &Path, config: &Settings) -> Result<PathBuf, TokenizerError> {
    const FIELD: &str = "fast_tokenizer_files";
    let Some(names) = config.get(FIELD) else { return Ok(dir.join("tokenizer.json")) };
    let Value::Array(names) = names else { return Err(config.wrong(FIELD, "a list", names)) };
    let version = |name: &str| -> Option<Vec<u32>> {
        let numbers = name.strip_prefix("tokenizer.")?.strip_suffix(".json")?;
        numbers.split('.').map(|n| n.parse().ok()).collect()
    };
    let versions = names.iter().filter_map(Value::as_str);
    let versions = versions.filter_map(|name| Some((version(name)?, name)));
    let newest = versions.filter(|(v, _)| v.as_slice() <= [5, 23, 0].as_slice()).max();
    Ok(dir.join(newest.map_or("tokenizer.json", |(_, name)| name)))
}

fn no_tokenizer(dir: &Path) -> TokenizerError {
    let others = ["tokenizer.model", "vocab.json", "tekken.json", "tokenizer.model.v3"];
    match others.into_iter().find(|f| dir.join(f).is_file()) {
        Some(found) => TokenizerError::NeedsConversion { dir: dir.to_owned(), found },
        None => TokenizerError::Missing { dir: dir.to_owned() },
    }
}

/// The tokenizer that the class makes of the file.
fn build(
    class: TokenizerClass,
    file: tokenizers::Tokenizer,
    config: &Settings,
    tokens: &AddedTokens,
) -> Result<tokenizers::Tokenizer, TokenizerError> {
    const AS_IT_STANDS: &str =
        "set tokenizer_class to \"PreTrainedTokenizerFast\" to take tokenizer.json as it stands";
    let space = config.flag("add_prefix_space")?;
    let unk = tokens.named.iter().find(|(name, _)| name == "unk_token");
    let options = pipeline::Options {
        add_prefix_space: space,
        legacy: config.flag("legacy")?.unwrap_or(false),
        unk: unk.map(|(_, given)| given.token.content.clone()),
    };
    let built = pipeline::build(class, file, &options).map_err(|reason| {
        let reason =
            format!("tokenizer_class does not fit tokenizer.json: {reason}; {AS_IT_STANDS}");
        TokenizerError::unsupported(&config.path, &reason)
    })?;
    let file = config.path.display();
    if let (Some(asked), Some(done)) = (space, built.adds_space)
        && asked != done
    {
        tracing::warn!(%file, "add_prefix_space is not used: tokenizer.json says what is done");
    }
    if !built.replaced.is_empty() {
        tracing::warn!(
            %file, parts = ?built.replaced,
            "as in transformers 5, the tokenizer class replaces parts of tokenizer.json; \
             {AS_IT_STANDS}"
        );
    }
    Ok(built.tokenizer)
}

fn token_of(
    inner: &tokenizers::Tokenizer,
    file: &Settings,
    field: &str,
    id: u32,
) -> Result<String, TokenizerError> {
    inner.id_to_token(id).ok_or_else(|| TokenizerError::unknown(&file.path, field, id))
}

/// A post-processor of `tokenizer.json` that is not taken.
#[derive(Debug, thiserror::Error)]
enum PostProcessorError {
    #[error("its post_processor puts {tokens} tokens before a text, not one")]
    Begins { tokens: usize },
    #[error("{0}")]
    Library(#[from] tokenizers::Error),
}

/// The token that begins every text: what the post-processor of
/// `tokenizer.json` puts before it. `add_bos_token` changes nothing in
/// `transformers` 5.
fn begins(
    inner: &tokenizers::Tokenizer,
    config: &Settings,
) -> Result<Option<u32>, PostProcessorError> {
    // An id that no token has stands for the text.
    const TEXT: u32 = u32::MAX;
    let before = match inner.get_post_processor() {
        None => Vec::new(),
        Some(processor) => {
            let text = Encoding::from_tokens(vec![Token::new(TEXT, String::new(), (0, 0))], 0);
            let whole = processor.process(text, None, true)?;
            whole.get_ids().iter().copied().take_while(|id| *id != TEXT).collect()
        }
    };
    let file = config.path.display();
    if config.get("add_bos_token").and_then(Value::as_bool) == Some(before.is_empty()) {
        tracing::warn!(
            %file, begins = !before.is_empty(),
            "add_bos_token is not used: as in transformers 5, tokenizer.json says how a text begins"
        );
    }
    match &*before {
        [] => Ok(None),
        [bos] => Ok(Some(*bos)),
        more => Err(PostProcessorError::Begins { tokens: more.len() }),
    }
}

/// Chat templates by name of any folder, of an adapter for instance: it needs no tokenizer.
///
/// # Errors
/// A file that cannot be read, or is of another form.
pub fn chat_templates(dir: &Path) -> Result<BTreeMap<String, String>, TokenizerError> {
    templates::templates(dir, &Settings::read(dir, "tokenizer_config.json")?)
}

/// Whether decoding takes out spaces before punctuation. On BPE that is not done
/// unless it is asked for twice.
fn cleans_up(inner: &tokenizers::Tokenizer, config: &Settings) -> Result<bool, TokenizerError> {
    const TWICE: &str = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
    let is_bpe = matches!(inner.get_model(), tokenizers::ModelWrapper::BPE(_));
    let asked = config.flag("clean_up_tokenization_spaces")?.unwrap_or(false);
    Ok(asked && (!is_bpe || config.flag(TWICE)?.unwrap_or(false)))
}
