//! Whole models, and what of them is enough to read rows.

use std::path::PathBuf;

use crate::address::{HubAddress, RepoKind};
use crate::cache::RepoCache;
use crate::folder::{self, CONFIG, INDEX, TOKENIZERS, WEIGHTS};
use crate::hub::{Cached, warn_stale};
use crate::{DownloadProgress, Hub, HubError};

/// A model of a hub, on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubModel {
    /// The folder with `config.json`.
    pub folder: PathBuf,
    /// The address with the commit in place of the branch.
    pub pinned: HubAddress,
    /// The files that belong to the model, in the order of loading: weights last.
    pub files: Vec<String>,
    /// Whether any of them was loaded just now.
    pub loaded: bool,
}

impl HubModel {
    /// The commit hash.
    pub fn commit(&self) -> &str {
        self.pinned.revision()
    }
}

/// Which files of a model.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ModelFiles {
    All,
    /// Settings, tokenizer and templates.
    Small,
}

/// Why the cache does not hold a model.
enum CacheMiss {
    Missing(String),
    Damaged(PathBuf, String),
}

impl Hub {
    /// A model as a local folder: `config.json`, tokenizer, chat template,
    /// generation settings and weights in safetensors, loaded if need be.
    /// Weights in other formats and code are left out.
    ///
    /// No request is made where the address is pinned to a commit and the cache
    /// holds settings, tokenizer and weights.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn model(&self, of: &HubAddress, on: &dyn DownloadProgress) -> Result<HubModel, HubError> {
        self.model_with(of, ModelFiles::All, on)
    }

    /// As [`model`](Self::model), without the weights: enough for rows as the model
    /// would read them. Nothing is said of weights that are not there.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn tokenizer(
        &self,
        of: &HubAddress,
        on: &dyn DownloadProgress,
    ) -> Result<HubModel, HubError> {
        self.model_with(of, ModelFiles::Small, on)
    }

    fn model_with(
        &self,
        of: &HubAddress,
        parts: ModelFiles,
        on: &dyn DownloadProgress,
    ) -> Result<HubModel, HubError> {
        if of.kind() != RepoKind::Model || of.path().is_some() {
            let why = "this is not a model; write hf://owner/name@revision";
            return Err(HubError::Use { what: of.to_string(), why });
        }
        let cache = RepoCache::new(&self.settings.cache, of);
        let of = &self.settle(of)?;
        let old = match cache.commit(of)? {
            Some(commit) => self.held(&cache, of, &commit, parts, on)?,
            None => Err(CacheMiss::Missing(CONFIG.to_owned())),
        };
        let old = match old {
            Err(lack) if self.settings.offline => {
                return Err(match lack {
                    CacheMiss::Missing(name) => self.offline(of, name),
                    CacheMiss::Damaged(path, why) => {
                        HubError::Damaged { what: of.to_string(), path, why }
                    }
                });
            }
            old => old.ok(),
        };
        if let Some(model) = old.clone().filter(|_| self.is_cache_enough(of)) {
            return Ok(model);
        }
        let listing = match (self.list(of, on), old) {
            (Err(e), Some(model)) if e.is_retryable() => {
                warn_stale(&model.pinned);
                return Ok(model);
            }
            (listing, _) => listing?,
        };
        let pinned = of.at(&listing.commit)?;
        let mut files = folder::small(of, &listing)?;
        // Known before anything is loaded.
        let weights = match parts {
            ModelFiles::All => Some(folder::weights(of, &listing)?),
            ModelFiles::Small => None,
        };
        let mut loaded = false;
        let mut load = |name: &str| -> Result<PathBuf, HubError> {
            let file = self.file(&pinned.join(name)?, on)?;
            loaded |= file.loaded;
            Ok(file.path)
        };
        for name in &files {
            load(name)?;
        }
        if let Some(weights) = weights {
            let first = load(weights)?;
            files.push(weights.to_owned());
            if weights == INDEX {
                for shard in folder::shards(of, &first)? {
                    load(&shard)?;
                    files.push(shard);
                }
            }
        }
        Ok(HubModel { folder: cache.snapshot(&listing.commit), pinned, files, loaded })
    }

    /// The model as the cache holds it, or what it lacks.
    fn held(
        &self,
        cache: &RepoCache,
        of: &HubAddress,
        commit: &str,
        parts: ModelFiles,
        on: &dyn DownloadProgress,
    ) -> Result<Result<HubModel, CacheMiss>, HubError> {
        let has = |name: &str| cache.file(commit, name).is_some();
        let missing = |name: &str| Ok(Err(CacheMiss::Missing(name.to_owned())));
        if !has(CONFIG) {
            return missing(CONFIG);
        }
        if !TOKENIZERS.iter().any(|name| has(name)) {
            return missing(TOKENIZERS[0]);
        }
        let folder = cache.snapshot(commit);
        let mut files = vec![CONFIG.to_owned()];
        let small = seal_files::tokenizer_files(&folder);
        files.extend(small.map_err(|e| HubError::io("list", &folder, e))?);
        match cache.file(commit, INDEX) {
            _ if parts == ModelFiles::Small => {}
            _ if has(WEIGHTS) => files.push(WEIGHTS.to_owned()),
            Some(index) => {
                // Before its shards are looked for, it must be what was loaded.
                if let Cached::Damaged(path, why) = self.cached(cache, of, commit, INDEX, on)? {
                    return Ok(Err(CacheMiss::Damaged(path, why)));
                }
                files.push(INDEX.to_owned());
                files.extend(folder::shards(of, &index)?);
            }
            None => return missing(WEIGHTS),
        }
        // What is missing is known without reading anything.
        if let Some(name) = files.iter().find(|name| !has(name)) {
            return missing(name);
        }
        for name in &files {
            match self.cached(cache, of, commit, name, on)? {
                Cached::Whole(_) => {}
                Cached::Absent => return missing(name),
                Cached::Damaged(path, why) => return Ok(Err(CacheMiss::Damaged(path, why))),
            }
        }
        Ok(Ok(HubModel { folder, pinned: of.at(commit)?, files, loaded: false }))
    }
}
