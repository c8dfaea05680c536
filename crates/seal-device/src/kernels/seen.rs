//! Which keys queries see.

/// Keys that the queries of a chunk see: those at their own position and before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenKeys {
    /// Queries of a chunk, c.
    pub queries: usize,
    /// Position of the first query.
    pub first_query: usize,
    /// Position of the first key, not behind the first query.
    pub first_key: usize,
    /// A query sees at most so many keys.
    pub window: Option<usize>,
}
