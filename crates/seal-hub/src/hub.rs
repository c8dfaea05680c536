//! From an address to a local path.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::address::{HubAddress, RepoKind};
use crate::cache::RepoCache;
use crate::folder::{self, CONFIG, INDEX, Listing, TOKENIZERS, WEIGHTS};
use crate::http::Http;
use crate::{HubError, HubSettings, Progress, fetch};

/// A hub and the cache in front of it. May be shared by threads.
///
/// One `Hub` sees one commit of a branch: what it is asked for after a commit
/// was looked up comes from that commit, whatever is pushed meanwhile.
pub struct Hub {
    settings: HubSettings,
    http: Http,
    /// Commits looked up, by address without a path.
    seen: Mutex<BTreeMap<String, String>>,
}

/// A file of a hub, on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    /// Where it is. Read it, never write to it: the cache is shared.
    pub path: PathBuf,
    /// The address with the commit in place of the branch: the same bytes for
    /// ever. To be kept with results.
    pub pinned: HubAddress,
    /// Whether it was loaded just now.
    pub loaded: bool,
}

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

impl HubFile {
    /// The commit hash.
    pub fn commit(&self) -> &str {
        self.pinned.revision()
    }
}

impl HubModel {
    /// The commit hash.
    pub fn commit(&self) -> &str {
        self.pinned.revision()
    }
}

impl Hub {
    /// Opens no connection yet.
    ///
    /// # Errors
    /// An endpoint that is no web address, or a file of certificates that cannot
    /// be read.
    pub fn new(settings: HubSettings) -> Result<Self, HubError> {
        settings.check_endpoint()?;
        Ok(Self { http: Http::new(&settings)?, settings, seen: Mutex::default() })
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &HubSettings {
        &self.settings
    }

    /// A file as a local path, loaded if need be.
    ///
    /// No request is made where the address is pinned to a commit and the cache
    /// holds the file. Where the hub cannot be reached, what the cache holds for
    /// a branch is taken, with a warning in the log.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn file(&self, of: &HubAddress, on: &dyn Progress) -> Result<HubFile, HubError> {
        let Some(path) = of.path() else {
            let why = "this is a whole repository; add the path of a file";
            return Err(HubError::Use { what: of.to_string(), why });
        };
        let cache = RepoCache::new(&self.settings.cache, of);
        let cached = |commit: &str| match cache.file(commit, path) {
            Some(path) => Ok(Some(HubFile { path, pinned: of.at(commit)?, loaded: false })),
            None => Ok(None),
        };
        let of = &self.settle(of)?;
        if let Some(commit) = of.pinned()
            && let Some(file) = cached(commit)?
        {
            return Ok(file);
        }
        let old = cache.commit(of)?.map_or(Ok(None), |commit| cached(&commit))?;
        if self.settings.offline {
            return old.ok_or_else(|| self.offline(of, path.to_owned()));
        }
        if let Some(file) = old.clone().filter(|_| !self.settings.follow_branches) {
            return Ok(file);
        }
        let meta = match (self.http.meta(of, on), old) {
            (Err(e), Some(file)) if e.is_retryable() => {
                warn_stale(&file.pinned);
                return Ok(file);
            }
            (meta, _) => meta?,
        };
        let pinned = of.at(&meta.commit)?;
        if let Some(file) = cached(&meta.commit)? {
            self.remember(of, &cache, &meta.commit)?;
            return Ok(file);
        }
        let loaded = fetch::blob(&self.http, &cache, of, &meta, on)?;
        let path = cache.link(&meta.etag, &meta.commit, path)?;
        self.remember(of, &cache, &meta.commit)?;
        Ok(HubFile { path, pinned, loaded })
    }

    /// A model as a local folder: `config.json`, tokenizer, chat template,
    /// generation settings and weights in safetensors, loaded if need be.
    /// Weights in other formats and code are left out.
    ///
    /// No request is made where the address is pinned to a commit and the cache
    /// holds settings, tokenizer and weights.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn model(&self, of: &HubAddress, on: &dyn Progress) -> Result<HubModel, HubError> {
        if of.kind() != RepoKind::Model || of.path().is_some() {
            let why = "this is not a model; write hf://owner/name@revision";
            return Err(HubError::Use { what: of.to_string(), why });
        }
        let cache = RepoCache::new(&self.settings.cache, of);
        let of = &self.settle(of)?;
        let old = match cache.commit(of)? {
            Some(commit) => self.held(&cache, of, &commit)?,
            None => Err("config.json".to_owned()),
        };
        let old = match old {
            Err(missing) if self.settings.offline => return Err(self.offline(of, missing)),
            old => old.ok(),
        };
        let enough =
            self.settings.offline || of.pinned().is_some() || !self.settings.follow_branches;
        if let Some(model) = old.clone().filter(|_| enough) {
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
        let (mut files, weights) = folder::of_model(of, &listing)?;
        let mut loaded = false;
        let mut load = |name: &str| -> Result<PathBuf, HubError> {
            let file = self.file(&pinned.join(name)?, on)?;
            loaded |= file.loaded;
            Ok(file.path)
        };
        for name in &files {
            load(name)?;
        }
        let first = load(weights)?;
        files.push(weights.to_owned());
        if weights == INDEX {
            for shard in folder::shards(of, &first)? {
                load(&shard)?;
                files.push(shard);
            }
        }
        Ok(HubModel { folder: cache.snapshot(&listing.commit), pinned, files, loaded })
    }

    /// The files of a repository. Asks the hub each time.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn list(&self, of: &HubAddress, on: &dyn Progress) -> Result<Listing, HubError> {
        if self.settings.offline {
            return Err(self.offline(of, "a list of files".into()));
        }
        let of = &self.settle(of)?;
        let listing = Listing::parse(of, &self.http.info(of, on)?)?;
        self.remember(of, &RepoCache::new(&self.settings.cache, of), &listing.commit)?;
        Ok(listing)
    }

    /// The model as the cache holds it, or the name of a file that it lacks.
    fn held(
        &self,
        cache: &RepoCache,
        of: &HubAddress,
        commit: &str,
    ) -> Result<Result<HubModel, String>, HubError> {
        let has = |name: &str| cache.file(commit, name).is_some();
        let mut files = vec![CONFIG.to_owned()];
        if !TOKENIZERS.iter().any(|name| has(name)) {
            return Ok(Err(TOKENIZERS[0].to_owned()));
        }
        match cache.file(commit, INDEX) {
            _ if has(WEIGHTS) => files.push(WEIGHTS.to_owned()),
            Some(index) => {
                files.push(INDEX.to_owned());
                files.extend(folder::shards(of, &index)?);
            }
            None => return Ok(Err(WEIGHTS.to_owned())),
        }
        if let Some(missing) = files.iter().find(|name| !has(name)) {
            return Ok(Err(missing.clone()));
        }
        let small = folder::SMALL.iter().filter(|name| has(name)).map(|name| (*name).to_owned());
        files.splice(1..1, small);
        let folder = cache.snapshot(commit);
        Ok(Ok(HubModel { folder, pinned: of.at(commit)?, files, loaded: false }))
    }

    /// The address at the commit that this hub has already seen of the branch.
    fn settle(&self, of: &HubAddress) -> Result<HubAddress, HubError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(&branch(of)) {
            Some(commit) => of.at(commit),
            None => Ok(of.clone()),
        }
    }

    /// Keeps to a commit from now on, and notes it in the cache.
    fn remember(&self, of: &HubAddress, cache: &RepoCache, commit: &str) -> Result<(), HubError> {
        cache.note(of, commit)?;
        if of.pinned().is_none() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(branch(of), commit.to_owned());
        }
        Ok(())
    }

    fn offline(&self, of: &HubAddress, missing: String) -> HubError {
        let kind = match of.kind() {
            RepoKind::Model => "",
            RepoKind::Dataset => "--repo-type dataset ",
        };
        let path = of.path().map_or(String::new(), |path| format!(" '{path}'"));
        let command = format!("hf download {kind}--revision {} {}{path}", of.revision(), of.repo());
        HubError::Offline {
            what: of.to_string(),
            cache: self.settings.cache.clone(),
            missing,
            command,
        }
    }
}

/// The address without a path.
fn branch(of: &HubAddress) -> String {
    format!("{}@{}", of.page(), of.revision())
}

/// Says that the hub was not asked whether there is a newer commit.
fn warn_stale(pinned: &HubAddress) {
    tracing::warn!("the hub cannot be reached; taking {pinned} from the cache");
}
