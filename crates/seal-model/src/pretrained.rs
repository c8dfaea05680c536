//! Model folders: where they are, and what tells one from another.

use std::fs;
use std::path::{Path, PathBuf};

use seal_lm::{AdapterFiles, LmConfig, ScorerConfig, read_adapter_settings};

use crate::digest::{DigestFiles, folder_digest, text_digest};
use crate::remote::{self, FetchScope, Reach};
use crate::{FolderError, ModelError};

/// A model folder that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundModel {
    /// The folder on this machine.
    pub dir: PathBuf,
    /// Shape, from its `config.json`.
    pub shape: LmConfig,
    /// Digest of every file that weights and tokens depend on: what keys the
    /// stages, wherever the folder lies.
    pub digest: String,
    /// The same without the weights: what tokens depend on.
    pub text_digest: String,
}

impl FoundModel {
    /// Looks at `path`, a folder or `hf://owner/name@revision`, and digests its files.
    ///
    /// # Errors
    /// A folder that is missing or has no `config.json` of a known family.
    pub fn find(path: &Path, digest_files: DigestFiles) -> Result<Self, ModelError> {
        let (dir, shape) = Self::shape_of(path)?;
        let digest = folder_digest(&dir, digest_files)?;
        let text_digest = text_digest(&dir, digest_files)?;
        Ok(Self { dir, shape, digest, text_digest })
    }

    /// As [`FoundModel::find`], without reading the weights.
    ///
    /// # Errors
    /// As there.
    pub fn shape_of(path: &Path) -> Result<(PathBuf, LmConfig), ModelError> {
        Self::shape_within(path, Reach::Hub)
    }

    /// As [`FoundModel::shape_of`], within this reach.
    ///
    /// # Errors
    /// As there; a model that is out of reach.
    pub(crate) fn shape_within(
        path: &Path,
        reach: Reach,
    ) -> Result<(PathBuf, LmConfig), ModelError> {
        Self::shape_with(path, FetchScope::Model, reach)
    }

    /// As [`FoundModel::shape_of`]; of an `hf://` address the weights are not fetched.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn without_weights(path: &Path) -> Result<(PathBuf, LmConfig), ModelError> {
        Self::shape_with(path, FetchScope::Tokenizer, Reach::Hub)
    }

    /// The folder of a model with a head of scores, and what its `config.json` says.
    ///
    /// # Errors
    /// A folder that is missing, or has no `config.json` of such a model.
    pub(crate) fn scorer_of(
        path: &Path,
        reach: Reach,
    ) -> Result<(PathBuf, ScorerConfig), ModelError> {
        let (dir, config, text) = Self::config_of(path, FetchScope::Model, reach)?;
        Ok((dir, ScorerConfig::from_hf(&text, &config)?))
    }

    fn shape_with(
        path: &Path,
        wanted: FetchScope,
        reach: Reach,
    ) -> Result<(PathBuf, LmConfig), ModelError> {
        let (dir, config, text) = Self::config_of(path, wanted, reach)?;
        let shape = LmConfig::from_hf(&text, &config)?;
        Ok((dir, shape))
    }

    /// The folder, its `config.json` and the text of that.
    fn config_of(
        path: &Path,
        wanted: FetchScope,
        reach: Reach,
    ) -> Result<(PathBuf, PathBuf, String), ModelError> {
        let dir = remote::model(path, wanted, reach)?;
        if !dir.is_dir() {
            return Err(FolderError::Missing { path: path.to_owned() }.into());
        }
        let config = dir.join("config.json");
        if !config.is_file() && dir.join(AdapterFiles::CONFIG).is_file() {
            let base = read_adapter_settings(&dir)?.base;
            return Err(FolderError::Adapter { path: path.to_owned(), base }.into());
        }
        let text = fs::read_to_string(&config)
            .map_err(|source| FolderError::Config { path: config.clone(), source })?;
        Ok((dir, config, text))
    }
}
