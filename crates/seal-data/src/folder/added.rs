//! Added tokens of a folder, put into its tokenizer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tokenizers::{AddedToken, Model, Tokenizer};

use super::tokens::{AddedTokens, DeclaredToken};
use super::{NAMES, TokenizerError};
use crate::escape;

/// Adds the tokens that the folder names to `tokenizer`, in the order of
/// `transformers`, and takes those out of `tokens` that only the class names
/// and the model has no row for. `vocab_size` is the number of those rows.
/// With `again` all special tokens are put in anew, without flags. `json` is the
/// path of `tokenizer.json`.
///
/// # Errors
/// A token that gets another id than a file gives it, and a named token that
/// is new to a model that has no row for it.
pub(super) fn add(
    tokenizer: &mut Tokenizer,
    tokens: &mut AddedTokens,
    vocab_size: Option<u64>,
    again: bool,
    json: &Path,
) -> Result<(), TokenizerError> {
    let known: BTreeMap<String, AddedToken> = tokenizer
        .get_added_tokens_decoder()
        .into_values()
        .map(|token| (token.content.clone(), token))
        .collect();
    let names: BTreeSet<&str> =
        tokens.named.iter().map(|(_, given)| given.token.content.as_str()).collect();
    let special = |token: &AddedToken| AddedToken {
        special: token.special || names.contains(token.content.as_str()),
        ..token.clone()
    };
    let added = || tokens.added.iter().map(|given| &given.token);
    let new: Vec<AddedToken> =
        added().filter(|t| known.get(&t.content) != Some(*t)).map(special).collect();
    let mut seen: BTreeSet<String> =
        known.keys().cloned().chain(added().map(|t| t.content.clone())).collect();
    put(tokenizer, new, json)?;
    for given in &tokens.added {
        check(tokenizer, given)?;
    }

    let rows = |id: usize| vocab_size.is_some_and(|rows| (id as u64) < rows);
    let mut of_order = BTreeSet::new();
    let mut none = BTreeSet::new();
    let listed = tokens.extra.iter().map(|given| (None, given));
    for (name, given) in tokens.named.iter().map(|(n, g)| (Some(n), g)).chain(listed) {
        let text = &given.token.content;
        if !seen.insert(text.clone()) {
            continue;
        }
        if tokenizer.token_to_id(text).is_none() {
            if !rows(next_id(tokenizer)) {
                if given.default {
                    none.insert(given.field.clone());
                    continue;
                }
                return Err(TokenizerError::unknown(&given.path, &given.field, text));
            }
            if !given.default && name.is_some_and(|name| !NAMES.contains(&name.as_str())) {
                of_order.insert(text);
            }
        }
        put(tokenizer, vec![special(&given.token)], &given.path)?;
    }
    if let ([_, _, ..], Some((_, given))) =
        (&*of_order.iter().collect::<Vec<_>>(), tokens.named.last())
    {
        let reason = format!(
            "{} tokens with names of their own are not in tokenizer.json ({}), and which gets \
             which id is not certain; save the tokenizer anew with transformers",
            of_order.len(),
            of_order.iter().map(|t| t.as_str()).collect::<Vec<_>>().join(", ")
        );
        return Err(TokenizerError::unsupported(&given.path, &reason));
    }
    if again {
        let all = tokens.named.iter().map(|(_, given)| given).chain(&tokens.extra);
        let all = all.filter(|given| !none.contains(&given.field));
        let plain = all.map(|given| AddedToken::from(given.token.content.clone(), true));
        put(tokenizer, plain.collect(), json)?;
    }
    tokens.named.retain(|(_, given)| !none.contains(&given.field));
    // A named token is special, whatever its flags are.
    let names: BTreeSet<&str> =
        tokens.named.iter().map(|(_, given)| given.token.content.as_str()).collect();
    let added = tokenizer.get_added_tokens_decoder().into_values();
    let not_yet = added.filter(|t| !t.special && names.contains(t.content.as_str()));
    let specials = not_yet.map(|token| AddedToken { special: true, ..token });
    put(tokenizer, specials.collect(), json)
}

fn put(
    tokenizer: &mut Tokenizer,
    tokens: Vec<AddedToken>,
    path: &Path,
) -> Result<(), TokenizerError> {
    let added = tokenizer.add_tokens(tokens).map(drop);
    added.map_err(|e| TokenizerError::invalid(path, &format!("added tokens: {e}")))
}

/// Refuses a token with another id than its file says.
pub(super) fn check(tokenizer: &Tokenizer, given: &DeclaredToken) -> Result<(), TokenizerError> {
    let Some(id) = given.id else { return Ok(()) };
    let found = tokenizer.token_to_id(&given.token.content);
    if found.is_some_and(|found| u64::from(found) == id) {
        return Ok(());
    }
    Err(TokenizerError::OtherId {
        path: given.path.clone(),
        field: escape(&given.field).into_owned(),
        token: escape(&given.token.content).into_owned(),
        id,
        found: found.map_or_else(|| "none".into(), |found| found.to_string()),
    })
}

/// The id of a token that is added next.
fn next_id(tokenizer: &Tokenizer) -> usize {
    let vocabulary = tokenizer.get_model().get_vocab_size();
    let largest = tokenizer.get_added_tokens_decoder().into_keys().max();
    largest.map_or(vocabulary, |id| vocabulary.max(id as usize + 1))
}
