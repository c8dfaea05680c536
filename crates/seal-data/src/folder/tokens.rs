//! What the files around `tokenizer.json` say of its tokens.
//!
//! The order of precedence is that of `transformers` 5. Where
//! `tokenizer_config.json` has `added_tokens_decoder`, neither
//! `special_tokens_map.json` nor `added_tokens.json` is read; otherwise the
//! first goes before `tokenizer_config.json`, and the tokens of the second are
//! added.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

use super::class::TokenizerClass;
use super::read::Settings;
use super::{NAMES, TokenizerError};

/// A token that a file names.
#[derive(Clone, Debug)]
pub(super) struct DeclaredToken {
    pub(super) token: AddedToken,
    pub(super) path: PathBuf,
    pub(super) field: String,
    /// The id that the file gives it.
    pub(super) id: Option<u64>,
    /// Whether only the class names it.
    pub(super) default: bool,
}

/// An entry of `added_tokens` in `tokenizer.json`.
#[derive(Deserialize)]
pub(super) struct OfFile {
    id: u64,
    #[serde(flatten)]
    token: AddedToken,
}

impl OfFile {
    /// As a token of the file at `path`.
    pub(super) fn declared(&self, path: &Path) -> DeclaredToken {
        let (token, id) = (self.token.clone(), Some(self.id));
        let (path, field) = (path.to_owned(), "added_tokens".to_owned());
        DeclaredToken { token, path, field, id, default: false }
    }
}

/// The tokens of a folder, in the order in which they are added.
pub(super) struct AddedTokens {
    /// Added tokens with their flags.
    pub(super) added: Vec<DeclaredToken>,
    /// Special tokens by name.
    pub(super) named: Vec<(String, DeclaredToken)>,
    /// Special tokens without a name.
    pub(super) extra: Vec<DeclaredToken>,
}

impl AddedTokens {
    /// `of_file` are the added tokens of `tokenizer.json` and `padding` is the
    /// token that it pads with.
    pub(super) fn read(
        class: TokenizerClass,
        [config, map, added]: [&Settings; 3],
        (json, of_file, padding): (&Path, &[OfFile], Option<&str>),
    ) -> Result<Self, TokenizerError> {
        let mut named: BTreeMap<String, DeclaredToken> = BTreeMap::new();
        let mut extra = Extra::default();
        collect(config, false, &mut named, &mut extra)?;
        let mut tokens = Vec::new();
        match config.fields.get(DECODER) {
            Some(Value::Object(decoder)) => {
                for (id, token) in decoder {
                    let Some(id) = id.parse().ok().filter(|_| token.is_object()) else {
                        let reason =
                            format!("{DECODER} must hold tokens, as objects, by their ids");
                        return Err(TokenizerError::invalid(&config.path, &reason));
                    };
                    let given = config.token(&format!("{DECODER}, {id}"), token, false)?;
                    tokens.push(DeclaredToken { id: Some(id), ..given });
                }
            }
            Some(other) => return Err(config.wrong(DECODER, "an object", other)),
            None => {
                collect(map, true, &mut named, &mut extra)?;
                let special = |text: &str| {
                    named.values().chain(extra.chosen()).any(|given| given.token.content == text)
                };
                for (text, id) in &added.fields {
                    let wrong = || added.wrong(text, "an id", id);
                    let token = AddedToken::from(text.clone(), special(text));
                    let id = Some(id.as_u64().ok_or_else(wrong)?);
                    let (path, field) = (added.path.clone(), text.clone());
                    tokens.push(DeclaredToken { token, path, field, id, default: false });
                }
                // Of two tokens with one id, that of tokenizer.json counts.
                let ids: BTreeSet<u64> = of_file.iter().map(|t| t.id).collect();
                tokens.retain(|t| t.id.is_none_or(|id| !ids.contains(&id)));
                tokens.extend(of_file.iter().map(|t| t.declared(json)));
            }
        }
        tokens.sort_by_key(|t| t.id);

        let by_class = class.defaults().iter().map(|(name, text)| (*name, *text, true));
        let of_padding = padding.map(|text| ("pad_token", text, false));
        // GPT-2 has no token for padding unless a file names one.
        let of_padding = of_padding.filter(|_| class != TokenizerClass::Gpt2);
        for (name, text, default) in by_class.chain(of_padding) {
            let (token, path) = (AddedToken::from(text, true), json.to_owned());
            let given = DeclaredToken { token, path, field: name.into(), id: None, default };
            let said = config.fields.contains_key(name)
                || !config.fields.contains_key(DECODER) && map.fields.contains_key(name);
            if !said {
                named.entry(name.into()).or_insert(given);
            }
        }
        // Flags are those of the added token of that text.
        let flags: BTreeMap<&str, &AddedToken> =
            tokens.iter().map(|t| (t.token.content.as_str(), &t.token)).collect();
        for given in named.values_mut() {
            if let Some(token) = flags.get(given.token.content.as_str()) {
                given.token = (*token).clone();
            }
        }
        let order = || NAMES.into_iter().chain(class.defaults().iter().map(|(name, _)| *name));
        let place = |name: &str| order().position(|n| n == name).unwrap_or(usize::MAX);
        let mut named: Vec<_> = named.into_iter().collect();
        named.sort_by_key(|(name, _)| place(name));
        Ok(Self { added: tokens, named, extra: extra.chosen().cloned().collect() })
    }
}

const DECODER: &str = "added_tokens_decoder";
const ADDITIONAL: &str = "additional_special_tokens";
const EXTRA: &str = "extra_special_tokens";

/// Lists of special tokens without a name. The newer field counts where it
/// holds something; the older is its former name.
#[derive(Default)]
struct Extra {
    additional: Vec<DeclaredToken>,
    extra: Vec<DeclaredToken>,
    /// Whether a file has such a list.
    listed: bool,
}

impl Extra {
    fn chosen(&self) -> std::slice::Iter<'_, DeclaredToken> {
        if self.extra.is_empty() { self.additional.iter() } else { self.extra.iter() }
    }
}

/// Adds what `file` says to `named` and `extra`; a name that is there already gives way.
fn collect(
    file: &Settings,
    special: bool,
    named: &mut BTreeMap<String, DeclaredToken>,
    extra: &mut Extra,
) -> Result<(), TokenizerError> {
    for (name, value) in file.fields.iter().filter(|(name, _)| name.ends_with("_token")) {
        // Many settings end so, and many tokens of other programs' making.
        let is_token = value.is_string() || value.get("content").is_some();
        if value.is_null() {
            named.remove(name);
        } else if is_token {
            named.insert(name.clone(), file.token(name, value, special)?);
        } else if NAMES.contains(&name.as_str()) {
            return Err(file.wrong(name, "a token", value));
        }
    }
    // The older name of the field adds nothing to what another file lists.
    let listed = extra.listed;
    for (field, into) in [(ADDITIONAL, &mut extra.additional), (EXTRA, &mut extra.extra)] {
        match file.get(field) {
            None => {}
            Some(Value::Array(_)) if field == ADDITIONAL && listed => {
                warn_ignored(file, field, EXTRA)
            }
            Some(Value::Array(list)) => {
                extra.listed = true;
                for value in list {
                    let given = file.token(field, value, true)?;
                    if into.iter().all(|known| known.token != given.token) {
                        into.push(given);
                    }
                }
            }
            Some(Value::Object(by_name)) if field == EXTRA => {
                for (name, value) in by_name {
                    named.insert(name.clone(), file.token(name, value, special)?);
                }
            }
            Some(other) => return Err(file.wrong(field, "a list of tokens", other)),
        }
    }
    if !extra.additional.is_empty() && !extra.extra.is_empty() {
        warn_ignored(file, ADDITIONAL, EXTRA);
    }
    Ok(())
}

/// Says that a field is not used.
fn warn_ignored(file: &Settings, field: &str, before: &str) {
    let file = file.path.display();
    tracing::warn!(%file, "{field} is not used: as in transformers, {before} goes before it");
}

impl Settings {
    /// A token: a text, or an object with its flags, which is special if `special`
    /// and it does not say.
    fn token(
        &self,
        field: &str,
        value: &Value,
        special: bool,
    ) -> Result<DeclaredToken, TokenizerError> {
        let token = match value {
            Value::String(text) => AddedToken::from(text.clone(), true),
            Value::Object(flags) => self.flags(field, flags, special)?,
            other => return Err(self.wrong(field, "a token", other)),
        };
        if token.content.is_empty() {
            let reason = format!("{field} is an empty text, which is no token");
            return Err(TokenizerError::invalid(&self.path, &reason));
        }
        let (path, field) = (self.path.clone(), field.to_owned());
        Ok(DeclaredToken { token, path, field, id: None, default: false })
    }

    fn flags(
        &self,
        field: &str,
        flags: &Map<String, Value>,
        special: bool,
    ) -> Result<AddedToken, TokenizerError> {
        let mut token = AddedToken::from("", special);
        let (mut text, mut normalized) = (None, None);
        for (name, value) in flags {
            let wrong = |expected| self.wrong(&format!("{field}, {name}"), expected, value);
            let flag = || value.as_bool().ok_or_else(|| wrong("true or false"));
            match name.as_str() {
                "content" => text = Some(value.as_str().ok_or_else(|| wrong("a text"))?),
                "lstrip" => token.lstrip = flag()?,
                "rstrip" => token.rstrip = flag()?,
                "single_word" => token.single_word = flag()?,
                "normalized" => normalized = Some(flag()?),
                "special" => token.special = flag()?,
                // Notes of Python, not of the token.
                "__type" | "id" => {}
                _ => {
                    let reason =
                        format!("{field} has a flag {name} that no token has; take it out");
                    return Err(TokenizerError::unsupported(&self.path, &reason));
                }
            }
        }
        let Some(text) = text else {
            let reason = format!("{field} is an object without `content`");
            return Err(TokenizerError::invalid(&self.path, &reason));
        };
        token.content = text.to_owned();
        token.normalized = normalized.unwrap_or(!token.special);
        Ok(token)
    }
}
