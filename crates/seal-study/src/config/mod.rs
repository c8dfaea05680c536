//! The config of a study.
//!
//! A config is read as a TOML table, changed (`--quick`, `--set`), and only
//! then given types; the table is kept, so that an arm is the same config with
//! some of its keys replaced. Whatever can be configured can be ablated.

mod load;
mod model;
mod names;
mod numbers;
mod overrides;
mod types;
mod validate;

pub use load::{BUILT_IN, ConfigSource, load_config};
pub use model::{Expected, ModelFolder, ModelSettings};
pub use types::{
    Append, ArmRole, ArmSpec, Binding, Config, Method, Proxy, Quick, SelectionSettings,
    StudySection, TokenizerKind, TokenizerSettings,
};

pub(crate) use load::{Loaded, load};
pub(crate) use model::adapters_only;
pub(crate) use names::Names;
pub(crate) use overrides::{explain, parse_set, put, scalar};
