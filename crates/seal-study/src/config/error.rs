//! Why a change of a config cannot be made.

/// Why a change of a config cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// Settings that the config does not take.
    #[error("{}: {reason}", settings.join(", "))]
    Setting {
        /// Those at fault, in the order in which they were given.
        settings: Vec<String>,
        /// What is wrong.
        reason: String,
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
