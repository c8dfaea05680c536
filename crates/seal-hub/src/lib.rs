//! Files of models and data sets on a model hub, as local paths.
//!
//! Invariant: the only crate that opens a connection to a model hub; no Burn.
//! Everything else of the workspace sees local paths.
//!
//! # Usage
//!
//! ```no_run
//! use seal_hub::{Hub, HubAddress, HubSettings, Silent};
//!
//! # fn main() -> Result<(), seal_hub::HubError> {
//! let hub = Hub::new(HubSettings::from_env()?)?;
//!
//! let rows: HubAddress = "hf://datasets/Anthropic/hh-rlhf@main/harmless-base/test.jsonl.gz".parse()?;
//! let rows = hub.file(&rows, &Silent)?;
//! // rows.path is a local file; rows.pinned names the same bytes for ever.
//!
//! let model = hub.model(&"hf://EleutherAI/pythia-70m".parse()?, &Silent)?;
//! // model.folder holds config.json, the tokenizer and the weights.
//! # Ok(())
//! # }
//! ```
//!
//! | address | names |
//! |---|---|
//! | `hf://owner/name@revision/path` | a file of a model repository |
//! | `hf://datasets/owner/name@revision/path` | a file of a data set repository |
//! | `hf://owner/name@revision` | a model: settings, tokenizer, weights in safetensors |
//!
//! Without `@revision` it is `main`. A revision is a branch, a tag, a commit hash,
//! `refs/pr/N` or `refs/convert/NAME`; any other `/` in it is written `%2F`.
//!
//! **Where files go.** To the cache that Python's `huggingface_hub` uses, in its
//! layout and with its locks: what one has loaded the other finds. Variables are
//! those of Python too, see [`HubSettings::from_env`]. To log in, run
//! `hf auth login` or set `HF_TOKEN`; the token goes to the hub only, not to the
//! stores that it redirects to, and into no message or log.
//!
//! **Which version.** A branch is looked up once by each [`Hub`], and all that is
//! read of it then comes from one commit. Results carry the commit: keep
//! [`HubFile::pinned`] with what is made from a file, and it can be had again. An
//! address that is pinned needs no network once the cache holds the file.
//!
//! **Failures.** What may pass (no connection, 429, 5xx) is tried again with
//! growing waits, or the wait that the hub asks for, within [`Retry`]'s bounds; a
//! broken download goes on where it stopped, also in the next run. Large files are
//! compared with the hub's SHA-256 on disk; small ones with their length.
//! [`HubError::is_retryable`] parts what may pass later from what will not.
//!
//! **Progress.** [`Progress`] is told of [`Event`]s; [`Silent`] shows nothing, and
//! a closure will do.
//!
//! # Why not the `hf-hub` crate
//!
//! Its version 1.0.0 cannot be built without tokio, reqwest and the Xet client
//! (236 crates where this takes 30), loads a broken file from the start, compares
//! no checksum, and does not heed `Retry-After`. Version 0.5.0 is lean, but its
//! requests are private and its errors give a bare status, without the headers
//! that tell a gated repository from a forbidden one or a missing file from a
//! missing revision; it appends to a part whatever the server sends, gives up on
//! a lock after five seconds, and its lock and parts are not those of Python.
//! What remains of it are the names of folders. So the HTTP client is `ureq`, and
//! the protocol, as `huggingface_hub` speaks it, is here: [`HubAddress`] for names,
//! then requests, retries, cache and checks, each in a file of its own. Files in
//! Xet storage are loaded through the hub's bridge for plain HTTP.
//!
//! # Limits
//!
//! The authorities that are trusted are built in, or come from `SSL_CERT_FILE`;
//! those of the system are not read. On file systems without
//! locks, two processes may load the same file twice, each whole. A blob that the
//! cache holds is not hashed again.

mod address;
mod answer;
mod cache;
mod error;
mod fetch;
mod folder;
mod http;
mod hub;
mod model;
mod no_proxy;
mod progress;
mod proxy;
mod redirect;
mod retry;
mod settings;
mod text;
mod tls;
mod verify;

pub use address::{HubAddress, RepoKind};
pub use error::HubError;
pub use folder::Listing;
pub use hub::{Hub, HubFile, HubModel};
pub use progress::{Event, Progress, Silent};
pub use proxy::Proxies;
pub use settings::{HubSettings, Retry, Token};
