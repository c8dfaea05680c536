//! Model folders: where they are, and what tells one from another.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use seal_lm::{AdapterFiles, LmConfig, read_adapter_settings};

use crate::{StudyError, remote};

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
}

/// Whether weights or tokens depend on the file.
fn counts(name: &str) -> bool {
    const NAMES: [&str; 6] = [
        "config.json",
        "generation_config.json",
        "special_tokens_map.json",
        "chat_template.jinja",
        "adapter_config.json",
        "model.safetensors.index.json",
    ];
    NAMES.contains(&name) || name.starts_with("tokenizer") || name.ends_with(".safetensors")
}

impl FoundModel {
    /// Looks at `path`, a folder or `hf://owner/name@revision`.
    ///
    /// # Errors
    /// A folder that is missing or has no `config.json` of a known family.
    pub(crate) fn look(path: &Path) -> Result<Self, StudyError> {
        let (dir, shape) = Self::shape_of(path)?;
        let digest = digest(&dir)?;
        Ok(Self { dir, shape, digest })
    }

    /// As [`FoundModel::look`], without reading the weights.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn shape_of(path: &Path) -> Result<(PathBuf, LmConfig), StudyError> {
        let dir = remote::model(path)?;
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

pub(crate) fn digest(dir: &Path) -> Result<String, StudyError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(StudyError::io(dir))? {
        let entry = entry.map_err(StudyError::io(dir))?;
        if let Some(name) = entry.file_name().to_str().filter(|name| counts(name)) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for name in names {
        let path = dir.join(&name);
        let mut of_file = blake3::Hasher::new();
        File::open(&path)
            .and_then(|file| of_file.update_reader(file).map(drop))
            .map_err(StudyError::io(&path))?;
        hasher.update(name.as_bytes()).update(&[0]).update(of_file.finalize().as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}
