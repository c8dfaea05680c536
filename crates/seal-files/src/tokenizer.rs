//! Names of the files that make the tokenizer of a Hugging Face model folder: the one
//! list that fetching, copying and digests of folders go by.

use std::io;
use std::path::Path;

/// Files that tokens depend on: ids, special tokens, ends of answers, chat templates.
const READ: [&str; 6] = [
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// Files that other programs read, and that belong to a copy of the tokenizer.
const KEPT: [&str; 6] = [
    "chat_template.json",
    "merges.txt",
    "tekken.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
];

/// The folder of further chat templates, each a `NAME.jinja`.
const TEMPLATES: &str = "additional_chat_templates";

/// Whether the tokens of a model depend on the file. `path` is relative to the
/// folder, with `/`.
pub fn tokens_depend_on(path: &str) -> bool {
    READ.contains(&path) || is_version(path) || is_template(path)
}

/// Whether the file belongs to the tokenizer of a model. `path` is relative to the
/// folder, with `/`.
pub fn is_of_tokenizer(path: &str) -> bool {
    tokens_depend_on(path) || KEPT.contains(&path)
}

/// `tokenizer.4.0.0.json`: the tokenizer for a version of `transformers`.
fn is_version(path: &str) -> bool {
    let version = path.strip_prefix("tokenizer.").and_then(|rest| rest.strip_suffix(".json"));
    version.is_some_and(|v| v.split('.').all(|n| n.parse::<u32>().is_ok()))
}

fn is_template(path: &str) -> bool {
    let name = path.strip_prefix(TEMPLATES).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| name.ends_with(".jinja") && !name.contains('/'))
}

/// The files of the tokenizer in `folder`, sorted; paths are relative to it, with `/`.
///
/// # Errors
/// A folder that cannot be listed.
pub fn tokenizer_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut list = |prefix: &str, folder: &Path| {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            // A name that is no UTF-8 is none of the list.
            let path = name.to_str().map(|name| format!("{prefix}{name}"));
            found.extend(path.filter(|path| is_of_tokenizer(path) && entry.path().is_file()));
        }
        Ok::<(), io::Error>(())
    };
    list("", folder)?;
    let templates = folder.join(TEMPLATES);
    if templates.is_dir() {
        list(&format!("{TEMPLATES}/"), &templates)?;
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_tokenizer_are_found_by_name() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir_all(dir.path().join(TEMPLATES).join("deep.jinja"))?;
        let names = [
            "tokenizer.json",
            "tokenizer.4.10.0.json",
            "tokenizer.old.json",
            "tokenizer.model",
            "config.json",
            "model.safetensors",
            "additional_chat_templates/rag.jinja",
            "additional_chat_templates/notes.txt",
        ];
        for name in names {
            std::fs::write(dir.path().join(name), "")?;
        }
        let found = tokenizer_files(dir.path())?;
        let expected = [
            "additional_chat_templates/rag.jinja",
            "tokenizer.4.10.0.json",
            "tokenizer.json",
            "tokenizer.model",
        ];
        assert_eq!(found, expected);
        let read: Vec<&String> = found.iter().filter(|path| tokens_depend_on(path)).collect();
        assert_eq!(read, [&found[0], &found[1], &found[2]]);
        assert!(tokenizer_files(&dir.path().join("none")).is_err());
        Ok(())
    }
}
