//! Why a change of a config cannot be made.

use super::config::ConfigError;

/// Why a change of a config cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// Settings that the config does not take.
    #[error("{}: {source}", settings.join(", "))]
    Setting {
        /// Those at fault, in the order in which they were given.
        settings: Vec<String>,
        /// What is wrong.
        source: Box<ConfigError>,
    },
    /// More rows than a config can ask for.
    #[error("{limit}: a limit is at most {most}; without one, all rows are taken")]
    Limit {
        /// What was given.
        limit: usize,
        /// The largest limit.
        most: i64,
    },
    /// A seed that a config cannot hold.
    #[error("{seed}: a config holds seeds up to {}", i64::MAX)]
    Seed {
        /// What was given.
        seed: u64,
    },
}
