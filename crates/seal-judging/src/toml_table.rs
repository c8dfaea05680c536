//! Tables of judges as TOML.

use std::path::Path;

use seal_endpoint::refuse_secrets;
use serde::de::DeserializeOwned;

use crate::error::JudgingError;
use crate::kind::TableKind;

/// Reads a table of the kind `expected`; `path` names it in messages.
///
/// # Errors
/// [`JudgingError::Kind`]; [`JudgingError::Table`] for a text that is no such table;
/// [`JudgingError::Settings`] for a key of an endpoint in it.
pub(crate) fn read_table<T: DeserializeOwned>(
    text: &str,
    path: &Path,
    expected: TableKind,
) -> Result<T, JudgingError> {
    let bad = |error: toml::de::Error| {
        // The error's own display quotes the line, which may hold a key.
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let why = format!("{}{}", error.message(), meant(error.message()));
        JudgingError::Table { path: path.to_owned(), line, why }
    };
    let value: serde_json::Value = toml::from_str(text).map_err(bad)?;
    refuse_secrets("", &value)
        .map_err(|source| JudgingError::Settings { path: path.to_owned(), source })?;
    if is_study(&value) {
        let why = "this is the config of a study; the table of a judge has kind, and [endpoint] or \
                   [model]";
        return Err(JudgingError::Table { path: path.to_owned(), line: None, why: why.to_owned() });
    }
    // Before the keys, which are those of another kind.
    match value.get("kind").and_then(serde_json::Value::as_str) {
        Some(found) if found != expected.name() => {
            let (path, found) = (path.to_owned(), seal_text::escape_start(found, 100));
            Err(JudgingError::Kind { path, found, expected: expected.name() })
        }
        None if value.get("kind").is_none() => {
            let keys = value.as_object().into_iter().flat_map(|keys| keys.keys());
            let why = no_kind(keys.map(String::as_str));
            Err(JudgingError::Table { path: path.to_owned(), line: None, why })
        }
        _ => toml::from_str(text).map_err(bad),
    }
}

/// Whether a file is the config of a study.
fn is_study(value: &serde_json::Value) -> bool {
    ["endpoint", "kind"].iter().all(|key| value.get(key).is_none())
        && ["study", "arms"].iter().any(|key| value.get(key).is_some())
}

/// The known key that was probably meant by the unknown one of a message, for the end of the message.
fn meant(message: &str) -> String {
    let nearest = message.starts_with("unknown field").then(|| {
        let mut names = message.split('`').skip(1).step_by(2);
        let unknown = names.next()?;
        most_like(unknown, &names.collect::<Vec<&str>>())
    });
    let nearest = nearest.flatten();
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The known name that was probably meant by `unknown`: the one that the fewest changed letters make,
/// at most two fifths of the longer name. `None` where none is so near.
pub fn most_like<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let changes = |name: &str| strsim::osa_distance(name, unknown);
    let nearest = known.iter().copied().min_by_key(|name| changes(name))?;
    let longer = nearest.chars().count().max(unknown.chars().count());
    (5 * changes(nearest) <= 2 * longer).then_some(nearest)
}

/// What is wrong with the table of a judge that has no `kind`, but these keys.
pub fn no_kind<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    let keys: Vec<String> =
        keys.into_iter().map(|key| format!("`{}`", seal_text::escape_start(key, 100))).collect();
    let has = match keys.is_empty() {
        true => "it has no key".to_owned(),
        false => format!("its keys are {}", keys.join(", ")),
    };
    format!(
        "`kind` is missing; {has}; a judge that is a model has the kind \"guard\", \"reward\", \"rubric\" or \
         \"pairwise\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_suggested_only_where_few_letters_differ() {
        let of = |unknown: &str, known: &[&'static str]| most_like(unknown, known);
        for (unknown, known) in [
            ("max_token", "max_tokens"),
            ("epoch", "epochs"),
            ("kep", "keep"),
            ("canary", "canaries"),
            ("pirce", "price"),
        ] {
            assert_eq!(of(unknown, &["lora", known, "alpha"]), Some(known));
        }
        // A common beginning is no likeness.
        assert_eq!(of("rank", &["rank_pattern", "r", "alpha_pattern"]), None);
        assert_eq!(of("endpoint", &["verdict", "prompt", "kind"]), None);
        assert_eq!(of("x", &["r"]), None);
        assert_eq!(of("x", &[]), None);
    }

    #[test]
    fn a_table_without_a_kind_names_its_keys() {
        let read = |text: &str| {
            let path = Path::new("j.toml");
            read_table::<toml::Table>(text, path, TableKind::Pairwise).unwrap_err().to_string()
        };
        insta::assert_snapshot!(read("model = \"m\"\nx = 1\n"), @r#"j.toml: `kind` is missing; its keys are `model`, `x`; a judge that is a model has the kind "guard", "reward", "rubric" or "pairwise""#);
        insta::assert_snapshot!(read(""), @r#"j.toml: `kind` is missing; it has no key; a judge that is a model has the kind "guard", "reward", "rubric" or "pairwise""#);
    }
}
