//! From an address to a local path.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::address::HubAddress;
use crate::cache::RepoCache;
use crate::folder::Listing;
use crate::http::Http;
use crate::verify::{self, BlobState};
use crate::{DownloadProgress, HubError, HubSettings, fetch};

/// A hub and the cache in front of it. May be shared by threads.
///
/// One `Hub` sees one commit of a branch: what it is asked for after a commit
/// was looked up comes from that commit, whatever is pushed meanwhile.
pub struct Hub {
    pub(crate) settings: HubSettings,
    pub(crate) http: Http,
    /// Commits looked up, by address without a path.
    seen: Mutex<BTreeMap<String, String>>,
}

/// A file of a commit in the cache.
pub(crate) enum Cached {
    Absent,
    Whole(HubFile),
    /// Where it is, and why it cannot be what was loaded.
    Damaged(PathBuf, String),
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

impl HubFile {
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
    pub fn file(&self, of: &HubAddress, on: &dyn DownloadProgress) -> Result<HubFile, HubError> {
        let Some(path) = of.path() else {
            let why = "this is a whole repository; add the path of a file";
            return Err(HubError::Use { what: of.to_string(), why });
        };
        let cache = RepoCache::new(&self.settings.cache, of);
        let of = &self.settle(of)?;
        let old = match cache.commit(of)? {
            Some(commit) => self.cached(&cache, of, &commit, path, on)?,
            None => Cached::Absent,
        };
        let old = match old {
            Cached::Whole(file) => {
                if self.is_cache_enough(of) {
                    return Ok(file);
                }
                Some(file)
            }
            Cached::Absent if self.settings.offline => {
                return Err(self.offline(of, path.to_owned()));
            }
            Cached::Damaged(path, why) if self.settings.offline => {
                return Err(HubError::Damaged { what: of.to_string(), path, why });
            }
            // It is loaded anew, whatever the branch stands for now.
            Cached::Absent | Cached::Damaged(..) => None,
        };
        let meta = match (self.http.meta(of, on), old) {
            (Err(e), Some(file)) if e.is_retryable() => {
                warn_stale(&file.pinned);
                return Ok(file);
            }
            (meta, _) => meta?,
        };
        let pinned = of.at(&meta.commit)?;
        if let Cached::Whole(file) = self.cached(&cache, of, &meta.commit, path, on)? {
            self.remember(of, &cache, &meta.commit)?;
            return Ok(file);
        }
        let loaded = fetch::blob(&self.http, &cache, of, &meta, on)?;
        let path = cache.link(&meta.etag, &meta.commit, path)?;
        self.remember(of, &cache, &meta.commit)?;
        Ok(HubFile { path, pinned, loaded })
    }

    /// A file of a commit as the cache holds it.
    pub(crate) fn cached(
        &self,
        cache: &RepoCache,
        of: &HubAddress,
        commit: &str,
        path: &str,
        on: &dyn DownloadProgress,
    ) -> Result<Cached, HubError> {
        let Some(found) = cache.file(commit, path) else { return Ok(Cached::Absent) };
        let state = match cache.shown(commit, path) {
            Some(etag) => verify::blob(cache, &etag, None, path, on)?,
            None => BlobState::Unknown,
        };
        Ok(match state {
            BlobState::Absent => Cached::Absent,
            BlobState::Suspect(why) if self.settings.offline => {
                let file = found.display();
                tracing::warn!("{file} {why}; taken as it is, as the hub cannot be asked");
                Cached::Whole(HubFile { path: found, pinned: of.at(commit)?, loaded: false })
            }
            BlobState::Damaged(why) | BlobState::Suspect(why) => Cached::Damaged(found, why),
            BlobState::Whole | BlobState::Unknown => {
                Cached::Whole(HubFile { path: found, pinned: of.at(commit)?, loaded: false })
            }
        })
    }

    /// The files of a repository. Asks the hub each time.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn list(&self, of: &HubAddress, on: &dyn DownloadProgress) -> Result<Listing, HubError> {
        if self.settings.offline {
            return Err(self.offline(of, "a list of files".into()));
        }
        let of = &self.settle(of)?;
        let listing = Listing::parse(of, &self.http.info(of, on)?)?;
        self.remember(of, &RepoCache::new(&self.settings.cache, of), &listing.commit)?;
        Ok(listing)
    }

    /// Whether what the cache holds for an address is taken without a request.
    pub(crate) fn is_cache_enough(&self, of: &HubAddress) -> bool {
        of.pinned().is_some() || !self.settings.follow_branches || self.settings.offline
    }

    /// The address at the commit that this hub has already seen of the branch.
    pub(crate) fn settle(&self, of: &HubAddress) -> Result<HubAddress, HubError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(&branch(of)) {
            Some(commit) => of.at(commit),
            None => Ok(of.clone()),
        }
    }

    /// Keeps to a commit from now on, and notes it in the cache.
    pub(crate) fn remember(
        &self,
        of: &HubAddress,
        cache: &RepoCache,
        commit: &str,
    ) -> Result<(), HubError> {
        cache.note(of, commit)?;
        if of.pinned().is_none() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(branch(of), commit.to_owned());
        }
        Ok(())
    }

    pub(crate) fn offline(&self, of: &HubAddress, missing: String) -> HubError {
        HubError::Offline {
            address: Box::new(of.clone()),
            cache: self.settings.cache.clone(),
            missing,
        }
    }
}

/// The address without a path.
fn branch(of: &HubAddress) -> String {
    format!("{}@{}", of.page(), of.revision())
}

/// Says that the hub was not asked whether there is a newer commit.
pub(crate) fn warn_stale(pinned: &HubAddress) {
    tracing::warn!("the hub cannot be reached; taking {pinned} from the cache");
}
