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
        _ => toml::from_str(text).map_err(bad),
    }
}

/// Whether a file is the config of a study.
fn is_study(value: &serde_json::Value) -> bool {
    ["endpoint", "kind"].iter().all(|key| value.get(key).is_none())
        && ["study", "arms"].iter().any(|key| value.get(key).is_some())
}

/// The known key that is most like the unknown one of a message, for the end of the message.
fn meant(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let nearest = message.starts_with("unknown field").then(|| {
        let unknown = names.next()?;
        let likeness = |name: &&str| strsim::jaro_winkler(name, unknown);
        names.max_by(|one, two| likeness(one).total_cmp(&likeness(two)))
    });
    let nearest = nearest.flatten();
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
