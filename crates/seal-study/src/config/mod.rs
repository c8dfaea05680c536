//! The config of a study.
//!
//! A config is read as a TOML table, changed (`--quick`, `--set`), and only
//! then given types; the table is kept, so that an arm is the same config with
//! some of its keys replaced. Whatever can be configured can be ablated.

mod alignment;
mod arms;
mod asking;
mod devices;
mod judge;
mod judge_table;
#[cfg(test)]
mod judge_tests;
mod judges;
mod load;
mod names;
mod numbers;
mod types;
mod validate;

pub use arms::{ArmRole, ArmSpec, Binding};
pub use devices::Devices;
pub use judge::{MajorityKind, MajoritySettings, OneJudge, TestJudges};
pub use load::{BUILT_IN, ConfigSource, load_config};
pub use types::{Append, Config, Method, Proxy, Quick, SelectionSettings, StudySection};

pub(crate) use alignment::Alignment;
pub(crate) use asking::{OutputFile, name_of};
pub(crate) use load::{ConfigChange, LoadedConfig, load, load_noting};
pub(crate) use names::UniqueNames;
