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
//! **Where files go.** Files go to the cache that Python's `huggingface_hub` uses,
//! in its layout and with its locks. So each program finds the files that the other
//! has loaded. The variables are also those of Python, see
//! [`HubSettings::from_env`]. To log in, run `hf auth login` or set `HF_TOKEN`. The
//! token goes to the hub only. It goes to no store that the hub redirects to, and
//! into no message or log.
//!
//! **Which version.** Each [`Hub`] looks a branch up once. Everything that it then
//! reads of the branch comes from one commit. Results carry the commit. Keep
//! [`HubFile::pinned`] with anything made from a file: it names the same file for
//! ever. A pinned address needs no network once the cache holds the file.
//!
//! **Failures.** A request that failed for a reason that may pass (no connection,
//! 429, 5xx) is repeated within [`Retry`]'s bounds, with growing waits or the wait
//! that the hub asks for. A broken download continues where it stopped, also in the
//! next run. Large files are compared with the hub's SHA-256 on disk, small ones with
//! their length. [`HubError::is_retryable`] says whether a failure may pass.
//!
//! **Progress.** [`DownloadProgress`] receives [`Event`]s. [`Silent`] shows nothing. A closure
//! is a [`DownloadProgress`], too.
//!
//! # Why not the `hf-hub` crate
//!
//! Version 1.0.0 cannot be built without tokio, reqwest and the Xet client (236
//! crates where this takes 30). It loads a broken file from the start, compares no
//! checksum, and ignores `Retry-After`.
//!
//! Version 0.5.0 is lean, but its requests are private. Its errors give a bare status,
//! without the headers that tell a gated repository from a forbidden one, or a missing
//! file from a missing revision. It appends to a part whatever the server sends, and
//! gives up on a lock after five seconds. Its lock and parts are not those of Python.
//! Only its names of folders could be used.
//!
//! So the HTTP client is `ureq`, and this crate has the protocol of `huggingface_hub`:
//! [`HubAddress`] for names, then requests, retries, cache and checks, each in a file of
//! its own. Files in Xet storage are loaded through the hub's bridge for plain HTTP.
//!
//! # Limits
//!
//! The trusted certificate authorities are built in, or come from `SSL_CERT_FILE`. Those
//! of the system are not read. On file systems without locks, two processes may load the
//! same file twice, each whole. A blob that the cache holds is not hashed again.

mod address;
mod answer;
mod cache;
mod error;
mod fetch;
mod folder;
mod http;
mod hub;
mod model;
mod progress;
mod retry;
mod settings;
mod verify;

pub use address::{HubAddress, RepoKind};
pub use error::HubError;
pub use folder::Listing;
pub use hub::{Hub, HubFile};
pub use model::HubModel;
pub use progress::{DownloadProgress, Event, Silent};
pub use seal_net::Proxies;
pub use settings::{HubSettings, HubToken, Retry};
