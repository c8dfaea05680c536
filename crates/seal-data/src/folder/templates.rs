//! Chat templates of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::TokenizerError;
use super::read::{Settings, text};

/// Name of the template that is used unless another one is asked for.
const DEFAULT: &str = "default";

/// Chat templates by name. As in `transformers`, files of their own replace
/// what `tokenizer_config.json` says, and a file of
/// `additional_chat_templates/` goes before `chat_template.jinja`.
pub(super) fn templates(
    dir: &Path,
    config: &Settings,
) -> Result<BTreeMap<String, String>, TokenizerError> {
    let written = written(config)?;
    let mut files = BTreeMap::new();
    if let Some(source) = text(&dir.join("chat_template.jinja"))? {
        files.insert(DEFAULT.to_owned(), source);
    }
    let more = dir.join("additional_chat_templates");
    if more.is_dir() {
        let unreadable = |source| TokenizerError::Unreadable { path: more.clone(), source };
        for entry in fs::read_dir(&more).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".jinja"));
            if let (Some(name), true) = (name, path.is_file()) {
                files.extend(text(&path)?.map(|source| (name.to_owned(), source)));
            }
        }
    }
    if files.is_empty() {
        return Ok(written);
    }
    let lost: Vec<&str> =
        written.keys().filter(|name| !files.contains_key(*name)).map(String::as_str).collect();
    if !lost.is_empty() {
        tracing::warn!(
            folder = %dir.display(), templates = ?lost,
            "chat templates of tokenizer_config.json are not used: as in transformers, files with \
             templates replace them"
        );
    }
    Ok(files)
}

/// Those of `tokenizer_config.json`: one text, an object of texts by name, or
/// a list of objects with `name` and `template`.
fn written(config: &Settings) -> Result<BTreeMap<String, String>, TokenizerError> {
    const FIELD: &str = "chat_template";
    let source = |name: &str, value: &Value| match value {
        Value::String(source) => Ok((name.to_owned(), source.clone())),
        other => Err(config.wrong(&format!("{FIELD}, {name}"), "a text", other)),
    };
    match config.get(FIELD) {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(by_name)) => by_name.iter().map(|(k, v)| source(k, v)).collect(),
        Some(Value::Array(list)) => {
            let entry = |entry: &Value| match entry["name"].as_str() {
                Some(name) => source(name, &entry["template"]),
                None => Err(TokenizerError::invalid(
                    &config.path,
                    "chat_template: each entry needs a `name` and a `template`",
                )),
            };
            list.iter().map(entry).collect()
        }
        Some(one) => source(DEFAULT, one).map(|template| BTreeMap::from([template])),
    }
}
