//! Model folders: where they are, and what tells one from another.

use std::fs;
use std::path::{Path, PathBuf};

use seal_lm::{AdapterFiles, LmConfig, read_adapter_settings};

use crate::StudyError;
use crate::digests::Digests;
use crate::remote::{self, Wanted};

/// A model folder that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoundModel {
    /// The folder on this machine.
    pub(crate) dir: PathBuf,
    /// Shape, from its `config.json`.
    pub(crate) shape: LmConfig,
    /// Hash of every file that weights and tokens depend on: what keys the
    /// stages, wherever the folder lies.
    pub(crate) digest: String,
    /// The same without the weights: what tokens depend on.
    pub(crate) text_digest: String,
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

impl FoundModel {
    /// Looks at `path`, a folder or `hf://owner/name@revision`.
    ///
    /// # Errors
    /// A folder that is missing or has no `config.json` of a known family.
    pub(crate) fn look(path: &Path) -> Result<Self, StudyError> {
        let (dir, shape) = Self::shape_of(path)?;
        let digest = digest(&dir)?;
        let text_digest = digest_of(&dir, |name| counts(name) && !is_weights(name))?;
        Ok(Self { dir, shape, digest, text_digest })
    }

    /// As [`FoundModel::look`], without reading the weights.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn shape_of(path: &Path) -> Result<(PathBuf, LmConfig), StudyError> {
        Self::shape_with(path, Wanted::Model)
    }

    /// As [`FoundModel::shape_of`]; of an `hf://` address the weights are not fetched.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn without_weights(path: &Path) -> Result<(PathBuf, LmConfig), StudyError> {
        Self::shape_with(path, Wanted::Tokenizer)
    }

    fn shape_with(path: &Path, wanted: Wanted) -> Result<(PathBuf, LmConfig), StudyError> {
        let dir = remote::model(path, wanted)?;
        if !dir.is_dir() {
            return Err(StudyError::Config(format!(
                "model.path or --model: {} is no folder; give one with config.json, safetensors and \
                 tokenizer.json, or hf://owner/name@revision",
                path.display()
            )));
        }
        let config = dir.join("config.json");
        if !config.is_file() && dir.join(AdapterFiles::CONFIG).is_file() {
            let base = read_adapter_settings(&dir)?.base;
            return Err(StudyError::Config(format!(
                "model.path or --model: {} is an adapter; give its model ({}) there, and the \
                 adapter by --adapter",
                path.display(),
                base.as_deref().unwrap_or("it does not say which")
            )));
        }
        let text = fs::read_to_string(&config).map_err(|e| {
            StudyError::Config(format!(
                "model.path or --model: {} cannot be read ({e}); a Hugging Face model folder has one",
                config.display()
            ))
        })?;
        let shape = LmConfig::from_hf(&text, &config)?;
        Ok((dir, shape))
    }
}

/// Whether the file is of weights and of nothing else.
fn is_weights(name: &str) -> bool {
    name.ends_with(".safetensors")
        || [AdapterFiles::CONFIG, "model.safetensors.index.json"].contains(&name)
}

/// Hash of every file of `dir` that weights and tokens depend on.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn digest(dir: &Path) -> Result<String, StudyError> {
    digest_of(dir, counts)
}

fn digest_of(dir: &Path, counts: impl Fn(&str) -> bool) -> Result<String, StudyError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(StudyError::io(dir))? {
        let entry = entry.map_err(StudyError::io(dir))?;
        if let Some(name) = entry.file_name().to_str().filter(|name| counts(name)) {
            names.push(name.to_owned());
        }
    }
    let deeper = seal_files::tokenizer_files(dir).map_err(StudyError::io(dir))?;
    names.extend(deeper.into_iter().filter(|name| name.contains('/') && counts(name)));
    // A repository may have a folder that is called `tokenizer`.
    names.retain(|name| !dir.join(name).is_dir());
    names.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    let mut digests = Digests::of_user();
    for name in names {
        let path = dir.join(&name);
        let of_file = digests.of(&path).map_err(StudyError::io(&path))?;
        hasher.update(name.as_bytes()).update(&[0]).update(of_file.as_bytes());
    }
    digests.keep();
    Ok(hasher.finalize().to_hex()[..32].to_owned())
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
            digest(dir.path()).unwrap()
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
        crate::single::copy_tokenizer(from.path(), to.path()).unwrap();
        assert_eq!(seal_files::tokenizer_files(to.path()).unwrap(), files);
        assert!(!to.path().join("config.json").exists());
        for name in files {
            assert_eq!(fs::read_to_string(to.path().join(name)).unwrap(), name);
        }
    }
}
