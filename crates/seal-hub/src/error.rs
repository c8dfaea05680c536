//! What can go wrong between an address and a local path.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::HubAddress;

/// Why an address gave no local path.
///
/// Messages name the address and say what to do. None holds a token, and of what
/// a hub sends only its own short error message is shown, never a file's text.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum HubError {
    /// The text is no address.
    #[error(
        "{address}: not an address on a hub: {why}; write hf://owner/name@revision/path, or hf://datasets/owner/name@revision/path for a data set"
    )]
    Address { address: String, why: &'static str },
    /// A setting cannot be used.
    #[error("{name}: {why}")]
    Setting { name: String, why: String },
    /// A model was asked for as a file, or a file as a folder.
    #[error("{what}: {why}")]
    Use { what: String, why: &'static str },
    /// 401 and no token was sent.
    #[error(
        "{what}: the hub wants to know who asks (401), or there is no such repository; check the name, then log in with `hf auth login` or set HF_TOKEN to a token made at {tokens}"
    )]
    NoToken { what: String, tokens: String },
    /// 401 with a token.
    #[error(
        "{what}: the hub refused the token from {from} (401), or it may not see this repository; check the name, make a new token at {tokens} and log in with `hf auth login`"
    )]
    TokenRefused { what: String, from: String, tokens: String },
    /// The owner lets in only who asked for access.
    #[error(
        "{what}: the owner grants access on request: open {page}, accept the conditions there, wait for approval, then run again {as_whom}"
    )]
    Gated { what: String, page: String, as_whom: String },
    /// 403 for another reason.
    #[error(
        "{what}: the hub denies access (403){said}; see {page}, and check that the token may read this repository"
    )]
    Forbidden { what: String, page: String, said: String },
    /// 404: no such repository, as far as this token can see.
    #[error(
        "{what}: there is no such repository, or it is private and the token may not see it; check owner and name at {page}, and `datasets/` before them for a data set"
    )]
    NoRepo { what: String, page: String },
    /// 404: the repository has no such revision.
    #[error(
        "{what}: the repository has no revision `{revision}`; its branches and tags are at {page}/tree/main"
    )]
    NoRevision { what: String, revision: String, page: String },
    /// 404: the revision has no such file.
    #[error(
        "{what}: there is no such file at this revision; the files are at {page}/tree/{revision}"
    )]
    NoFile { what: String, page: String, revision: String },
    /// 404 without a reason, as mirrors answer.
    #[error("{what}: not found (404); check repository, revision and path at {page}")]
    NotFound { what: String, page: String },
    /// 429, after all attempts.
    #[error(
        "{what}: the hub takes no more requests for now (429){until}; run again later, or log in for a higher limit; what was loaded is kept"
    )]
    RateLimited { what: String, until: String, retry_after: Option<Duration> },
    /// 5xx or 408, after all attempts.
    #[error("{what}: the hub failed ({status}){said}; run again later; what was loaded is kept")]
    Server { what: String, status: u16, said: String, retry_after: Option<Duration> },
    /// The hub could not be reached or the connection broke, after all attempts.
    #[error(
        "{what}: no connection to {host}: {why}; check the network, a proxy (HTTPS_PROXY) or a mirror (HF_ENDPOINT), and run again: what was loaded is kept"
    )]
    Connection { what: String, host: String, why: String },
    /// The hub's certificate was not accepted.
    #[error(
        "{what}: no safe connection to {host}: {why}; if a proxy replaces certificates, set SSL_CERT_FILE to its authorities"
    )]
    Tls { what: String, host: String, why: String },
    /// Any other status.
    #[error("{what}: the hub refused the request ({status}){said}")]
    Status { what: String, status: u16, said: String },
    /// The answer is not what a hub sends.
    #[error("{what}: this does not look like the answer of a hub: {why}; check HF_ENDPOINT")]
    Answer { what: String, why: String },
    /// A file name from the hub that would lead out of the folder.
    #[error(
        "{what}: the hub names a file {name:?}, which is refused: {why}; do not use this repository"
    )]
    HostileName { what: String, name: String, why: &'static str },
    /// What arrived is not what the hub says it is.
    #[error(
        "{what}: SHA-256 is {found}, and the hub says {expected}; the bad copy was deleted: run again, and if it happens again, suspect the proxy, the mirror or the disk of {path}"
    )]
    Checksum { what: String, expected: String, found: String, path: PathBuf },
    /// The length is wrong, where there is no checksum.
    #[error(
        "{what}: {found} bytes arrived, and the hub says {expected}; the bad copy was deleted: run again, and if it happens again, suspect the proxy or the mirror"
    )]
    Length { what: String, expected: u64, found: u64 },
    /// The cached copy is not what it was, and there is no other.
    #[error(
        "{what}: the copy in the cache is damaged: {path} {why}; where there is a network run again without HF_HUB_OFFLINE, and it is loaded anew"
    )]
    Damaged { what: String, path: PathBuf, why: String },
    /// Something of another kind stands in the cache where a file is to be written.
    #[error("{path}: {why}; remove it, or set HF_HUB_CACHE to another folder")]
    Obstacle { path: PathBuf, why: &'static str },
    /// Offline, and the cache lacks it.
    #[error(
        "{address}: offline (HF_HUB_OFFLINE), and {cache} does not hold {missing}; load it where there is a network, or unset HF_HUB_OFFLINE"
    )]
    Offline { address: Box<HubAddress>, cache: PathBuf, missing: String },
    /// The repository holds no weights that can be read.
    #[error(
        "{what}: the repository has no {missing}; only models in the safetensors format are read"
    )]
    NotAModel { what: String, missing: &'static str },
    /// No room.
    #[error(
        "{path}: the disk is full{needed}; make room, or set HF_HUB_CACHE to a folder on another disk; what was loaded is kept"
    )]
    DiskFull { path: PathBuf, needed: String },
    /// The cache cannot be used.
    #[error(
        "{path}: cannot {doing} this file: {source}; check the rights of the folder, or set HF_HUB_CACHE to another"
    )]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
}

impl HubError {
    /// Whether the same call may succeed later with nothing changed: the network
    /// or the hub failed, and not the address, the rights or the data.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Server { .. } | Self::Connection { .. })
    }

    /// An error of the file system, told apart from a full disk.
    pub(crate) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => {
                Self::DiskFull { path: path.into(), needed: String::new() }
            }
            _ => Self::Io { doing, path: path.into(), source },
        }
    }
}

impl From<seal_net::NetError> for HubError {
    fn from(error: seal_net::NetError) -> Self {
        Self::Setting { name: error.name, why: error.why }
    }
}
