//! Files of models and data sets on a model hub, as local paths.
mod address;
mod cache;
mod error;
mod fetch;
mod folder;
mod http;
mod hub;
mod progress;
mod settings;

pub use address::{HubAddress, RepoKind};
pub use error::HubError;
pub use folder::Listing;
pub use hub::{Hub, HubFile, HubModel};
pub use progress::{Event, Progress, Silent};
pub use settings::{HubSettings, Retry, Token};
