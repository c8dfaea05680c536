//! The tokenizer of a Hugging Face model folder.
//!
//! `tokenizer.json` holds the tokenizer. What its tokens are for stands around
//! it, in files of which any may lack: `tokenizer_config.json` (names of the
//! special tokens, chat templates, whether text begins with one),
//! `special_tokens_map.json`, `generation_config.json` (what ends generation),
//! `chat_template.jinja` and `additional_chat_templates/`, and `config.json`
//! (ids, vocabulary).

mod error;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::AddedToken;

pub use error::TokenizerError;

use crate::TextTokenizer;

/// Names of the special tokens that a folder gives, as templates know them.
const NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// A JSON file of a folder; empty where the file lacks.
struct File {
    path: PathBuf,
    value: Value,
}

impl File {
    fn read(dir: &Path, name: &str) -> Result<Self, TokenizerError> {
        let path = dir.join(name);
        let value = match read(&path)? {
            None => Value::Null,
            Some(text) => serde_json::from_str(&text).map_err(|e| TokenizerError::Invalid {
                path: path.clone(),
                reason: format!("no JSON: {e}"),
            })?,
        };
        Ok(Self { path, value })
    }

    /// A token: its text, or an object that holds it.
    fn token(&self, name: &str) -> Option<&str> {
        content(&self.value[name])
    }

    /// An id or a list of ids.
    fn ids(&self, name: &str) -> Vec<u32> {
        let of = |v: &Value| v.as_u64().and_then(|id| u32::try_from(id).ok());
        match &self.value[name] {
            Value::Array(ids) => ids.iter().filter_map(of).collect(),
            id => of(id).into_iter().collect(),
        }
    }

    fn unknown(&self, field: &str, token: impl ToString) -> TokenizerError {
        let (path, field) = (self.path.clone(), field.to_owned());
        TokenizerError::UnknownToken { path, field, token: token.to_string() }
    }
}

fn content(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

fn read(path: &Path) -> Result<Option<String>, TokenizerError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TokenizerError::Unreadable { path: path.to_owned(), source }),
    }
}

impl TextTokenizer {
    /// Reads the tokenizer of a model folder, with its special tokens, what
    /// ends generation, and its chat templates. Text is encoded as
    /// `tokenizer(text, add_special_tokens=False)` of `transformers` does.
    ///
    /// # Errors
    /// [`TokenizerError`].
    pub fn from_folder(dir: &Path) -> Result<Self, TokenizerError> {
        let path = dir.join("tokenizer.json");
        let Some(json) = read(&path)? else { return Err(no_tokenizer(dir)) };
        let bad = |reason: String| TokenizerError::Invalid { path: path.clone(), reason };
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(|e| bad(e.to_string()))?;

        let config = File::read(dir, "tokenizer_config.json")?;
        let map = File::read(dir, "special_tokens_map.json")?;
        let generation = File::read(dir, "generation_config.json")?;
        let model = File::read(dir, "config.json")?;

        check_added(&inner, &config)?;
        let mut named = named_tokens(&inner, &config, &map)?;
        for (field, files) in [("eos", [&model, &generation]), ("bos", [&model, &generation])] {
            let name = format!("{field}_token");
            let ids = files.map(|f| (f, f.ids(&format!("{name}_id"))));
            if let (false, Some((file, id))) =
                (named.contains_key(&name), ids.iter().find_map(|(f, ids)| Some((f, ids.first()?))))
            {
                let token = inner.id_to_token(*id);
                let token = token.ok_or_else(|| file.unknown(&format!("{name}_id"), id))?;
                named.insert(name, token);
            }
        }
        make_special(&mut inner, &config, &map, &named).map_err(bad)?;

        let eos =
            named.get("eos_token").ok_or_else(|| TokenizerError::NoEnd { dir: dir.into() })?;
        let bos = begins(&inner, &config, named.get("bos_token").map(String::as_str));
        let mut stops = generation.ids("eos_token_id");
        stops.extend(model.ids("eos_token_id"));
        if let Some(stop) = stops.iter().find(|id| inner.id_to_token(**id).is_none()) {
            return Err(generation.unknown("eos_token_id", stop));
        }
        let bad = |reason: String| TokenizerError::Invalid { path: path.clone(), reason };
        let this = Self::new(inner, bos, eos).map_err(bad)?;
        if let Some(size) = model.value["vocab_size"].as_u64() {
            let (needed, vocab_size) = (crate::Tokenizer::vocab_size(&this), size as usize);
            if needed > vocab_size {
                let dir = dir.to_owned();
                return Err(TokenizerError::TooLarge { dir, largest: needed - 1, vocab_size });
            }
        }
        let templates = templates(dir, &config)?;
        Ok(this.with_folder(&stops, named, templates))
    }
}

fn no_tokenizer(dir: &Path) -> TokenizerError {
    let others = ["tokenizer.model", "vocab.json", "tekken.json", "tokenizer.model.v3"];
    match others.into_iter().find(|f| dir.join(f).is_file()) {
        Some(found) => TokenizerError::NeedsConversion { dir: dir.to_owned(), found },
        None => TokenizerError::Missing { dir: dir.to_owned() },
    }
}

/// Tokens of `tokenizer_config.json` must be those of `tokenizer.json`:
/// `transformers` would add them and give them ids that the model may lack.
fn check_added(inner: &tokenizers::Tokenizer, config: &File) -> Result<(), TokenizerError> {
    let field = "added_tokens_decoder";
    for (id, token) in config.value[field].as_object().into_iter().flatten() {
        let text = content(token).unwrap_or_default();
        if inner.token_to_id(text).map(|found| found.to_string()).as_ref() != Some(id) {
            return Err(config.unknown(field, format!("{text} with id {id}")));
        }
    }
    Ok(())
}

fn named_tokens(
    inner: &tokenizers::Tokenizer,
    config: &File,
    map: &File,
) -> Result<BTreeMap<String, String>, TokenizerError> {
    let mut named = BTreeMap::new();
    for name in NAMES {
        let files = [config, map];
        let Some((file, token)) = files.iter().find_map(|f| Some((f, f.token(name)?))) else {
            continue;
        };
        if inner.token_to_id(token).is_none() {
            return Err(file.unknown(name, token));
        }
        named.insert(name.to_owned(), token.to_owned());
    }
    Ok(named)
}

/// As `transformers`, treats every named token as special, also where it is an
/// ordinary entry of the vocabulary.
fn make_special(
    inner: &mut tokenizers::Tokenizer,
    config: &File,
    map: &File,
    named: &BTreeMap<String, String>,
) -> Result<(), String> {
    let lists = [config, map].into_iter().flat_map(|f| {
        ["additional_special_tokens", "extra_special_tokens"].map(|field| &f.value[field])
    });
    let listed = lists.flat_map(|list| match list {
        Value::Array(tokens) => tokens.iter().filter_map(content).collect::<Vec<_>>(),
        Value::Object(tokens) => tokens.values().filter_map(content).collect(),
        _ => Vec::new(),
    });
    let known = inner.get_added_tokens_decoder();
    let known: Vec<&str> = known.values().map(|t| t.content.as_str()).collect();
    let tokens: Vec<AddedToken> = named
        .values()
        .map(String::as_str)
        .chain(listed)
        .filter(|t| !known.contains(t) && inner.token_to_id(t).is_some())
        .map(|t| AddedToken::from(t, true))
        .collect();
    inner.add_special_tokens(tokens).map(|_| ()).map_err(|e| e.to_string())
}

/// The token that begins every text: where the config says so, or else where
/// `tokenizer.json` adds it by itself.
fn begins<'a>(
    inner: &tokenizers::Tokenizer,
    config: &File,
    bos: Option<&'a str>,
) -> Option<&'a str> {
    let bos = bos?;
    let id = inner.token_to_id(bos)?;
    let adds = config.value["add_bos_token"]
        .as_bool()
        .unwrap_or_else(|| inner.encode("", true).is_ok_and(|e| e.get_ids().first() == Some(&id)));
    adds.then_some(bos)
}

/// Chat templates by name; a file of its own goes before the config.
fn templates(dir: &Path, config: &File) -> Result<BTreeMap<String, String>, TokenizerError> {
    let mut templates = BTreeMap::new();
    match &config.value["chat_template"] {
        Value::String(source) => {
            templates.insert("default".to_owned(), source.clone());
        }
        Value::Array(list) => {
            for entry in list {
                let (Some(name), Some(source)) =
                    (entry["name"].as_str(), entry["template"].as_str())
                else {
                    let reason = "chat_template: each entry needs a `name` and a `template`".into();
                    return Err(TokenizerError::Invalid { path: config.path.clone(), reason });
                };
                templates.insert(name.to_owned(), source.to_owned());
            }
        }
        _ => {}
    }
    if let Some(source) = read(&dir.join("chat_template.jinja"))? {
        templates.insert("default".to_owned(), source);
    }
    let more = dir.join("additional_chat_templates");
    let unreadable = |source| TokenizerError::Unreadable { path: more.clone(), source };
    if more.is_dir() {
        for entry in fs::read_dir(&more).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_stem().and_then(|n| n.to_str()).map(str::to_owned);
            if let (Some(name), true) = (name, path.extension().is_some_and(|e| e == "jinja")) {
                templates.extend(read(&path)?.map(|source| (name, source)));
            }
        }
    }
    Ok(templates)
}
