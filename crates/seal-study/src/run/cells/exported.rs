//! Names of the files that exports write, in this version and in earlier ones.

use std::io;
use std::path::Path;

use seal_files::{is_of_tokenizer, tokenizer_files};
use seal_lm::AdapterFiles;

/// The kept rows of a cell.
pub(super) const KEPT: &str = "kept.jsonl";
/// The ids of the dropped ones.
pub(super) const DROPPED: &str = "dropped.jsonl";

/// Whether an export of some version writes a file of this name into a cell's folder. A
/// loader may take such a file for a part of the model beside it.
fn is_exported(name: &str) -> bool {
    const NAMES: [&str; 6] = [
        KEPT,
        DROPPED,
        "config.json",
        AdapterFiles::CONFIG,
        AdapterFiles::WEIGHTS,
        AdapterFiles::CARD,
    ];
    let is_weights = name.strip_prefix("model").is_some_and(|rest| {
        (rest.starts_with('.') || rest.starts_with('-'))
            && (rest.ends_with(".safetensors") || rest.ends_with(".safetensors.index.json"))
    });
    NAMES.contains(&name) || is_weights || is_of_tokenizer(name)
}

/// The plain files in the cell folder `dir` that an export may have written, sorted; paths
/// are relative to it, with `/`.
///
/// # Errors
/// A folder that cannot be listed.
pub(super) fn exported_files(dir: &Path) -> io::Result<Vec<String>> {
    // With the templates in a folder of their own.
    let mut found = tokenizer_files(dir)?;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().filter(|name| is_exported(name))
            && entry.file_type()?.is_file()
        {
            found.push(name.to_owned());
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_known_by_name() {
        let exported = [
            "kept.jsonl",
            "dropped.jsonl",
            "adapter_model.safetensors",
            "adapter_config.json",
            "README.md",
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "model-00001-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "chat_template.jinja",
        ];
        assert!(exported.into_iter().all(is_exported));
        let others =
            ["notes.txt", "made-from", "models.safetensors", "model.txt", "my_config.json", "kept"];
        assert!(!others.into_iter().any(is_exported));
    }
}
