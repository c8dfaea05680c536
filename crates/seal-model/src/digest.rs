//! What tells one model folder from another: a digest of its files.

use std::fs;
use std::path::{Path, PathBuf};

use seal_files::{Digest, Digester};
use seal_lm::AdapterFiles;

use crate::ModelError;

/// BLAKE3 of each of some files, in their order. Those of large weights take minutes, so a
/// caller may remember them between runs; [`digest_files`] remembers nothing.
pub type DigestFiles = fn(&[PathBuf]) -> Result<Vec<Digest>, ModelError>;

/// BLAKE3 of each of `files`, all of them read.
///
/// # Errors
/// A file that cannot be read.
pub fn digest_files(files: &[PathBuf]) -> Result<Vec<Digest>, ModelError> {
    let of_file = |path: &PathBuf| Digest::of_file(path).map_err(ModelError::io(path));
    files.iter().map(of_file).collect()
}

/// Digest of every file of `dir` that weights and tokens depend on: 32 hexadecimal digits,
/// the same wherever the folder lies.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn folder_digest(dir: &Path, digest_files: DigestFiles) -> Result<String, ModelError> {
    digest_of(dir, counts, digest_files)
}

/// As [`folder_digest`], without the weights.
///
/// # Errors
/// As there.
pub(crate) fn text_digest(dir: &Path, digest_files: DigestFiles) -> Result<String, ModelError> {
    digest_of(dir, |name| counts(name) && !is_weights(name), digest_files)
}

/// Whether weights or tokens depend on the file.
fn counts(name: &str) -> bool {
    const NAMES: [&str; 3] = ["config.json", "adapter_config.json", "model.safetensors.index.json"];
    NAMES.contains(&name)
        // More than tokens depend on: fine-tuning copies them beside a whole model.
        || seal_files::is_of_tokenizer(name)
        || name.starts_with("tokenizer")
        || name.ends_with(".safetensors")
}

/// Whether the file is of weights and of nothing else.
fn is_weights(name: &str) -> bool {
    name.ends_with(".safetensors")
        || [AdapterFiles::CONFIG, "model.safetensors.index.json"].contains(&name)
}

fn digest_of(
    dir: &Path,
    counts: impl Fn(&str) -> bool,
    digest_files: DigestFiles,
) -> Result<String, ModelError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(ModelError::io(dir))? {
        let entry = entry.map_err(ModelError::io(dir))?;
        if let Some(name) = entry.file_name().to_str().filter(|name| counts(name)) {
            names.push(name.to_owned());
        }
    }
    let deeper = seal_files::tokenizer_files(dir).map_err(ModelError::io(dir))?;
    names.extend(deeper.into_iter().filter(|name| name.contains('/') && counts(name)));
    // A repository may have a folder that is called `tokenizer`.
    names.retain(|name| !dir.join(name).is_dir());
    names.sort_unstable();
    combined(dir, &names, digest_files)
}

/// One digest of the files `names` of `dir`, by name and content.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn combined(
    dir: &Path,
    names: &[String],
    digest_files: DigestFiles,
) -> Result<String, ModelError> {
    let paths: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
    let mut digester = Digester::new();
    for (name, of_file) in names.iter().zip(digest_files(&paths)?) {
        digester.update(name.as_bytes()).update(&[0]).update(of_file.as_bytes());
    }
    Ok(digester.finish().short())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What tokens depend on is in the digest; what nobody reads is not.
    #[test]
    fn every_file_that_tokens_depend_on_is_in_the_digest() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            folder_digest(dir.path(), digest_files).unwrap()
        };
        let mut last = write("config.json", "{}");
        for name in [
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "generation_config.json",
            "chat_template.jinja",
            "additional_chat_templates/tool_use.jinja",
            "model.safetensors",
            // Copied beside a model that is fine-tuned whole.
            "vocab.json",
        ] {
            for text in ["a", "b"] {
                let now = write(name, text);
                assert_ne!(now, last, "{name}");
                last = now;
            }
        }
        for name in ["README.md", "additional_chat_templates/notes.txt", "tokenizer/x"] {
            assert_eq!(write(name, "a"), last, "{name}");
        }
    }

    /// A copy gives the same tokens: every file that they depend on is in it.
    #[test]
    fn a_copied_tokenizer_is_whole() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = [
            "added_tokens.json",
            "additional_chat_templates/rag.jinja",
            "chat_template.jinja",
            "generation_config.json",
            "merges.txt",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer.model",
            "tokenizer_config.json",
        ];
        fs::create_dir(from.path().join("additional_chat_templates")).unwrap();
        for name in files.into_iter().chain(["config.json", "model.safetensors"]) {
            fs::write(from.path().join(name), name).unwrap();
        }
        crate::jobs::copy_tokenizer(from.path(), to.path()).unwrap();
        assert_eq!(seal_files::tokenizer_files(to.path()).unwrap(), files);
        assert!(!to.path().join("config.json").exists());
        for name in files {
            assert_eq!(fs::read_to_string(to.path().join(name)).unwrap(), name);
        }
    }
}
